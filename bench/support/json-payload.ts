/** Text like an application's: JSON of many similar records, which carries a sequence number and compresses well. */
import type { PayloadFormat } from "./payload.js";

const digits = 10;
const start = '{"type":"update","sequence":';
const words = ["open", "closed", "pending", "shipped", "returned", "paid", "void", "draft"];

/** By length: what follows the sequence number. */
const rests = new Map<number, string>();

export const jsonPayload: PayloadFormat = { create, sequencesIn };

/** JSON allows no zeros in front, so the numbers start high. */
function create(sequence: number, bytes: number): string {
  return `${start}${10 ** (digits - 1) + sequence}${restOf(bytes)}`;
}

/** Reads a message of exactly one payload. */
function sequencesIn(message: string, bytes: number): readonly number[] {
  const sequence = Number(message.slice(start.length, start.length + digits)) - 10 ** (digits - 1);
  if (message !== create(sequence, bytes))
    throw new Error(`a damaged payload came: ${message.slice(0, 300)}`);
  return [sequence];
}

function restOf(bytes: number): string {
  let rest = rests.get(bytes);
  if (rest === undefined) {
    rest = createRest(bytes - start.length - digits);
    rests.set(bytes, rest);
  }
  return rest;
}

function createRest(bytes: number): string {
  const end = '"}';
  let text = ',"orders":[';
  // A generator of pseudo-random numbers with its usual constants: the same text in every run.
  let random = 1;
  const next = (below: number) => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((random / 2 ** 32) * below);
  };
  for (let i = 0; ; i++) {
    const state = words[next(words.length)];
    const record = `{"id":${next(1e6)},"state":"${state}","cents":${next(1e5)},"customer":"user-${next(5000)}"}`;
    const isLast = text.length + record.length + 100 > bytes;
    text += `${i === 0 ? "" : ","}${record}`;
    if (isLast) break;
  }
  text += '],"note":"';
  return `${text}${".".repeat(Math.max(0, bytes - text.length - end.length))}${end}`;
}
