/** Publications for a `for await` loop: buffered while the loop is busy, up to a bound, beyond which the loop ends with an error. */
import { HoldfastError, invalidOption } from "../../holdfast/src/errors.js";
import type { ChannelListeners } from "./channel-subscription.js";
import { endedByServer, type Publication } from "./from-sdk.js";

export interface IterationOptions {
  /** Maximum number of publications buffered for the loop; beyond, it ends with HF_CLIENT_SLOW. @default 1,000 */
  readonly maxBuffered?: number;
}

export const defaultMaxBuffered = 1000;

interface Call<Data> {
  resolve(result: IteratorResult<Publication<Data>, undefined>): void;
  reject(error: HoldfastError): void;
}

export class PublicationIterator<Data> implements AsyncIterableIterator<Publication<Data>> {
  readonly #channel: string;
  readonly #maxBuffered: number;
  readonly #unsubscribe: () => void;
  readonly #buffer: Publication<Data>[] = [];
  readonly #calls: Call<Data>[] = [];
  #hasEnded = false;
  /** Thrown once, after the publications before it. */
  #fault: HoldfastError | undefined;

  /** @throws HF_OPTION_INVALID */
  constructor(
    channel: string,
    { maxBuffered = defaultMaxBuffered }: IterationOptions,
    subscribe: (listeners: ChannelListeners<Data>) => () => void,
  ) {
    if (!Number.isSafeInteger(maxBuffered) || maxBuffered < 1)
      throw invalidOption("maxBuffered", "an integer of at least 1", String(maxBuffered));
    this.#channel = channel;
    this.#maxBuffered = maxBuffered;
    this.#unsubscribe = subscribe({
      onPublication: (publication) => this.#receive(publication),
      onStatus: (status) => {
        if (status.state === "unsubscribed")
          this.#end(status.code === 0 ? undefined : this.#endedByServer(status.code, status.reason));
      },
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Publication<Data>, undefined>> {
    const publication = this.#buffer.shift();
    if (publication !== undefined) return { value: publication, done: false };
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault) throw fault;
    if (this.#hasEnded) return { value: undefined, done: true };
    return await new Promise((resolve, reject) => this.#calls.push({ resolve, reject }));
  }

  /** Ends the iteration, and drops what is buffered. */
  async return(): Promise<IteratorResult<Publication<Data>, undefined>> {
    this.#buffer.length = 0;
    this.#fault = undefined;
    this.#end(undefined);
    return { value: undefined, done: true };
  }

  #receive(publication: Publication<Data>): void {
    if (this.#hasEnded) return;
    const call = this.#calls.shift();
    if (call) call.resolve({ value: publication, done: false });
    else if (this.#buffer.length < this.#maxBuffered) this.#buffer.push(publication);
    else
      this.#end(
        new HoldfastError(
          "HF_CLIENT_SLOW",
          `the loop over ${this.#channel} is too slow: ${this.#maxBuffered} publications were buffered (maxBuffered) when another came`,
          { details: { channel: this.#channel, maxBuffered: this.#maxBuffered } },
        ),
      );
  }

  #endedByServer(code: number, reason: string): HoldfastError {
    return endedByServer(`the subscription to ${this.#channel} was ended`, code, reason);
  }

  #end(fault: HoldfastError | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const [first, ...others] = this.#calls.splice(0);
    if (first && fault) first.reject(fault);
    else {
      first?.resolve({ value: undefined, done: true });
      this.#fault = fault;
    }
    for (const { resolve } of others) resolve({ value: undefined, done: true });
    // The first status comes before `subscribe` has returned.
    queueMicrotask(() => this.#unsubscribe());
  }
}
