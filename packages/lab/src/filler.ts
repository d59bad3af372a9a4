/**
 * What messages are filled up with. One letter again and again would be compressed to nothing, but only where answers are
 * compressed, so that polls would look cheaper than they are with anything that people send.
 */
import { createRandom } from "./random.js";

/** None that ends a text in JSON, or has to be escaped in it. */
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** How far back compression looks is an eighth of it. */
const stockLength = 256 * 1024;
const seed = 1;
let stock: string | undefined;

/**
 * Letters that hardly get shorter when they are compressed, alone or together with those of the messages before.
 * @param sequence from 1 @returns the same for the same message
 */
export function fillerOf(sequence: number, length: number): string {
  stock ??= createStock();
  const start = (sequence * length) % stockLength;
  let text = stock.slice(start, start + length);
  while (text.length < length) text += stock.slice(0, length - text.length);
  return text;
}

/** Several letters of each random number: the first message that is due must not wait for this. */
function createStock(): string {
  const random = createRandom(seed);
  const bytes = new Uint8Array(stockLength);
  for (let at = 0; at < stockLength; at += 4) {
    let bits = Math.floor(random() * 2 ** 24);
    for (let i = at; i < at + 4; i++) {
      bytes[i] = letters.charCodeAt(bits & 63);
      bits >>>= 6;
    }
  }
  return new TextDecoder().decode(bytes);
}
