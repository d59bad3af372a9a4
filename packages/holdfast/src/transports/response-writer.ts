/**
 * Writes a streaming response: one write pending at a time, and the rest queued. So it is known how much the operating
 * system has not taken, and that a slow peer which takes some of it is not stalled.
 */
import type { ServerResponse } from "node:http";

/** What is used of a response, over HTTP/1.1 or HTTP/2. */
export type WritableResponse = Pick<ServerResponse, "write" | "end" | "writableLength" | "socket">;

/** Bytes of one write. */
const maxWriteBytes = 64 * 1024;

export class ResponseWriter {
  readonly #response: WritableResponse;
  readonly #onTaken: () => void;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Of the pending write; 0 if there is none. */
  #pendingBytes = 0;
  #writes = 0;
  /** Whether something was queued since everything was last taken. */
  #hasQueued = false;
  #isEnding = false;
  #isOver = false;

  /** @param onTaken called when everything is taken, after a write left something unsent */
  constructor(response: WritableResponse, onTaken: () => void) {
    this.#response = response;
    this.#onTaken = onTaken;
  }

  /**
   * Bytes that the operating system has not taken yet. A pending write does not count as long as nothing is queued behind
   * it: some versions of Node.js, and HTTP/2, take every write a moment later.
   */
  get unsentBytes(): number {
    return this.#hasQueued ? this.#queuedBytes + this.#pendingBytes : 0;
  }

  write(parts: readonly Uint8Array[]): void {
    if (this.#isEnding || this.#isOver) return;
    for (const part of parts) this.#add(part);
    this.#writeQueued();
    if (this.#queuedBytes > 0) this.#hasQueued = true;
  }

  /** Ends the response after what was written. */
  end(): void {
    if (this.#isEnding || this.#isOver) return;
    this.#isEnding = true;
    this.#writeQueued();
  }

  /** The response is gone. */
  clear(): void {
    this.#isOver = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#pendingBytes = 0;
  }

  #add(part: Uint8Array): void {
    this.#queuedBytes += part.length;
    for (let at = 0; at < part.length; at += maxWriteBytes)
      this.#queue.push(part.length <= maxWriteBytes ? part : part.subarray(at, at + maxWriteBytes));
  }

  #writeQueued(): void {
    while (this.#pendingBytes === 0 && this.#queue.length > 0) this.#write(this.#takePiece());
    if (this.#pendingBytes > 0 || !this.#isEnding || this.#isOver) return;
    this.#isOver = true;
    this.#response.end();
  }

  /** Up to the bytes of one write: whole parts in one chunk, since some clients decode each chunk by itself. */
  #takePiece(): Uint8Array {
    let bytes = 0;
    let count = 0;
    for (const part of this.#queue) {
      if (count > 0 && bytes + part.length > maxWriteBytes) break;
      bytes += part.length;
      count++;
    }
    const parts = this.#queue.splice(0, count);
    this.#queuedBytes -= bytes;
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, bytes);
  }

  #write(piece: Uint8Array): void {
    const write = ++this.#writes;
    this.#pendingBytes = piece.length;
    this.#response.write(piece, () => {
      if (write === this.#writes && this.#pendingBytes > 0) this.#taken();
    });
    // HTTP/1.1: Node.js holds chunks back until the end of the turn; this is the turn's last one.
    const { socket } = this.#response;
    if (socket !== null && socket?.writableCorked > 0) socket.uncork();
    if (this.#response.writableLength === 0) this.#pendingBytes = 0;
  }

  #taken(): void {
    this.#pendingBytes = 0;
    if (this.#isOver) return;
    this.#writeQueued();
    if (this.#pendingBytes > 0 || this.#isOver || !this.#hasQueued) return;
    this.#hasQueued = false;
    this.#onTaken();
  }
}
