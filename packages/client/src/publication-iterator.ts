/** Publications for a `for await` loop: what comes while the loop is busy waits, and a loop that is too slow is told. */
import { HoldfastError } from "../../holdfast/src/errors.js";
import type { Publication } from "./publication.js";
import { refusedForGood } from "./sdk-error.js";
import type { ChannelListeners } from "./shared-subscription.js";

export interface IterationOptions {
  /** Most publications that wait for the loop; one more, and the loop ends with HF_CLIENT_SLOW. @default 1,000 */
  readonly maxWaiting?: number;
}

export const defaultMaxWaiting = 1000;

interface Call<Data> {
  resolve(result: IteratorResult<Publication<Data>, undefined>): void;
  reject(error: HoldfastError): void;
}

export class PublicationIterator<Data> implements AsyncIterableIterator<Publication<Data>> {
  readonly #channel: string;
  readonly #maxWaiting: number;
  readonly #unsubscribe: () => void;
  readonly #waiting: Publication<Data>[] = [];
  readonly #calls: Call<Data>[] = [];
  #hasEnded = false;
  /** Thrown once, after what has come before it. */
  #fault: HoldfastError | undefined;

  /** @throws HF_OPTION_INVALID for a bound that is none */
  constructor(
    channel: string,
    { maxWaiting = defaultMaxWaiting }: IterationOptions,
    subscribe: (listeners: ChannelListeners<Data>) => () => void,
  ) {
    if (!Number.isSafeInteger(maxWaiting) || maxWaiting < 1)
      throw new HoldfastError(
        "HF_OPTION_INVALID",
        `maxWaiting must be an integer from 1, but is ${String(maxWaiting)}`,
        { details: { option: "maxWaiting" } },
      );
    this.#channel = channel;
    this.#maxWaiting = maxWaiting;
    this.#unsubscribe = subscribe({
      onPublication: (publication) => this.#receive(publication),
      onStatus: (status) => {
        if (status.state === "unsubscribed")
          this.#end(status.code === 0 ? undefined : this.#refusal(status.code, status.reason));
      },
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Publication<Data>, undefined>> {
    const publication = this.#waiting.shift();
    if (publication !== undefined) return { value: publication, done: false };
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault) throw fault;
    if (this.#hasEnded) return { value: undefined, done: true };
    return await new Promise((resolve, reject) => this.#calls.push({ resolve, reject }));
  }

  /** Ends the iteration; what waits is dropped. */
  async return(): Promise<IteratorResult<Publication<Data>, undefined>> {
    this.#waiting.length = 0;
    this.#fault = undefined;
    this.#end(undefined);
    return { value: undefined, done: true };
  }

  #receive(publication: Publication<Data>): void {
    if (this.#hasEnded) return;
    const call = this.#calls.shift();
    if (call) call.resolve({ value: publication, done: false });
    else if (this.#waiting.length < this.#maxWaiting) this.#waiting.push(publication);
    else
      this.#end(
        new HoldfastError(
          "HF_CLIENT_SLOW",
          `the loop over ${this.#channel} takes publications more slowly than they come: ${this.#maxWaiting} wait (maxWaiting), and no further one was kept`,
          { details: { channel: this.#channel, maxWaiting: this.#maxWaiting } },
        ),
      );
  }

  #refusal(code: number, reason: string): HoldfastError {
    return refusedForGood(`the subscription to ${this.#channel} was ended`, code, reason);
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
    // A status may come before there is a function to unsubscribe with.
    queueMicrotask(() => this.#unsubscribe());
  }
}
