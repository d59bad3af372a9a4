/**
 * Frames (RFC 6455 §5.2): the header as bytes and as values. Knows single frames only; what may follow what is
 * connection.ts.
 */
import { CloseCode } from "./close-code.js";
import { maskInPlace } from "./masking.js";

export const Opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** The first reserved bit, in the first byte of a frame. */
const rsv1 = 0x40;

/** 2 bytes, 8 of extended length, 4 of masking key. */
export const maxHeaderBytes = 14;
/** RFC 6455 §5.5. */
export const maxControlPayloadBytes = 125;

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

/** A violation by the peer: the close code to fail the connection with, and a reason that names what was wrong. */
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
 * Reads a frame header at `offset`. Faults show as soon as the byte that holds them is there.
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
    return protocolError("reserved bits are set to which no negotiated extension gives a meaning");
  if (!isKnownOpcode(opcode)) return protocolError(`opcode 0x${opcode.toString(16)} is reserved`);
  // RFC 6455 §5.5: control frames must not be fragmented.
  if (isControl(opcode) && !isFinal) return protocolError("a control frame is fragmented");
  // RFC 7692 §6: the bit belongs to the first frame of a data message, and to no other.
  if (isCompressed && opcode !== Opcode.text && opcode !== Opcode.binary)
    return protocolError("RSV1 is set on a frame that does not begin a message");
  if (available < 2) return undefined;

  const second = bytes[offset + 1] as number;
  const isMasked = (second & 0x80) !== 0;
  if (isMasked !== isMaskExpected)
    return protocolError(isMaskExpected ? "a client's frame is not masked" : "a server's frame is masked");
  const short = second & 0x7f;
  if (isControl(opcode) && short > maxControlPayloadBytes)
    return protocolError(`a control frame carries more than ${maxControlPayloadBytes} bytes`);

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
    return length < 126 ? protocolError("a frame's length is not in its shortest form") : length;
  }
  const high = readUint32(bytes, offset);
  const length = high * 0x1_0000_0000 + readUint32(bytes, offset + 4);
  if (length < 0x1_0000) return protocolError("a frame's length is not in its shortest form");
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
