/**
 * WebSocket frames of a load generator (RFC 6455 §5): masked ones to send, and a reader of a server's that costs little. It
 * gives whole messages, or only counts: markers in payloads, or, cheapest of all, frames. Nothing of the buffer is kept after
 * `read` returns, so that all connections can share one.
 */

/** One key for all is fine where no proxy could be deceived. RFC 6455 §5.3. */
const maskingKey = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** The key that all clients send, and what a server has to make of it. RFC 6455 §4.2.2. */
export const upgradeKey = "dGhlIHNhbXBsZSBub25jZQ==";
export const upgradeAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

export function textFrame(text: string): Buffer {
  return clientFrame(0x1, Buffer.from(text));
}

export function pongFrame(payload: Buffer): Buffer {
  return clientFrame(0xa, payload);
}

/** Closes with 1000, RFC 6455 §7.4.1. */
export function closeFrame(): Buffer {
  return clientFrame(0x8, Buffer.from([1000 >> 8, 1000 & 0xff]));
}

/** @param opcode with the reserved bits, such as RSV1 of a compressed message (RFC 7692 §6) */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const masked = Buffer.from(payload);
  for (let i = 0; i < masked.length; i++) masked[i] = (masked[i] as number) ^ (maskingKey[i & 3] as number);
  return Buffer.concat([header(opcode, payload.length), maskingKey, masked]);
}

/** Replaces ASCII text in a frame that `textFrame` made. @param at where it stands in the payload */
export function replaceText(frame: Buffer, payloadBytes: number, at: number, text: string): void {
  const start = frame.length - payloadBytes + at;
  for (let i = 0; i < text.length; i++)
    frame[start + i] = text.charCodeAt(i) ^ (maskingKey[(at + i) & 3] as number);
}

function header(opcode: number, length: number): Buffer {
  const first = 0x80 | opcode;
  if (length < 126) return Buffer.from([first, 0x80 | length]);
  if (length < 65_536) return Buffer.from([first, 0x80 | 126, length >> 8, length & 0xff]);
  throw new Error(`a frame of ${length} bytes is longer than a load generator sends`);
}

/** A server sent what it must not send, or more than is accepted. */
export class FrameError extends Error {}

/** What is counted instead of handing over messages. */
export type Counted = "markers" | "frames";

export interface FrameEvents {
  /**
   * A whole message: every one while nothing is counted, those without a marker while markers are, none while frames are.
   * Compressed ones (RFC 7692 §6) are handed over as they came, a character for each byte.
   */
  onMessage(text: string, isCompressed: boolean): void;
  onPing(payload: Buffer): void;
  /** @param code 1005 where the frame has none */
  onClose(code: number, reason: string): void;
  /** How many of what is counted have come since the last call. */
  onCounted?(count: number): void;
}

export interface FrameReaderOptions {
  /** Whether messages may be compressed, and those that are counted as frames must be. @default false */
  readonly isCompressing?: boolean;
  /** The byte that counts as a marker. */
  readonly marker?: number;
}

const maxMessageBytes = 64 * 1024 * 1024;
/** Frames up to this length are read as a whole even when counting: a ping of a protocol is one of them. */
const shortBytes = 4;
/** How many characters of what may turn out to be no publication are kept. */
const maxKeptCharacters = 1024;

export class FrameReader {
  counted: Counted | undefined;
  readonly #events: FrameEvents;
  readonly #marker: number;
  /** Bits that are wrong in any first byte. */
  readonly #reservedBits: number;
  /** What the first byte of each frame has to be when frames are counted: FIN, RSV1 if compressed, and the opcode. */
  readonly #expectedFirst: number;
  /** What has come of a header, or of a frame that is needed as a whole. */
  #held: Buffer | undefined;
  /** Payload bytes of the current frame that are still to come. */
  #left = 0;
  #isFinal = true;
  #isCompressed = false;
  /** The current message as far as it has come, where one read did not bring all of it. */
  #pieces: Buffer[] | undefined;
  #pieceBytes = 0;
  /** Of the current message, while markers are counted. */
  #hasMarker = false;
  #text = "";

  constructor(events: FrameEvents, { isCompressing = false, marker = 0 }: FrameReaderOptions = {}) {
    this.#events = events;
    this.#marker = marker;
    this.#reservedBits = isCompressing ? 0x30 : 0x70;
    this.#expectedFirst = isCompressing ? 0xc1 : 0x81;
  }

  /** @throws FrameError saying what no server may send, or what is longer than is accepted */
  read(buffer: Buffer, length = buffer.length): void {
    let bytes = buffer;
    let end = length;
    if (this.#held) {
      bytes = Buffer.concat([this.#held, buffer.subarray(0, length)]);
      end = bytes.length;
      this.#held = undefined;
    }
    if (this.counted === "frames") this.#countFrames(bytes, end);
    else this.#readPayloads(bytes, end);
  }

  #readPayloads(bytes: Buffer, end: number): void {
    let markers = 0;
    let at = 0;
    while (at < end) {
      if (this.#left === 0) {
        const next = this.#readHeader(bytes, at, end);
        if (next === at) {
          this.#held = Buffer.from(bytes.subarray(at, end));
          break;
        }
        at = next;
      }
      const stop = Math.min(end, at + this.#left);
      if (stop === at) continue;
      this.#left -= stop - at;
      if (this.counted === "markers") markers += this.#countIn(bytes, at, stop);
      else this.#readPiece(bytes, at, stop);
      at = stop;
    }
    if (markers > 0) this.#events.onCounted?.(markers);
  }

  /** Takes some of a message's payload, which may be the end of it. */
  #readPiece(bytes: Buffer, start: number, stop: number): void {
    const isEnd = this.#left === 0 && this.#isFinal;
    const encoding = this.#isCompressed ? "latin1" : "utf8";
    if (isEnd && this.#pieces === undefined) {
      this.#events.onMessage(bytes.toString(encoding, start, stop), this.#isCompressed);
      return;
    }
    this.#pieces ??= [];
    this.#pieces.push(Buffer.from(bytes.subarray(start, stop)));
    this.#pieceBytes += stop - start;
    if (!isEnd) return;
    const whole = Buffer.concat(this.#pieces);
    this.#pieces = undefined;
    this.#pieceBytes = 0;
    this.#events.onMessage(whole.toString(encoding), this.#isCompressed);
  }

  /** @returns the markers in some of a message; where there are none to its end, hands it over */
  #countIn(bytes: Buffer, start: number, stop: number): number {
    const count = this.#countMarkers(bytes, start, stop);
    if (count > 0) this.#hasMarker = true;
    const isEnd = this.#left === 0 && this.#isFinal;
    if (!this.#hasMarker && this.#text.length < maxKeptCharacters)
      this.#text += bytes.toString("latin1", start, stop);
    if (isEnd) this.#endCounted();
    return count;
  }

  #endCounted(): void {
    const text = this.#text;
    const hasMarker = this.#hasMarker;
    this.#text = "";
    this.#hasMarker = false;
    if (!hasMarker) this.#events.onMessage(text, this.#isCompressed);
  }

  #countMarkers(bytes: Buffer, start: number, stop: number): number {
    let count = 0;
    let at = start;
    while (at < stop) {
      // Several times faster than a loop over the bytes. What lies behind `stop` is full of markers, so it ends soon.
      const found = bytes.indexOf(this.#marker, at);
      if (found < 0 || found >= stop) break;
      count++;
      at = found + 1;
    }
    return count;
  }

  /** Looks at the headers only, which are skipped and not searched. A frame counts once its last byte has come. */
  #countFrames(bytes: Buffer, end: number): void {
    const expected = this.#expectedFirst;
    let at = this.#left;
    let frames = at > 0 && at <= end ? 1 : 0;
    while (at < end) {
      const length = bytes[at + 1] as number;
      if (bytes[at] === expected && length < 127 && at + 4 <= end) {
        at += length < 126 ? 2 + length : 4 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
        frames++;
        continue;
      }
      const first = bytes[at] as number;
      const isControl = (first & 0x0f) >= 8;
      if (!isControl && first !== expected)
        throw new FrameError(`the server sent a frame that begins with ${first}`);
      const next = this.#readHeader(bytes, at, end);
      if (next === at) {
        this.#held = Buffer.from(bytes.subarray(at, end));
        at = end;
        break;
      }
      at = isControl ? next : next + this.#left;
      if (!isControl) frames++;
    }
    if (at > end) frames--;
    this.#left = at - end;
    if (frames > 0) this.#events.onCounted?.(frames);
  }

  /** @returns where the payload starts, or the frame ends if it was dealt with; `at` when not enough has come */
  #readHeader(bytes: Buffer, at: number, end: number): number {
    if (end - at < 2) return at;
    const first = bytes[at] as number;
    let length = bytes[at + 1] as number;
    if (first & this.#reservedBits) throw new FrameError("the server sent a frame with reserved bits set");
    if (length & 0x80) throw new FrameError("the server sent a masked frame");
    let start = at + 2;
    if (length === 126) {
      start = at + 4;
      if (end < start) return at;
      length = bytes.readUInt16BE(at + 2);
    } else if (length === 127) {
      start = at + 10;
      if (end < start) return at;
      length = Number(bytes.readBigUInt64BE(at + 2));
    }
    const opcode = first & 0x0f;
    if (opcode >= 8) return this.#readControl(bytes, at, start, length, end, opcode);
    if (opcode !== 0) this.#isCompressed = (first & 0x40) !== 0;
    if (this.counted === undefined && length + this.#pieceBytes > maxMessageBytes)
      throw new FrameError(`the server sent a message longer than ${maxMessageBytes} bytes`);
    if (length <= shortBytes && this.counted !== "frames") {
      const stop = start + length;
      if (end < stop) return at;
      this.#isFinal = first >= 0x80;
      if (this.counted === undefined) this.#readPiece(bytes, start, stop);
      else {
        this.#text += bytes.toString("latin1", start, stop);
        if (this.#isFinal) this.#endCounted();
      }
      return stop;
    }
    this.#left = length;
    this.#isFinal = first >= 0x80;
    return start;
  }

  /** @returns where the frame ends; `at` when it has not come as a whole */
  #readControl(
    bytes: Buffer,
    at: number,
    start: number,
    length: number,
    end: number,
    opcode: number,
  ): number {
    const stop = start + length;
    if (end < stop) return at;
    if (opcode === 0x9) this.#events.onPing(Buffer.from(bytes.subarray(start, stop)));
    else if (opcode === 0x8)
      this.#events.onClose(
        length >= 2 ? bytes.readUInt16BE(start) : 1005,
        bytes.toString("utf8", Math.min(start + 2, stop), stop),
      );
    return stop;
  }
}
