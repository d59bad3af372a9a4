/**
 * Writes a response that goes on: one write under way at a time, and the rest behind it, so that what the operating system
 * has not taken is known, and a peer that takes some of it is seen not to be stalled.
 */
import type { ServerResponse } from "node:http";

/** What is needed of a response, over HTTP/1.1 or HTTP/2. */
export type WritableResponse = Pick<ServerResponse, "write" | "end" | "writableLength" | "socket">;

/** So much is given at a time. */
const maxGivenBytes = 64 * 1024;

export class ResponseWriter {
  readonly #response: WritableResponse;
  readonly #onTaken: () => void;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Of the write under way; 0 where there is none. */
  #bytesUnderWay = 0;
  #writes = 0;
  /** Whether something is behind the write under way, or was since everything had last been taken. */
  #hasWaited = false;
  #isEnding = false;
  #isOver = false;

  /** @param onTaken called when everything has been taken, after a write left something unsent */
  constructor(response: WritableResponse, onTaken: () => void) {
    this.#response = response;
    this.#onTaken = onTaken;
  }

  /**
   * Bytes that the operating system has not taken yet. One write that is under way does not count as long as nothing is
   * behind it: some versions of Node.js, and HTTP/2, take every write a moment later.
   */
  get unsentBytes(): number {
    return this.#hasWaited ? this.#waitingBytes + this.#bytesUnderWay : 0;
  }

  write(parts: readonly Uint8Array[]): void {
    if (this.#isEnding || this.#isOver) return;
    for (const part of parts) this.#add(part);
    this.#giveWaiting();
    if (this.#waitingBytes > 0) this.#hasWaited = true;
  }

  /** Ends the response behind what was written. */
  end(): void {
    if (this.#isEnding || this.#isOver) return;
    this.#isEnding = true;
    this.#giveWaiting();
  }

  /** The response is gone. */
  clear(): void {
    this.#isOver = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#bytesUnderWay = 0;
  }

  #add(part: Uint8Array): void {
    this.#waitingBytes += part.length;
    for (let at = 0; at < part.length; at += maxGivenBytes)
      this.#waiting.push(part.length <= maxGivenBytes ? part : part.subarray(at, at + maxGivenBytes));
  }

  #giveWaiting(): void {
    while (this.#bytesUnderWay === 0 && this.#waiting.length > 0) this.#give(this.#takePiece());
    if (this.#bytesUnderWay > 0 || !this.#isEnding || this.#isOver) return;
    this.#isOver = true;
    this.#response.end();
  }

  /** As much as may be given: whole parts in one chunk, since some clients decode each chunk by itself. */
  #takePiece(): Uint8Array {
    let bytes = 0;
    let count = 0;
    for (const part of this.#waiting) {
      if (count > 0 && bytes + part.length > maxGivenBytes) break;
      bytes += part.length;
      count++;
    }
    const parts = this.#waiting.splice(0, count);
    this.#waitingBytes -= bytes;
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, bytes);
  }

  #give(piece: Uint8Array): void {
    const write = ++this.#writes;
    this.#bytesUnderWay = piece.length;
    this.#response.write(piece, () => {
      if (write === this.#writes && this.#bytesUnderWay > 0) this.#taken();
    });
    // HTTP/1.1: Node.js holds chunks back for the rest of the turn, and this is the last one of it.
    const { socket } = this.#response;
    if (socket !== null && socket?.writableCorked > 0) socket.uncork();
    if (this.#response.writableLength === 0) this.#bytesUnderWay = 0;
  }

  #taken(): void {
    this.#bytesUnderWay = 0;
    if (this.#isOver) return;
    this.#giveWaiting();
    if (this.#bytesUnderWay > 0 || this.#isOver || !this.#hasWaited) return;
    this.#hasWaited = false;
    this.#onTaken();
  }
}
