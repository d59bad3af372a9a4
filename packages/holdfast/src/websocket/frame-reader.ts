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
  Opcode,
  parseFrameHeader,
} from "./frame.js";
import { maskInPlace } from "./masking.js";

/** Takes what the reader finds. A fault that it returns ends the reading. */
export interface FrameSink {
  startData(header: FrameHeader): Fault | undefined;
  /** @param isFrameEnd whether this piece is the frame's last; `isFinal` is the frame's FIN bit */
  receiveData(piece: Uint8Array, isFrameEnd: boolean, isFinal: boolean): Fault | undefined;
  receiveControl(opcode: Opcode, payload: Uint8Array): Fault | undefined;
  /** A frame that is skipped. */
  skipFrame(): void;
  /** Whether enough was done for now: the rest is left unread until `read` is called again. */
  readonly isOverBudget: boolean;
}

const empty = new Uint8Array(0);

export class FrameReader {
  readonly #isMaskExpected: boolean;
  readonly #canBeCompressed: boolean;
  #isStopped = false;
  #isOnlyForClose = false;
  /** Bytes that were taken and not looked at yet. */
  #unread: Uint8Array = empty;
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

  /** Whether bytes are left of what was taken. */
  get hasUnread(): boolean {
    return this.#unread.length > 0;
  }

  /** Skips everything from here on but a Close frame: nothing is unmasked, kept or handed on. */
  readOnlyForClose(): void {
    this.#isOnlyForClose = true;
    if (this.#frame?.opcode !== Opcode.close) this.#controlPart = undefined;
  }

  /** Ignores all input from here on. */
  stop(): void {
    this.#isStopped = true;
    this.#unread = empty;
    this.#headerPart = empty;
    this.#controlPart = undefined;
    this.#frame = undefined;
  }

  /**
   * Reads what was left before, and these bytes.
   * @returns the first fault in them, after which nothing more is read
   */
  read(more: Uint8Array, sink: FrameSink): Fault | undefined {
    const chunk = this.#unread.length === 0 ? more : Buffer.concat([this.#unread, more]);
    this.#unread = empty;
    let offset = 0;
    while (!this.#isStopped) {
      if (sink.isOverBudget) {
        this.#unread = chunk.subarray(offset);
        return undefined;
      }
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
    if (this.#skips(header)) sink.skipFrame();
    else {
      const fault = isControl(header.opcode) ? undefined : sink.startData(header);
      if (fault) return fault;
    }
    this.#frame = header;
    this.#payloadRead = 0;
    return start + header.headerBytes - held;
  }

  #skips({ opcode }: FrameHeader): boolean {
    return this.#isOnlyForClose && opcode !== Opcode.close;
  }

  #readPayload(frame: FrameHeader, piece: Uint8Array, sink: FrameSink): Fault | undefined {
    if (this.#skips(frame)) {
      this.#payloadRead += piece.length;
      if (this.#payloadRead === frame.payloadBytes) this.#frame = undefined;
      return undefined;
    }
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
