/** What the benchmarks publish: text of a given length that carries a sequence number and exactly one marker, at its end. */

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
export const leastPayloadBytes = digits + 2;

export const markedPayload: PayloadFormat = { create: createPayload, sequencesIn };

function createPayload(sequence: number, bytes: number): string {
  return `#${String(sequence).padStart(digits, "0")}${".".repeat(bytes - leastPayloadBytes)}${markerText}`;
}

function sequencesIn(message: string, bytes: number): readonly number[] {
  const payloads = [...message.matchAll(pattern)];
  const wrong = payloads.find(([whole]) => whole.length !== bytes);
  if (wrong || payloads.length !== message.split(markerText).length - 1)
    throw new Error(`a damaged payload came: ${message.slice(0, 300)}`);
  return payloads.map(([, sequence]) => Number(sequence));
}
