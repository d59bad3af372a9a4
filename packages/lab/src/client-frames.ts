/** Frames as a client sends them, masked (RFC 6455 §5.3). One key for all is fine where no proxy could be deceived. */

const maskingKey = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

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

function clientFrame(opcode: number, payload: Buffer): Buffer {
  const masked = Buffer.from(payload);
  for (let i = 0; i < masked.length; i++) masked[i] = (masked[i] as number) ^ (maskingKey[i & 3] as number);
  return Buffer.concat([header(opcode, payload.length), maskingKey, masked]);
}

function header(opcode: number, length: number): Buffer {
  const first = 0x80 | opcode;
  if (length < 126) return Buffer.from([first, 0x80 | length]);
  if (length < 65_536) return Buffer.from([first, 0x80 | 126, length >> 8, length & 0xff]);
  throw new Error(`a frame of ${length} bytes is longer than the lab sends`);
}
