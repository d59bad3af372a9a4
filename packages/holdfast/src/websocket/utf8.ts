/**
 * Incremental UTF-8 validation (RFC 3629), so that text is refused at its first wrong byte, wherever the fragments
 * and reads happen to be cut (RFC 6455 §8.1).
 */
import { isUtf8 } from "node:buffer";

/** Validates one text message, given in any number of pieces. */
export class Utf8Validator {
  /** Continuation bytes the current character still needs. */
  #needed = 0;
  /** Range that the next continuation byte must lie in; narrower than 80–BF after E0, ED, F0 and F4. */
  #low = 0x80;
  #high = 0xbf;

  /** Whether the text so far ends at a character boundary. */
  get isComplete(): boolean {
    return this.#needed === 0;
  }

  /**
   * Takes the next piece.
   * @returns false as soon as no valid text can begin with the bytes seen; the validator is of no use after that
   */
  push(bytes: Uint8Array): boolean {
    let index = 0;
    while (this.#needed > 0 && index < bytes.length) {
      if (!this.#step(bytes[index++] as number)) return false;
    }
    const tail = Math.max(index, incompleteTail(bytes));
    // The bulk, up to the last character boundary, goes through the native check.
    if (tail > index && !isUtf8(bytes.subarray(index, tail))) return false;
    for (let i = tail; i < bytes.length; i++) if (!this.#step(bytes[i] as number)) return false;
    return true;
  }

  reset(): void {
    this.#needed = 0;
    this.#low = 0x80;
    this.#high = 0xbf;
  }

  /** RFC 3629 §4, table of well-formed sequences. */
  #step(byte: number): boolean {
    if (this.#needed > 0) {
      if (byte < this.#low || byte > this.#high) return false;
      this.#needed--;
      this.#low = 0x80;
      this.#high = 0xbf;
      return true;
    }
    if (byte < 0x80) return true;
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#needed = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xe0) this.#low = 0xa0;
    else if (byte === 0xf0) this.#low = 0x90;
    else if (byte === 0xed) this.#high = 0x9f;
    else if (byte === 0xf4) this.#high = 0x8f;
    return true;
  }
}

/** Index at which a character begins that these bytes cut off; the length where they end at a boundary. */
function incompleteTail(bytes: Uint8Array): number {
  const from = Math.max(0, bytes.length - 3);
  for (let i = bytes.length - 1; i >= from; i--) {
    const byte = bytes[i] as number;
    if (byte < 0x80) return bytes.length;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return i + length > bytes.length ? i : bytes.length;
    }
  }
  return bytes.length;
}
