/** Messages that carry their number and do not compress, and how readers find the number whatever the transport wraps around it. */
import { createRandom } from "./random.js";

/** Nothing else in the protocol contains it. */
const mark = '"#';

/** @param bytes of the data as JSON, at least 16 @returns JSON: a text such as "#12;kG0_" */
export function createData(sequence: number, bytes: number): string {
  const start = `${mark}${sequence};`;
  return `${start}${createFiller(sequence, Math.max(0, bytes - start.length - 1))}"`;
}

/**
 * Looks through what came, which must be whole messages.
 * @returns the offset of the last publication, or of the position that the text names; undefined where there is none
 */
export function scanMessages(text: string, onSequence: (sequence: number) => void): number | undefined {
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) {
    const end = text.indexOf(";", at);
    const sequence = Number(text.slice(at + mark.length, end));
    if (end < 0 || !Number.isSafeInteger(sequence) || sequence < 1)
      throw new Error(`a message has no valid number: ${text.slice(at, at + 40)}`);
    onSequence(sequence);
  }
  const found = text.lastIndexOf('"offset":');
  if (found < 0) return undefined;
  const offset = Number.parseInt(text.slice(found + '"offset":'.length), 10);
  return Number.isSafeInteger(offset) ? offset : undefined;
}

/** @returns the epoch that a text names first */
export function findEpoch(text: string): string | undefined {
  return /"epoch":"([^"\\]*)"/.exec(text)?.[1];
}

/** None that JSON has to escape. */
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** Eight times as far as compression looks back. */
const poolLength = 256 * 1024;
const seed = 1;
let pool: string | undefined;

/**
 * Letters that hardly get shorter when they are compressed, alone or together with those of the messages before.
 * @param sequence from 1 @returns the same for the same message
 */
export function createFiller(sequence: number, length: number): string {
  pool ??= createPool();
  const start = (sequence * length) % poolLength;
  let text = pool.slice(start, start + length);
  while (text.length < length) text += pool.slice(0, length - text.length);
  return text;
}

/** Several letters of each random number: the first message that is due must not wait for this. */
function createPool(): string {
  const random = createRandom(seed);
  const bytes = new Uint8Array(poolLength);
  for (let at = 0; at < poolLength; at += 4) {
    let bits = Math.floor(random() * 2 ** 24);
    for (let i = at; i < at + 4; i++) {
      bytes[i] = letters.charCodeAt(bits & 63);
      bits >>>= 6;
    }
  }
  return new TextDecoder().decode(bytes);
}
