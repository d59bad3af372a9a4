/** The header that a message has as a single uncompressed frame (RFC 6455 §5.2), bit by bit. Browsers do not show the real one. */

export interface HeaderField {
  readonly name: string;
  /** "0" and "1"; "·" for each bit that a page cannot know. */
  readonly bits: string;
  readonly meaning: string;
}

export interface FrameHeader {
  readonly fields: readonly HeaderField[];
  /** Of the header, with the masking key. */
  readonly bytes: number;
}

const maskingKeyBits = 32;

export function frameHeader(frame: {
  readonly direction: "sent" | "received";
  readonly opcode: 1 | 2;
  /** Of the payload. */
  readonly bytes: number;
}): FrameHeader {
  const { opcode, bytes } = frame;
  const isMasked = frame.direction === "sent";
  // RFC 6455 §5.2: up to 125 in 7 bits; else 126 and 16 bits, or 127 and 64 bits.
  const marker = bytes <= 125 ? bytes : bytes <= 0xffff ? 126 : 127;
  const extendedBits = marker === 126 ? 16 : marker === 127 ? 64 : 0;
  const fields: HeaderField[] = [
    { name: "FIN", bits: "1", meaning: "the message ends here" },
    { name: "RSV1–3", bits: "000", meaning: "not compressed" },
    { name: "opcode", bits: bits(opcode, 4), meaning: opcode === 1 ? "text" : "binary" },
    { name: "MASK", bits: isMasked ? "1" : "0", meaning: isMasked ? "clients mask" : "servers do not mask" },
    {
      name: "length",
      bits: bits(marker, 7),
      meaning: extendedBits === 0 ? `${bytes} bytes` : `in the next ${extendedBits} bits`,
    },
  ];
  if (extendedBits > 0)
    fields.push({ name: "extended length", bits: bits(bytes, extendedBits), meaning: `${bytes} bytes` });
  if (isMasked)
    fields.push({
      name: "masking key",
      bits: "·".repeat(maskingKeyBits),
      meaning: "random for each frame; the browser keeps it",
    });
  return { fields, bytes: fields.reduce((sum, field) => sum + field.bits.length, 0) / 8 };
}

function bits(value: number, width: number): string {
  return value.toString(2).padStart(width, "0");
}
