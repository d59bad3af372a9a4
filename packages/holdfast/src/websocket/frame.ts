/**
 * Frames (RFC 6455 §5.2): the header as bytes and as values, masking (§5.3), and a reader that finds them in a stream of bytes; close
 * codes and the payload of a Close frame (§5.5.1, §7.4). Knows single frames only; message.ts and connection.ts check their order, and
 * connection.ts decides when to close.
 */

import { isUtf8 } from "node:buffer";
import { randomFillSync } from "node:crypto";

export const Opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  /** Never on the wire: the peer's Close frame carried no code. */
  noStatus: 1005,
  /** Never on the wire: the connection ended without a Close frame. */
  abnormal: 1006,
  invalidPayload: 1007,
  policyViolation: 1008,
  messageTooBig: 1009,
  internalError: 1011,
} as const;

const empty = new Uint8Array(0);

/** The first reserved bit, in the first byte of a frame. */
const rsv1 = 0x40;

/** RFC 6455 §5.5. */
export const maxControlPayloadBytes = 125;

/** A frame's header as values. */
export interface FrameHeader {
  readonly isFinal: boolean;
  /** RSV1, which permessage-deflate sets on the first frame of a compressed message (RFC 7692 §6). */
  readonly isCompressed: boolean;
  readonly opcode: Opcode;
  readonly isMasked: boolean;
  /** As it stands in the frame, first octet in the highest byte; 0 for an unmasked frame. */
  readonly maskingKey: number;
  readonly payloadBytes: number;
  readonly headerBytes: number;
}

/** A protocol violation by the peer: the close code to fail the connection with, and the reason. */
export interface Fault {
  readonly code: number;
  readonly reason: string;
}

export function isFault(value: object): value is Fault {
  return "reason" in value;
}

const isKnownOpcode = (opcode: number): opcode is Opcode => opcode <= 0x2 || (opcode >= 0x8 && opcode <= 0xa);
export const isControl = (opcode: number): boolean => (opcode & 0x8) !== 0;

/**
 * Reads a frame header at `offset`. Faults are reported as soon as the byte that holds them has arrived.
 * @param isMaskExpected true at a server: RFC 6455 §5.1 has clients mask every frame, and servers none
 * @param canBeCompressed whether permessage-deflate was negotiated
 * @returns the header, a fault, or undefined when more bytes are needed
 */
export function parseFrameHeader(
  bytes: Uint8Array,
  offset: number,
  isMaskExpected: boolean,
  canBeCompressed: boolean,
): FrameHeader | Fault | undefined {
  const available = bytes.length - offset;
  if (available < 1) return undefined;
  const first = bytes[offset] as number;
  const opcode = first & 0x0f;
  const isFinal = (first & 0x80) !== 0;
  const isCompressed = (first & rsv1) !== 0;
  // RFC 6455 §5.2: RSV1–3 must be 0 unless an extension gives them a meaning.
  if (first & (canBeCompressed ? 0x30 : 0x70))
    return protocolError("reserved bits are set without a negotiated extension that defines them");
  if (!isKnownOpcode(opcode)) return protocolError(`opcode 0x${opcode.toString(16)} is reserved`);
  // RFC 6455 §5.5: control frames must not be fragmented.
  if (isControl(opcode) && !isFinal) return protocolError("a control frame is fragmented");
  // RFC 7692 §6: the bit belongs to the first frame of a data message, and to no other.
  if (isCompressed && opcode !== Opcode.text && opcode !== Opcode.binary)
    return protocolError("RSV1 is set on a frame that does not start a message");
  if (available < 2) return undefined;

  const second = bytes[offset + 1] as number;
  const isMasked = (second & 0x80) !== 0;
  if (isMasked !== isMaskExpected)
    return protocolError(isMaskExpected ? "a client's frame is not masked" : "a server's frame is masked");
  const short = second & 0x7f;
  if (isControl(opcode) && short > maxControlPayloadBytes)
    return protocolError(`a control frame has more than ${maxControlPayloadBytes} bytes`);

  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const headerBytes = 2 + lengthBytes + (isMasked ? 4 : 0);
  if (lengthBytes === 8 && available > 2 && ((bytes[offset + 2] as number) & 0x80) !== 0)
    return protocolError("a frame's length has its most significant bit set");
  if (available < 2 + lengthBytes) return undefined;
  const payloadBytes = lengthBytes === 0 ? short : readLength(bytes, offset + 2, lengthBytes);
  if (typeof payloadBytes !== "number") return payloadBytes;
  if (available < headerBytes) return undefined;
  const maskingKey = isMasked ? readUint32(bytes, offset + headerBytes - 4) : 0;
  return { isFinal, isCompressed, opcode, isMasked, maskingKey, payloadBytes, headerBytes };
}

function readLength(bytes: Uint8Array, offset: number, lengthBytes: 2 | 8): number | Fault {
  if (lengthBytes === 2) {
    const length = ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number);
    // RFC 6455 §5.2: the minimal number of bytes must be used to encode the length.
    return length < 126 ? protocolError("a frame's length is not minimally encoded") : length;
  }
  const high = readUint32(bytes, offset);
  const length = high * 0x1_0000_0000 + readUint32(bytes, offset + 4);
  if (length < 0x1_0000) return protocolError("a frame's length is not minimally encoded");
  return length;
}

function readUint32(bytes: Uint8Array, offset: number): number {
  const [a, b, c, d] = [bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]] as [
    number,
    number,
    number,
    number,
  ];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

export function protocolError(reason: string): Fault {
  return { code: CloseCode.protocolError, reason };
}

/**
 * A whole frame in one buffer, ready to be written.
 * @param maskingKey given by clients: RFC 6455 §5.3 wants it fresh and unpredictable for every frame
 * @param isCompressed whether the payload is the first or only part of a message compressed after RFC 7692
 */
export function encodeFrame(
  opcode: Opcode,
  payload: Uint8Array,
  isFinal = true,
  maskingKey?: number,
  isCompressed = false,
): Buffer {
  const length = payload.length;
  const lengthBytes = length < 126 ? 0 : length < 0x1_0000 ? 2 : 8;
  const headerBytes = 2 + lengthBytes + (maskingKey === undefined ? 0 : 4);
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame[0] = (isFinal ? 0x80 : 0) | (isCompressed ? rsv1 : 0) | opcode;
  frame[1] =
    (maskingKey === undefined ? 0 : 0x80) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) frame.writeUInt16BE(length, 2);
  else if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.set(payload, headerBytes);
  if (maskingKey !== undefined) {
    frame.writeUInt32BE(maskingKey, headerBytes - 4);
    maskInPlace(frame.subarray(headerBytes), maskingKey, 0);
  }
  return frame;
}

/**
 * Splits a stream of bytes into frames, however it is chunked. Read a header with `readHeader`, then its payload with
 * `readPayload` or `skipPayload`, until one of them needs more bytes.
 */
export class FrameReader {
  readonly #isMaskExpected: boolean;
  readonly #canBeCompressed: boolean;
  #chunk: Uint8Array = empty;
  #offset = 0;
  /** Whether what is left of the chunk is the beginning of a header. */
  #isMidHeader = false;
  #frame: FrameHeader | undefined;
  #payloadRead = 0;
  /** The beginning of a control frame's payload. */
  #controlPart: Buffer | undefined;

  /** The same parameters as those of `parseFrameHeader`. */
  constructor(isMaskExpected: boolean, canBeCompressed: boolean) {
    this.#isMaskExpected = isMaskExpected;
    this.#canBeCompressed = canBeCompressed;
  }

  /** The frame whose payload is being read; undefined between frames. */
  get frame(): FrameHeader | undefined {
    return this.#frame;
  }

  /** Whether a frame has begun and not ended. */
  get isMidFrame(): boolean {
    return this.#frame !== undefined || this.#isMidHeader;
  }

  /** Whether there are bytes left to read. */
  get hasUnread(): boolean {
    return this.#offset < this.#chunk.length && !this.#isMidHeader;
  }

  /** Takes more bytes, which belong to the reader from then on. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    const isEmpty = this.#offset === this.#chunk.length;
    this.#chunk = isEmpty ? chunk : Buffer.concat([this.#chunk.subarray(this.#offset), chunk]);
    this.#offset = 0;
    this.#isMidHeader = false;
  }

  /** @returns the next frame's header, its fault, or undefined when more bytes are needed */
  readHeader(): FrameHeader | Fault | undefined {
    const header = parseFrameHeader(this.#chunk, this.#offset, this.#isMaskExpected, this.#canBeCompressed);
    if (header === undefined) {
      // A few bytes of their own, so that the rest of the chunk can be collected.
      const part = this.#offset === this.#chunk.length ? empty : this.#chunk.slice(this.#offset);
      this.#chunk = part;
      this.#offset = 0;
      this.#isMidHeader = part.length > 0;
    } else if (!isFault(header)) {
      this.#offset += header.headerBytes;
      this.#frame = header;
      this.#payloadRead = 0;
    }
    return header;
  }

  /**
   * The next piece of the frame's payload, unmasked in place; of a control frame all of it, in memory of its own.
   * @returns undefined when more bytes are needed
   */
  readPayload(): Uint8Array | undefined {
    const frame = this.#frame as FrameHeader;
    const position = this.#payloadRead;
    const piece = this.#takePiece(frame);
    if (piece === undefined) return undefined;
    if (frame.isMasked && piece.length > 0) maskInPlace(piece, frame.maskingKey, position);
    if (!isControl(frame.opcode)) return piece;
    const payload = this.#controlPart ? Buffer.concat([this.#controlPart, piece]) : Buffer.from(piece);
    this.#controlPart = this.#frame && payload;
    return this.#frame ? undefined : payload;
  }

  /** Skips the next piece of the frame's payload. @returns whether there was one */
  skipPayload(): boolean {
    this.#controlPart = undefined;
    return this.#takePiece(this.#frame as FrameHeader) !== undefined;
  }

  /** Releases everything. */
  clear(): void {
    this.#chunk = empty;
    this.#offset = 0;
    this.#isMidHeader = false;
    this.#frame = undefined;
    this.#controlPart = undefined;
  }

  #takePiece(frame: FrameHeader): Uint8Array | undefined {
    const missing = frame.payloadBytes - this.#payloadRead;
    const start = this.#offset;
    const end = Math.min(start + missing, this.#chunk.length);
    if (missing > 0 && start === end) return undefined;
    const piece = this.#chunk.subarray(start, end);
    this.#payloadRead += piece.length;
    if (this.#payloadRead === frame.payloadBytes) this.#frame = undefined;
    this.#offset = end;
    if (end === this.#chunk.length) {
      this.#chunk = empty;
      this.#offset = 0;
    }
    return piece;
  }
}

/**
 * Masks or unmasks in place.
 * @param bytes part of a payload; overwritten
 * @param key the masking key as it stands in the frame, first octet in the highest byte
 * @param position index of the first of these bytes within the payload
 */
export function maskInPlace(bytes: Uint8Array, key: number, position: number): void {
  // Rotate the key so that index 0 of `bytes` uses the octet it is due.
  const shift = (position & 3) * 8;
  const rotated = shift === 0 ? key : (key << shift) | (key >>> (32 - shift));
  const k0 = (rotated >>> 24) & 0xff;
  const k1 = (rotated >>> 16) & 0xff;
  const k2 = (rotated >>> 8) & 0xff;
  const k3 = rotated & 0xff;
  let index = maskWords(bytes, k0, k1, k2, k3);
  for (const end = bytes.length - 3; index < end; index += 4) {
    bytes[index] = (bytes[index] as number) ^ k0;
    bytes[index + 1] = (bytes[index + 1] as number) ^ k1;
    bytes[index + 2] = (bytes[index + 2] as number) ^ k2;
    bytes[index + 3] = (bytes[index + 3] as number) ^ k3;
  }
  if (index < bytes.length) bytes[index] = (bytes[index] as number) ^ k0;
  if (index + 1 < bytes.length) bytes[index + 1] = (bytes[index + 1] as number) ^ k1;
  if (index + 2 < bytes.length) bytes[index + 2] = (bytes[index + 2] as number) ^ k2;
}

const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
/** Below this size the view over words costs more than it saves. */
const minBytesForWords = 128;

/** Masks whole 32-bit words where the bytes are aligned for it; returns how many bytes are done (a multiple of 4). */
function maskWords(bytes: Uint8Array, k0: number, k1: number, k2: number, k3: number): number {
  if (!isLittleEndian || bytes.length < minBytesForWords) return 0;
  // The word view must start at a multiple of 4 in the underlying memory; bytes before it are done singly.
  const lead = (4 - (bytes.byteOffset & 3)) & 3;
  const key = [k0, k1, k2, k3];
  for (let i = 0; i < lead; i++) bytes[i] = (bytes[i] as number) ^ (key[i] as number);
  const word =
    ((key[lead & 3] as number) |
      ((key[(lead + 1) & 3] as number) << 8) |
      ((key[(lead + 2) & 3] as number) << 16) |
      ((key[(lead + 3) & 3] as number) << 24)) >>>
    0;
  const count = (bytes.length - lead) >>> 2;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + lead, count);
  for (let i = 0; i < count; i++) words[i] = (words[i] as number) ^ word;
  // The tail must start at an index that is a multiple of 4 for the caller's key order: do the rest here.
  for (let i = lead + count * 4; i < bytes.length; i++)
    bytes[i] = (bytes[i] as number) ^ (key[i & 3] as number);
  return bytes.length;
}

// Keys are drawn in blocks, since a call to the generator costs far more than four bytes of it.
const keyBlock = new Uint32Array(1024);
let keysUsed = keyBlock.length;

/** A masking key, fresh and unpredictable (RFC 6455 §5.3 and §10.3): an unsigned 32-bit integer. */
export function randomMaskingKey(): number {
  if (keysUsed === keyBlock.length) {
    randomFillSync(keyBlock);
    keysUsed = 0;
  }
  return keyBlock[keysUsed++] as number;
}

/** A control frame carries at most 125 bytes (RFC 6455 §5.5), two of which are the close code. */
export const maxCloseReasonBytes = 123;

/**
 * Whether an endpoint may put the code into a Close frame.
 * RFC 6455 §7.4.1 reserves 1004, 1005, 1006 and 1015; §7.4.2 leaves 1016–2999 to future versions of the protocol
 * (1012–1014 have been registered since), 3000–3999 to libraries and 4000–4999 to applications.
 */
export function isSendableCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

export type ClosePayload =
  | { readonly type: "close"; readonly code: number; readonly reason: string }
  | { readonly type: "fault"; readonly code: number; readonly reason: string };

/** The payload of a Close frame, or what is wrong with it (RFC 6455 §5.5.1). */
export function parseClosePayload(payload: Uint8Array): ClosePayload {
  if (payload.length === 0) return { type: "close", code: CloseCode.noStatus, reason: "" };
  // RFC 6455 §5.5.1: if there is a body, its first two bytes are the code.
  if (payload.length === 1)
    return closeFault(
      CloseCode.protocolError,
      "a close frame has a payload of one byte, too short for a code",
    );
  const code = ((payload[0] as number) << 8) | (payload[1] as number);
  if (!isSendableCloseCode(code))
    return closeFault(CloseCode.protocolError, `close code ${code} may not be sent`);
  const reason = payload.subarray(2);
  if (!isUtf8(reason)) return closeFault(CloseCode.invalidPayload, "a close reason is not valid UTF-8");
  return { type: "close", code, reason: Buffer.from(reason).toString("utf8") };
}

function closeFault(code: number, reason: string): ClosePayload {
  return { type: "fault", code, reason };
}

/** As much of a reason as a Close frame can carry, in UTF-8. */
export function clipReason(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  let end = Math.min(bytes.length, maxCloseReasonBytes);
  // Step back to a character boundary: continuation bytes are 10xxxxxx.
  while (end < bytes.length && end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
