/** Takes a frame of a WebSocket apart (RFC 6455 §5.2), for a picture of its bits. */

export interface FrameParts {
  readonly isFinal: boolean;
  /** Set where the payload is compressed (RFC 7692 §6). */
  readonly isCompressed: boolean;
  readonly opcode: number;
  /** In the standard's words. */
  readonly opcodeName: string;
  readonly isMasked: boolean;
  /** Of the payload. */
  readonly length: number;
  /** The header without the mask: 2, 4 or 10 bytes. */
  readonly header: Uint8Array;
  /** 4 bytes; empty where the frame is not masked. */
  readonly mask: Uint8Array;
  /** The first bytes of the payload, as they went over the line. */
  readonly payload: Uint8Array;
  /** The same after the mask is taken off. */
  readonly plain: Uint8Array;
  /** Text, where it is text; of a Close frame its reason. */
  readonly text: string;
  /** Of a Close frame that has one (§5.5.1). */
  readonly closeCode: number | undefined;
}

const opcodeNames: Readonly<Record<number, string>> = {
  0: "continuation",
  1: "text",
  2: "binary",
  8: "close",
  9: "ping",
  10: "pong",
};

/** @param hex at least the whole header */
export function readFrame(hex: string): FrameParts {
  const bytes = bytesOf(hex);
  const [first = 0, second = 0] = bytes;
  const isMasked = second >= 0x80;
  const short = second & 0x7f;
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
  let length = extra === 0 ? short : 0;
  for (const byte of bytes.subarray(2, 2 + extra)) length = length * 256 + byte;
  const maskAt = 2 + extra;
  const mask = bytes.subarray(maskAt, maskAt + (isMasked ? 4 : 0));
  const payload = bytes.subarray(maskAt + mask.length);
  const plain = isMasked ? payload.map((byte, index) => byte ^ (mask[index % 4] as number)) : payload;
  const opcode = first & 0x0f;
  const isCompressed = (first & 0x40) !== 0;
  const isClose = opcode === 8 && plain.length >= 2;
  return {
    isFinal: first >= 0x80,
    isCompressed,
    opcode,
    opcodeName: opcodeNames[opcode] ?? "reserved",
    isMasked,
    length,
    header: bytes.subarray(0, maskAt),
    ...{ mask, payload, plain },
    text: isCompressed ? "" : new TextDecoder().decode(isClose ? plain.subarray(2) : plain),
    closeCode: isClose ? ((plain[0] as number) << 8) | (plain[1] as number) : undefined,
  };
}

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

export function bitsOf(byte: number): string {
  return byte.toString(2).padStart(8, "0");
}
