/**
 * Writes Protobuf messages (https://protobuf.dev/programming-guides/encoding) into a buffer that grows and is used again. Fields that
 * are zero, empty or false are left out, since that is what readers take a missing field for.
 */

const initialBytes = 4096;

/** A larger buffer is not kept for the next messages. */
const maxKeptBytes = 1024 * 1024;

/** Up to this many characters, ASCII is written faster here than by an encoder. */
const maxShortCharacters = 64;

const lengthType = 2;

/** UTF-8 takes up to 3 bytes for a UTF-16 code unit. */
const maxCharacterBytes = 3;

const encoder = new TextEncoder();

export class ProtobufWriter {
  #bytes = new Uint8Array(initialBytes);
  #at = 0;

  /** @returns a copy of what was written since the last call */
  finish(): Uint8Array {
    const written = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    if (this.#bytes.length > maxKeptBytes) this.#bytes = new Uint8Array(initialBytes);
    return written;
  }

  number(field: number, value: number): void {
    if (value === 0) return;
    this.#tag(field, 0);
    if (value > 0) this.#varint(value);
    else this.#negative(value);
  }

  /** A number whose sign is in its lowest bit (`sint64`). */
  zigzag(field: number, value: number): void {
    // Beyond 2^52 the doubled number may lose digits, which a 64-bit one has.
    const big = BigInt(Math.trunc(value));
    const encoded = BigInt.asUintN(64, (big << 1n) ^ (big >> 63n));
    if (encoded === 0n) return;
    this.#tag(field, 0);
    this.#bigVarint(encoded);
  }

  flag(field: number, value: boolean | undefined): void {
    if (value) this.number(field, 1);
  }

  string(field: number, text: string | undefined): void {
    if (text === undefined || text === "") return;
    this.#tag(field, lengthType);
    this.#text(text);
  }

  bytes(field: number, bytes: Uint8Array | undefined): void {
    if (bytes === undefined || bytes.length === 0) return;
    this.#tag(field, lengthType);
    this.#varint(bytes.length);
    this.raw(bytes);
  }

  /** A message, which `write` writes. Written even if it is empty, since that it is there may mean something. */
  message(field: number, write: () => void): void {
    this.#tag(field, lengthType);
    this.delimited(write);
  }

  /** What `write` writes, with its length before it. */
  delimited(write: () => void): void {
    // Most messages have less than 128 bytes, and so a length of one byte; others move by what theirs takes more.
    this.#reserve(1);
    const start = ++this.#at;
    write();
    const length = this.#at - start;
    const extra = varintBytes(length) - 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#bytes.copyWithin(start + extra, start, this.#at);
    }
    const end = this.#at + extra;
    this.#at = start - 1;
    this.#varint(length);
    this.#at = end;
  }

  /** Bytes that are fields already. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A text in UTF-8, with its length before it. */
  #text(text: string): void {
    if (text.length <= maxShortCharacters && this.#writeShort(text)) return;
    // The length comes first, and takes as many bytes as that of the longest encoding at most.
    const maxLengthBytes = varintBytes(text.length * maxCharacterBytes);
    this.#reserve(maxLengthBytes + text.length * maxCharacterBytes);
    const start = this.#at + maxLengthBytes;
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(start));
    this.#varint(written);
    this.#bytes.copyWithin(this.#at, start, start + written);
    this.#at += written;
  }

  /** @returns false, with nothing written, unless all characters are ASCII */
  #writeShort(text: string): boolean {
    this.#reserve(text.length + 1);
    const bytes = this.#bytes;
    const start = this.#at + 1;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[start + i] = code;
    }
    bytes[this.#at] = text.length;
    this.#at = start + text.length;
    return true;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at++] = rest;
  }

  /** Two's complement of 64 bits. */
  #negative(value: number): void {
    this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
  }

  #bigVarint(value: bigint): void {
    this.#reserve(10);
    let rest = value;
    for (; rest >= 0x80n; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.#at++] = Number(rest);
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}
