/** Writes and reads bytes, with integers of variable length (LEB128), up to 2^53 - 1. */

export class ByteWriter {
  #buffer: Buffer;
  #at = 0;

  /** @param capacity grows if it is too small */
  constructor(capacity: number) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  number(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#at++] = rest;
  }

  text(value: string): void {
    const bytes = Buffer.from(value);
    this.number(bytes.length);
    this.bytes(bytes);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#at);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    larger.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = larger;
  }
}

/** @throws RangeError if the bytes end too early */
export class ByteReader {
  readonly #buffer: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#buffer.length - this.at;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.#buffer[this.at++];
      if (byte === undefined || factor > Number.MAX_SAFE_INTEGER) throw new RangeError("bytes end too early");
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  text(length = this.number()): string {
    this.#skip(length);
    return this.#buffer.toString("utf8", this.at - length, this.at);
  }

  /** Each byte as the character with its code. */
  latin1(length: number): string {
    this.#skip(length);
    return this.#buffer.toString("latin1", this.at - length, this.at);
  }

  #skip(length: number): void {
    if (length > this.left) throw new RangeError("bytes end too early");
    this.at += length;
  }
}
