/**
 * Finds the frames in the bytes of one direction of a WebSocket (RFC 6455 §5.2), wherever they are cut. It keeps the beginning
 * of each frame only, and checks nothing: the engine has done so, or is about to.
 */

export interface RawFrame {
  /** Header and payload. */
  readonly bytes: number;
  /** The first bytes, as they went over the line. */
  readonly start: Uint8Array;
}

/** A header has up to 14 bytes; the rest is payload to look at. */
export const maxStartBytes = 160;

export class FrameReader {
  readonly #onFrame: (frame: RawFrame) => void;
  readonly #start = new Uint8Array(maxStartBytes);
  /** Bytes of the frame so far. */
  #seen = 0;
  /** Header and payload; undefined while the header is incomplete. */
  #total: number | undefined;

  constructor(onFrame: (frame: RawFrame) => void) {
    this.#onFrame = onFrame;
  }

  receive(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      // Byte by byte up to the end of the header, then as far as the frame goes.
      const end = this.#total === undefined ? at + 1 : Math.min(bytes.length, at + this.#total - this.#seen);
      if (this.#seen < maxStartBytes)
        this.#start.set(bytes.subarray(at, Math.min(end, at + maxStartBytes - this.#seen)), this.#seen);
      this.#seen += end - at;
      at = end;
      this.#total ??= this.#findTotal();
      if (this.#seen === this.#total) this.#end(this.#total);
    }
  }

  #findTotal(): number | undefined {
    if (this.#seen < 2) return undefined;
    const second = this.#start[1] as number;
    const isMasked = second >= 0x80;
    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const header = 2 + lengthBytes + (isMasked ? 4 : 0);
    if (this.#seen < header) return undefined;
    let length = lengthBytes === 0 ? short : 0;
    for (let index = 0; index < lengthBytes; index++)
      length = length * 256 + (this.#start[2 + index] as number);
    return header + length;
  }

  #end(bytes: number): void {
    const start = this.#start.slice(0, Math.min(bytes, maxStartBytes));
    this.#seen = 0;
    this.#total = undefined;
    this.#onFrame({ bytes, start });
  }
}
