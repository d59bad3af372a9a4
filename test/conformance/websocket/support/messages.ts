/** Messages that shrink and messages that do not, of any size, from the seed of the run. */
import { createRandom } from "./seed.js";

/** Sizes of Autobahn sections 12 and 13. */
export const autobahnSizes = [16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072] as const;

const words =
  "position value side order price size bid ask level market trade quote open high low close".split(" ");

/** Text like that of applications: names that repeat, and numbers that hardly do. */
export function textOf(length: number, random = createRandom()): Buffer {
  const text = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const word = words[Math.floor(random() * words.length)];
    at += text.write(`{"${word}":${Math.floor(random() * 10_000)},`, at);
  }
  return text;
}

/** Bytes that no compressor can shrink. */
export function noiseOf(length: number, random = createRandom()): Buffer {
  return Buffer.from(Uint8Array.from({ length }, () => Math.floor(random() * 256)));
}
