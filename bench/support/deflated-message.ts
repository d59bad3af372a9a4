/** Messages as permessage-deflate compresses them, each by itself. RFC 7692 §7.2. */
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

/** What every flush ends with, and messages leave out. */
const tail = Buffer.from([0x00, 0x00, 0xff, 0xff]);

export function deflateMessage(text: string): Buffer {
  const flushed = deflateRawSync(Buffer.from(text), { finishFlush: constants.Z_SYNC_FLUSH });
  return flushed.subarray(0, flushed.length - tail.length);
}

/**
 * @param message a character for each byte
 * @returns its text, which is ASCII
 * @throws Error when it cannot be decompressed
 */
export function inflateMessage(message: string): string {
  const bytes = Buffer.concat([Buffer.from(message, "latin1"), tail]);
  return inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString("latin1");
}
