/**
 * Reads WebSocket frames from a server as cheaply as it can be done: whole text messages, or only the number of markers
 * in the payloads, or, cheapest of all, only the number of frames. Frame headers are skipped, not searched, because a
 * length may look like a marker. RFC 6455 §5.2. Messages are ASCII. Nothing of the buffer is kept after `read` returns,
 * so that all connections can share one.
 */
import { marker } from "./payload.js";

export type Counted = "markers" | "frames";

export interface FrameEvents {
  /** So many of what is counted have come since the last call. */
  onCounted(count: number): void;
  /**
   * A whole message: every one while nothing is counted, only those without a marker while markers are, none while frames
   * are. Compressed ones (RFC 7692 §6) are handed over as they came, a character for each byte.
   */
  onMessage(text: string, isCompressed: boolean): void;
  onControl(opcode: number, payload: Buffer): void;
  /** While frames are counted: a frame that is not a whole text message, compressed if it has to be. */
  onWrongFrame(firstByte: number): void;
}

/** Frames up to this length are read as a whole even when counting: a ping of a protocol is one of them. */
const shortBytes = 4;
/** So many characters of what may turn out to be no publication are kept, and what comes with them. */
const mostKept = 1024;

export class FrameReader {
  /** What is counted, instead of handing over messages as text. */
  counted: Counted | undefined;
  /** What the first byte of each frame has to be when frames are counted: FIN, RSV1 if compressed, and the opcode. */
  readonly #expectedFirst: number;
  readonly #events: FrameEvents;
  /** What has come of a header, or of a frame that is wanted as a whole. */
  #held: Buffer | undefined;
  /** Payload bytes of the current frame that are still to come. */
  #left = 0;
  #isFinal = true;
  #isCompressed = false;
  /** Of the current message, while markers are counted. */
  #hasMarker = false;
  #text = "";

  /** @param compresses whether frames that are counted have to be compressed */
  constructor(events: FrameEvents, compresses = false) {
    this.#events = events;
    this.#expectedFirst = compresses ? 0xc1 : 0x81;
  }

  read(buffer: Buffer, length: number): void {
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
      if (this.counted === "markers") {
        markers += this.#countIn(bytes, at, stop);
        at = stop;
      } else {
        this.#text += bytes.toString("latin1", at, stop);
        at = stop;
        if (this.#left === 0 && this.#isFinal) this.#endMessage();
      }
    }
    if (markers > 0) this.#events.onCounted(markers);
  }

  /** @returns the markers in some of a message; where there are none to its end, hands it over */
  #countIn(bytes: Buffer, start: number, stop: number): number {
    const count = countMarkers(bytes, start, stop);
    if (count > 0) this.#hasMarker = true;
    const isEnd = this.#left === 0 && this.#isFinal;
    if (!this.#hasMarker && this.#text.length < mostKept) this.#text += bytes.toString("latin1", start, stop);
    if (isEnd && !this.#hasMarker) this.#endMessage();
    if (isEnd) {
      this.#hasMarker = false;
      this.#text = "";
    }
    return count;
  }

  /** Looks at the headers only. A frame counts once its last byte has come. */
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
      if (!isControl && first !== expected) {
        this.#events.onWrongFrame(first);
        return;
      }
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
    if (frames > 0) this.#events.onCounted(frames);
  }

  /** @returns where the payload starts, or the frame ends if it was dealt with; `at` when not enough has come */
  #readHeader(bytes: Buffer, at: number, end: number): number {
    if (end - at < 2) return at;
    const first = bytes[at] as number;
    let length = bytes[at + 1] as number;
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
    const isControl = opcode >= 8;
    if (!isControl && opcode !== 0) this.#isCompressed = (first & 0x40) !== 0;
    if (isControl || (length <= shortBytes && this.counted !== "frames")) {
      const stop = start + length;
      if (end < stop) return at;
      if (isControl) this.#events.onControl(opcode, Buffer.from(bytes.subarray(start, stop)));
      else this.#readShort(bytes.toString("latin1", start, stop), first >= 0x80);
      return stop;
    }
    this.#left = length;
    this.#isFinal = first >= 0x80;
    return start;
  }

  #readShort(text: string, isFinal: boolean): void {
    this.#text += text;
    if (isFinal) this.#endMessage();
  }

  #endMessage(): void {
    const text = this.#text;
    this.#text = "";
    this.#events.onMessage(text, this.#isCompressed);
  }
}

function countMarkers(bytes: Buffer, start: number, stop: number): number {
  let count = 0;
  let at = start;
  while (at < stop) {
    // Several times faster than a loop over the bytes. What lies behind `stop` is full of markers, so it ends soon.
    const found = bytes.indexOf(marker, at);
    if (found < 0 || found >= stop) break;
    count++;
    at = found + 1;
  }
  return count;
}
