/**
 * Messages of a connection, one after the other, for `for await`. Who iterates slower than messages come holds up the
 * peer: beyond a few messages that wait, nothing is read.
 */
import type { CloseStatus, MessageData } from "../websocket/index.js";

export interface MessageSource {
  /** Stops and goes on reading, whatever the application has asked for besides. */
  holdReading(isHeldUp: boolean): void;
  /** Ends the connection when the loop is left early. */
  close(): void;
}

interface Waiting<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

/** Beyond so many messages that nobody took yet, reading is paused. */
const maxWaitingMessages = 16;
const done = { done: true, value: undefined } as const;

export class MessageIterator<T = MessageData> implements AsyncIterableIterator<T> {
  readonly #source: MessageSource;
  #messages: T[] = [];
  readonly #waiting: Waiting<T>[] = [];
  #isPaused = false;
  #end: CloseStatus | undefined;
  readonly #createError: (status: CloseStatus) => Error;

  constructor(source: MessageSource, createError: (status: CloseStatus) => Error) {
    this.#source = source;
    this.#createError = createError;
  }

  push(message: T): void {
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

  next(): Promise<IteratorResult<T, undefined>> {
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

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#messages = [];
    this.#end ??= { code: 1000, reason: "", wasClean: true };
    this.#source.close();
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(done);
    return done;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** A clean close ends the loop; anything else is thrown there, once. */
  #settleEnd({ resolve, reject }: Waiting<T>): void {
    const status = this.#end as CloseStatus;
    if (status.wasClean) {
      resolve(done);
      return;
    }
    this.#end = { ...status, wasClean: true };
    reject(this.#createError(status));
  }
}
