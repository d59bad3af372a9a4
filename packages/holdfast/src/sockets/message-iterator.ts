/**
 * Messages of a connection for `for await`. A loop slower than the messages slows
 * the peer down: reading pauses beyond a few waiting messages.
 */
import { HoldfastError } from "../errors.js";
import type { CloseStatus } from "../websocket/connection.js";
import type { MessageData } from "../websocket/message.js";

/** The connection that is iterated over. */
export interface MessageSource {
  /** Pauses and resumes reading, independently of the application's own pauses. */
  holdReading(isHeld: boolean): void;
  /** Ends the connection when the loop is left early. */
  close(): void;
}

interface Waiting {
  resolve(result: IteratorResult<MessageData, undefined>): void;
  reject(error: unknown): void;
}

/** Number of waiting messages beyond which reading pauses. */
const maxWaitingMessages = 16;
const done = { done: true, value: undefined } as const;

/** The iterator of `for await` over a WebSocket. */
export class MessageIterator implements AsyncIterableIterator<MessageData> {
  readonly #source: MessageSource;
  #messages: MessageData[] = [];
  readonly #waiting: Waiting[] = [];
  #isPaused = false;
  #end: CloseStatus | undefined;

  constructor(source: MessageSource) {
    this.#source = source;
  }

  push(message: MessageData): void {
    const waiting = this.#waiting.shift();
    if (waiting) {
      waiting.resolve({ done: false, value: message });
      return;
    }
    this.#messages.push(message);
    if (this.#messages.length <= maxWaitingMessages || this.#isPaused) return;
    this.#isPaused = true;
    this.#source.holdReading(true);
  }

  /** No more messages will come. */
  finish(status: CloseStatus): void {
    this.#end = status;
    for (const waiting of this.#waiting.splice(0)) this.#settleEnd(waiting);
  }

  next(): Promise<IteratorResult<MessageData, undefined>> {
    return new Promise((resolve, reject) => {
      const message = this.#messages.shift();
      if (message !== undefined) resolve({ done: false, value: message });
      else if (this.#end) this.#settleEnd({ resolve, reject });
      else this.#waiting.push({ resolve, reject });
      if (!this.#isPaused || this.#messages.length > 0) return;
      this.#isPaused = false;
      this.#source.holdReading(false);
    });
  }

  async return(): Promise<IteratorResult<MessageData, undefined>> {
    this.#messages = [];
    this.#end ??= { code: 1000, reason: "", wasClean: true };
    this.#source.close();
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(done);
    return done;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** A clean close ends the loop; anything else is thrown once. */
  #settleEnd({ resolve, reject }: Waiting): void {
    const status = this.#end as CloseStatus;
    if (status.wasClean) {
      resolve(done);
      return;
    }
    this.#end = { ...status, wasClean: true };
    reject(closedError(status));
  }
}

function closedError({ code, reason }: CloseStatus): HoldfastError {
  const why = reason === "" ? "" : `: ${reason}`;
  return new HoldfastError("HF_WEBSOCKET_CLOSED", `the connection was closed with ${code}${why}`, {
    details: { code, reason },
  });
}
