/**
 * What a session has to say in this turn: replies are gathered into one frame, batches of publications stand as they
 * are, and the order is kept.
 */
import type { Encoding } from "../channels/reader.js";
import type { Payload } from "../wire/codec.js";

const noParts: readonly Uint8Array[] = Object.freeze([]);

export class Outbox {
  readonly #encoding: Encoding;
  #parts: Uint8Array[] | undefined;
  #messages: Payload[] | undefined;
  #size = 0;

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
  }

  /** Bytes that wait, approximately. */
  get size(): number {
    return this.#size;
  }

  get isEmpty(): boolean {
    return this.#parts === undefined && this.#messages === undefined;
  }

  addMessage(message: Payload): void {
    this.#messages ??= [];
    this.#messages.push(message);
    this.#size += message.length;
  }

  addBytes(bytes: Uint8Array): void {
    this.#closeFrame();
    this.#parts ??= [];
    this.#parts.push(bytes);
    this.#size += bytes.length;
  }

  /** Everything, framed; the outbox is empty afterwards. */
  take(): readonly Uint8Array[] {
    this.#closeFrame();
    const parts = this.#parts ?? noParts;
    this.#parts = undefined;
    this.#size = 0;
    return parts;
  }

  #closeFrame(): void {
    if (this.#messages === undefined) return;
    const { codec, frame } = this.#encoding;
    this.#parts ??= [];
    this.#parts.push(frame(codec.join(this.#messages)));
    this.#messages = undefined;
  }
}
