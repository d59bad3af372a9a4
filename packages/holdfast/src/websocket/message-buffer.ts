/**
 * Collects the payload of a message that arrives in pieces. Grows with what has arrived, never with what a header
 * promises, and copies, so that a peer that sends single bytes costs no more than their number.
 */
const firstCapacity = 256;

export class MessageBuffer {
  #bytes: Buffer | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (this.#bytes === undefined || this.#bytes.length < needed) {
      const grown = Buffer.allocUnsafeSlow(Math.max(firstCapacity, needed, 2 * (this.#bytes?.length ?? 0)));
      if (this.#bytes) grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  /** Hands over what was collected, and starts afresh. */
  take(): Buffer {
    const bytes = this.#bytes?.subarray(0, this.#length) ?? Buffer.alloc(0);
    this.#bytes = undefined;
    this.#length = 0;
    return bytes;
  }
}
