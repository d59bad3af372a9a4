/** What the benchmarks publish: payloads of a given length that carry a sequence number, as plain text with a marker or as JSON. */

export interface PayloadFormat {
  create(sequence: number, bytes: number): string;
  /**
   * The sequence numbers of the payloads in a message, in order.
   * @throws Error when a payload is not of the length it was published with, or is damaged
   */
  sequencesIn(message: string, bytes: number): readonly number[];
}

const markerText = "~";

/** The byte that occurs once in every payload, and in nothing else that a server sends. */
export const marker = markerText.charCodeAt(0);

const digits = 10;
const pattern = new RegExp(`#(\\d{${digits}})(\\.*)${markerText}`, "g");

/** The shortest payload there can be. */
export const minPayloadBytes = digits + 2;

export const markedPayload: PayloadFormat = { create: createPayload, sequencesIn };

/** The same in messages of bytes, whose numbers may look like the marker. */
export const bytesPayload: PayloadFormat = {
  create: createPayload,
  sequencesIn: (message, bytes) =>
    [...message.matchAll(pattern)]
      .filter(([whole]) => whole.length === bytes)
      .map(([, sequence]) => Number(sequence)),
};

function createPayload(sequence: number, bytes: number): string {
  return `#${String(sequence).padStart(digits, "0")}${".".repeat(bytes - minPayloadBytes)}${markerText}`;
}

function sequencesIn(message: string, bytes: number): readonly number[] {
  const payloads = [...message.matchAll(pattern)];
  const wrong = payloads.find(([whole]) => whole.length !== bytes);
  if (wrong || payloads.length !== message.split(markerText).length - 1)
    throw new Error(`a damaged payload came: ${message.slice(0, 300)}`);
  return payloads.map(([, sequence]) => Number(sequence));
}

const jsonStart = '{"type":"update","sequence":';
const words = ["open", "closed", "pending", "shipped", "returned", "paid", "void", "draft"];

/** By length: what follows the sequence number. */
const rests = new Map<number, string>();

export const jsonPayload: PayloadFormat = { create: createJson, sequencesIn: sequencesInJson };

/** JSON allows no zeros in front, so the numbers start high. */
function createJson(sequence: number, bytes: number): string {
  return `${jsonStart}${10 ** (digits - 1) + sequence}${restOf(bytes)}`;
}

/** Reads a message of exactly one payload. */
function sequencesInJson(message: string, bytes: number): readonly number[] {
  const sequence = Number(message.slice(jsonStart.length, jsonStart.length + digits)) - 10 ** (digits - 1);
  if (message !== createJson(sequence, bytes))
    throw new Error(`a damaged payload came: ${message.slice(0, 300)}`);
  return [sequence];
}

function restOf(bytes: number): string {
  let rest = rests.get(bytes);
  if (rest === undefined) {
    rest = createRest(bytes - jsonStart.length - digits);
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
