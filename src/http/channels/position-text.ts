/** A place in a channel's log as one text, `EPOCH:OFFSET`: in addresses, entity tags and event ids. */
import type { Position } from "../../wire/messages.js";

const maxEpochCharacters = 128;
/** Epochs of visible characters but the quotation mark, as an entity tag can have them (RFC 9110 §8.8.3). */
const pattern = /^([!#-~]+):(0|[1-9]\d{0,15})$/;

/** What is accepted, for messages. */
export const positionAdvice = "EPOCH:OFFSET, as an answer has them, such as d41d8cd9:42";

/** @returns undefined where it is none */
export function parsePosition(text: string): Position | undefined {
  const [, epoch = "", digits = ""] = pattern.exec(text) ?? [];
  const offset = Number(digits);
  const isPosition = epoch !== "" && epoch.length <= maxEpochCharacters && Number.isSafeInteger(offset);
  return isPosition ? { epoch, offset } : undefined;
}

export function formatPosition({ epoch, offset }: Position): string {
  return `${epoch}:${offset}`;
}
