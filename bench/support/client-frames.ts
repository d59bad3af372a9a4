/** Frames as a client sends them. RFC 6455 §5.3: masked. One key for all is fine where no proxy could be deceived. */
import { deflateMessage } from "./deflated-message.js";

const maskingKey = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

export function textFrame(text: string): Buffer {
  return clientFrame(0x1, Buffer.from(text));
}

/** RFC 7692 §6: RSV1 tells that the message is compressed. */
export function compressedTextFrame(text: string): Buffer {
  return clientFrame(0x40 | 0x1, deflateMessage(text));
}

export function pongFrame(payload: Buffer): Buffer {
  return clientFrame(0xa, payload);
}

/** Closes with 1000, RFC 6455 §7.4.1. */
export function closeFrame(): Buffer {
  return clientFrame(0x8, Buffer.from([1000 >> 8, 1000 & 0xff]));
}

/** Replaces some of the text in a frame of `textFrame`. */
export function replaceText(frame: Buffer, payloadBytes: number, at: number, text: string): void {
  const start = frame.length - payloadBytes + at;
  for (let i = 0; i < text.length; i++)
    frame[start + i] = text.charCodeAt(i) ^ (maskingKey[(at + i) & 3] as number);
}

function clientFrame(opcode: number, payload: Buffer): Buffer {
  const masked = Buffer.from(payload);
  for (let i = 0; i < masked.length; i++) masked[i] = (masked[i] as number) ^ (maskingKey[i & 3] as number);
  return Buffer.concat([header(opcode, payload.length), maskingKey, masked]);
}

function header(opcode: number, length: number): Buffer {
  const first = 0x80 | opcode;
  if (length < 126) return Buffer.from([first, 0x80 | length]);
  if (length < 65_536) return Buffer.from([first, 0x80 | 126, length >> 8, length & 0xff]);
  throw new Error(`a frame of ${length} bytes is longer than the benchmarks send`);
}
