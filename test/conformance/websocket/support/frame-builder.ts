/**
 * Builds the frames that a peer sends (RFC 6455 §5.2), right and wrong ones alike. Written from the RFC and free of
 * the engine's code, so that an error there is not repeated here.
 */
import type { Role } from "../../../../packages/holdfast/src/websocket.js";

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The masking key of the examples in RFC 6455 §5.7. */
export const sampleKey: MaskingKey = [0x37, 0xfa, 0x21, 0x3d];

export type MaskingKey = readonly [number, number, number, number];

export interface FrameSpec {
  readonly opcode: number;
  /** Text stands for its UTF-8. */
  readonly payload?: Uint8Array | string;
  readonly fin?: boolean;
  /** RSV1 is 4, RSV2 is 2, RSV3 is 1. */
  readonly rsv?: number;
  /** null for an unmasked frame. */
  readonly key?: MaskingKey | null;
  /** Bits of the length field; by default the fewest that do. */
  readonly lengthBits?: 7 | 16 | 64;
  /** Announced in place of the payload's own length. */
  readonly announcedBytes?: bigint;
}

export function toBytes(payload: Uint8Array | string): Buffer {
  return typeof payload === "string" ? Buffer.from(payload, "utf8") : Buffer.from(payload);
}

/** As many bytes as are asked for, each computed from its index; the low 8 bits count. */
export function bytesOf(length: number, byteAt: (index: number) => number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => byteAt(index)));
}

function lengthField(length: bigint, bits: 7 | 16 | 64): Buffer {
  if (bits === 7) return Buffer.of(Number(length));
  const field = Buffer.alloc(1 + bits / 8);
  field[0] = bits === 16 ? 126 : 127;
  for (let i = 0; i < bits / 8; i++) field[field.length - 1 - i] = Number((length >> BigInt(8 * i)) & 0xffn);
  return field;
}

function fewestBits(length: bigint): 7 | 16 | 64 {
  if (length <= 125n) return 7;
  return length <= 0xffffn ? 16 : 64;
}

export function buildFrame(spec: FrameSpec): Buffer {
  const { fin = true, rsv = 0, opcode, key = null } = spec;
  const payload = toBytes(spec.payload ?? "");
  const length = spec.announcedBytes ?? BigInt(payload.length);
  const field = lengthField(length, spec.lengthBits ?? fewestBits(length));
  const first = Buffer.of((fin ? 0x80 : 0) | (rsv << 4) | opcode);
  if (key === null) return Buffer.concat([first, field, payload]);
  field[0] = (field[0] as number) | 0x80;
  for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] as number) ^ (key[i % 4] as number);
  return Buffer.concat([first, field, Buffer.from(key), payload]);
}

export function closePayload(code: number, reason: Uint8Array | string = ""): Buffer {
  return Buffer.concat([Buffer.of(code >> 8, code & 0xff), toBytes(reason)]);
}

export interface Peer {
  frame(spec: FrameSpec): Buffer;
  text(payload: Uint8Array | string, fin?: boolean): Buffer;
  binary(payload: Uint8Array | string, fin?: boolean): Buffer;
  continuation(payload: Uint8Array | string, fin?: boolean): Buffer;
  ping(payload?: Uint8Array | string): Buffer;
  pong(payload?: Uint8Array | string): Buffer;
  /** Left out, the Close frame is empty. */
  close(code?: number, reason?: Uint8Array | string): Buffer;
}

/** Frames as the peer of an engine in this role sends them: masked to a server, unmasked to a client. */
export function peerOf(role: Role): Peer {
  const key = role === "server" ? sampleKey : null;
  const frame = (spec: FrameSpec) => buildFrame({ key, ...spec });
  return {
    frame,
    text: (payload, fin = true) => frame({ opcode: opcodes.text, payload, fin }),
    binary: (payload, fin = true) => frame({ opcode: opcodes.binary, payload, fin }),
    continuation: (payload, fin = true) => frame({ opcode: opcodes.continuation, payload, fin }),
    ping: (payload = "") => frame({ opcode: opcodes.ping, payload }),
    pong: (payload = "") => frame({ opcode: opcodes.pong, payload }),
    close: (code, reason) =>
      frame({ opcode: opcodes.close, payload: code === undefined ? "" : closePayload(code, reason) }),
  };
}
