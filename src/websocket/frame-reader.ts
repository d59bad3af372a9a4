/**
 * Cuts a stream of bytes into frames, however it is chopped. Hands data payloads on as they come and control frames
 * whole; keeps at most one header and one control payload.
 */
import {
  type Fault,
  type FrameHeader,
  isControl,
  isFault,
  maxHeaderBytes,
  type Opcode,
  parseFrameHeader,
} from "./frame.js";
import { maskInPlace } from "./masking.js";

/** Takes what the reader finds. A fault that it returns ends the reading. */
export interface FrameSink {
  startData(header: FrameHeader): Fault | undefined;
  /** @param isFrameEnd whether this piece is the frame's last; `isFinal` is the frame's FIN bit */
  receiveData(piece: Uint8Array, isFrameEnd: boolean, isFinal: boolean): Fault | undefined;
  receiveControl(opcode: Opcode, payload: Uint8Array): Fault | undefined;
}

const empty = new Uint8Array(0);

export class FrameReader {
  readonly #isMaskExpected: boolean;
  readonly #canBeCompressed: boolean;
  #isStopped = false;
  /** A header cut off by the end of a chunk. */
  #headerPart: Uint8Array = empty;
  #frame: FrameHeader | undefined;
  #payloadRead = 0;
  /** A control payload cut off by the end of a chunk. */
  #controlPart: Buffer | undefined;

  constructor(isMaskExpected: boolean, canBeCompressed: boolean) {
    this.#isMaskExpected = isMaskExpected;
    this.#canBeCompressed = canBeCompressed;
  }

  /** Whether a frame has begun and not ended. */
  get isMidFrame(): boolean {
    return this.#frame !== undefined || this.#headerPart.length > 0;
  }

  /** Ignores all input from here on. */
  stop(): void {
    this.#isStopped = true;
    this.#headerPart = empty;
    this.#controlPart = undefined;
    this.#frame = undefined;
  }

  /** @returns the first fault in these bytes, after which nothing more is read */
  read(chunk: Uint8Array, sink: FrameSink): Fault | undefined {
    let offset = 0;
    while (!this.#isStopped) {
      if (this.#frame === undefined) {
        const next = this.#readHeader(chunk, offset, sink);
        if (typeof next !== "number") return next;
        offset = next;
      }
      const frame = this.#frame as FrameHeader | undefined;
      if (frame === undefined) return undefined;
      const missing = frame.payloadBytes - this.#payloadRead;
      if (missing > 0 && offset === chunk.length) return undefined;
      const piece = chunk.subarray(offset, Math.min(offset + missing, chunk.length));
      offset += piece.length;
      const fault = this.#readPayload(frame, piece, sink);
      if (fault) return fault;
    }
    return undefined;
  }

  /** @returns the offset after the header, or after all bytes where they do not make one yet */
  #readHeader(chunk: Uint8Array, start: number, sink: FrameSink): number | Fault {
    const held = this.#headerPart.length;
    const bytes = held === 0 ? chunk : joined(this.#headerPart, chunk, start);
    const offset = held === 0 ? start : 0;
    const header = parseFrameHeader(bytes, offset, this.#isMaskExpected, this.#canBeCompressed);
    if (header === undefined) {
      this.#headerPart = bytes.slice(offset);
      return chunk.length;
    }
    if (isFault(header)) return header;
    this.#headerPart = empty;
    const fault = isControl(header.opcode) ? undefined : sink.startData(header);
    if (fault) return fault;
    this.#frame = header;
    this.#payloadRead = 0;
    return start + header.headerBytes - held;
  }

  #readPayload(frame: FrameHeader, piece: Uint8Array, sink: FrameSink): Fault | undefined {
    if (frame.isMasked && piece.length > 0) maskInPlace(piece, frame.maskingKey, this.#payloadRead);
    this.#payloadRead += piece.length;
    const isFrameEnd = this.#payloadRead === frame.payloadBytes;
    if (isFrameEnd) this.#frame = undefined;
    if (!isControl(frame.opcode)) return sink.receiveData(piece, isFrameEnd, frame.isFinal);
    const payload = this.#controlPart ? Buffer.concat([this.#controlPart, piece]) : Buffer.from(piece);
    this.#controlPart = isFrameEnd ? undefined : payload;
    return isFrameEnd ? sink.receiveControl(frame.opcode, payload) : undefined;
  }
}

/** The held bytes and as many of the chunk's as a header may need. */
function joined(held: Uint8Array, chunk: Uint8Array, start: number): Uint8Array {
  const more = chunk.subarray(start, start + maxHeaderBytes - held.length);
  const bytes = new Uint8Array(held.length + more.length);
  bytes.set(held);
  bytes.set(more, held.length);
  return bytes;
}
