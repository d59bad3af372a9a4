/** Messages that carry their number, and how readers find it, whatever a transport has wrapped around. */
import { fillerOf } from "./filler.js";

/** No envelope of the protocol has it. */
const mark = '"#';

/** @param bytes of the data as JSON, at least 16 @returns JSON: a text such as "#12;kG0_" */
export function createData(sequence: number, bytes: number): string {
  const start = `${mark}${sequence};`;
  return `${start}${fillerOf(sequence, Math.max(0, bytes - start.length - 1))}"`;
}

/**
 * Looks through what came, which must be whole messages.
 * @returns the offset of the last publication, or of the position that the text names; undefined where it names none
 */
export function scanMessages(text: string, onSequence: (sequence: number) => void): number | undefined {
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) {
    const end = text.indexOf(";", at);
    const sequence = Number(text.slice(at + mark.length, end));
    if (end < 0 || !Number.isSafeInteger(sequence) || sequence < 1)
      throw new Error(`a message has no number: ${text.slice(at, at + 40)}`);
    onSequence(sequence);
  }
  const found = text.lastIndexOf('"offset":');
  if (found < 0) return undefined;
  const offset = Number.parseInt(text.slice(found + '"offset":'.length), 10);
  return Number.isSafeInteger(offset) ? offset : undefined;
}

/** @returns the epoch that a text names first */
export function epochIn(text: string): string | undefined {
  return /"epoch":"([^"\\]*)"/.exec(text)?.[1];
}
