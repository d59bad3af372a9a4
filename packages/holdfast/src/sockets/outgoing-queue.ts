/**
 * What a client sends, in order: the bytes of a Blob have to be waited for, and what is sent after it waits with them.
 * Counts the payload bytes that have not gone out, as the standard's `bufferedAmount` has it.
 */
import type { MessageData } from "../websocket/index.js";

export class OutgoingQueue {
  readonly #write: (message: MessageData) => void;
  /** What waits for a Blob; undefined when nothing does. */
  #waiting: Promise<void> | undefined;
  #waitingBytes = 0;
  /** Payload bytes written since everything had gone out. */
  #writtenBytes = 0;
  #droppedBytes = 0;

  constructor(write: (message: MessageData) => void) {
    this.#write = write;
  }

  send(message: MessageData | Blob): void {
    if (this.#waiting === undefined && !(message instanceof Blob)) {
      this.#writtenBytes += sizeOf(message);
      this.#write(message);
      return;
    }
    const size = sizeOf(message);
    this.#waitingBytes += size;
    this.after(async () => {
      const data = message instanceof Blob ? new Uint8Array(await message.arrayBuffer()) : message;
      this.#waitingBytes -= size;
      this.#writtenBytes += size;
      this.#write(data);
    });
  }

  /** Counts what is sent too late, which the standard has in `bufferedAmount` for good. */
  drop(message: MessageData | Blob): void {
    this.#droppedBytes += sizeOf(message);
  }

  /** Runs at once, or behind what waits. */
  after(run: () => void | Promise<void>): void {
    if (this.#waiting === undefined) {
      const result = run();
      if (!(result instanceof Promise)) return;
      this.#follow(result);
    } else this.#follow(this.#waiting.then(run));
  }

  /** @param unsentBytes of the socket, frame headers included */
  bufferedAmount(unsentBytes: number): number {
    if (unsentBytes === 0) this.#writtenBytes = 0;
    return this.#waitingBytes + Math.min(this.#writtenBytes, unsentBytes) + this.#droppedBytes;
  }

  #follow(step: Promise<void>): void {
    const waiting = step
      .catch(() => {})
      .then(() => {
        if (this.#waiting === waiting) this.#waiting = undefined;
      });
    this.#waiting = waiting;
  }
}

function sizeOf(message: MessageData | Blob): number {
  if (typeof message === "string") return Buffer.byteLength(message);
  return message instanceof Blob ? message.size : message.byteLength;
}
