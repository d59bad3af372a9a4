/**
 * A header and a body as checked bytes: CRC-32 of the rest, length of the header, header as JSON, body as text. What a
 * disk has changed is noticed instead of being handed out.
 *
 *     0      4      8        8+header
 *     | crc  | len  | header | body …
 */
import { crc32 } from "node:zlib";

const prefixBytes = 8;

export interface Frame {
  readonly header: unknown;
  readonly body: string;
}

/** @param room bytes to leave free before the frame */
export function encodeFrame(header: unknown, body: string, room = 0): Buffer {
  const headerText = JSON.stringify(header);
  const headerBytes = Buffer.byteLength(headerText);
  const bytes = Buffer.allocUnsafe(room + prefixBytes + headerBytes + Buffer.byteLength(body));
  const headerAt = room + prefixBytes;
  bytes.writeUInt32LE(headerBytes, room + 4);
  bytes.write(headerText, headerAt);
  bytes.write(body, headerAt + headerBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(room + 4)), room);
  return bytes;
}

/** @returns undefined where the bytes are not what was written */
export function decodeFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < prefixBytes || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) return undefined;
  const bodyAt = prefixBytes + bytes.readUInt32LE(4);
  if (bodyAt > bytes.length) return undefined;
  try {
    const header: unknown = JSON.parse(bytes.toString("utf8", prefixBytes, bodyAt));
    return { header, body: bytes.toString("utf8", bodyAt) };
  } catch {
    // A checksum may be right by chance, and somebody may have made it so.
    return undefined;
  }
}
