/** A place in a channel's log as one text, `EPOCH:OFFSET`: in addresses, entity tags and ids of events. */
import type { Position } from "./messages.js";

/**
 * Epochs are random ids, of visible characters but the quotation mark, as an entity tag can have them (RFC 9110 §8.8.3); an
 * empty one is whichever the channel has.
 */
const shape = /^([!#-~]{0,128}):(0|[1-9]\d{0,15})$/;

/** What is accepted, for messages. */
export const positionAdvice = "EPOCH:OFFSET, as an answer has them, such as d41d8cd9:42";

/** @returns undefined where it is none */
export function parsePosition(text: string): Position | undefined {
  const [, epoch, digits] = shape.exec(text) ?? [];
  const offset = Number(digits);
  return epoch === undefined || !Number.isSafeInteger(offset) ? undefined : { epoch, offset };
}

export function formatPosition({ epoch, offset }: Position): string {
  return `${epoch}:${offset}`;
}
