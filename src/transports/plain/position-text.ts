/** Positions as one text, `epoch:offset`: ids of events, and what a client comes back with. */
import type { Position } from "../../wire/messages.js";

/** Epochs are random ids; whatever is longer is none. */
const shape = /^([\x21-\x7e]{0,128}):(0|[1-9]\d{0,14})$/;

/** @returns undefined where the text is no position */
export function parsePosition(text: string): Position | undefined {
  const match = shape.exec(text);
  return match ? { epoch: match[1] as string, offset: Number(match[2]) } : undefined;
}

export function formatPosition({ epoch, offset }: Position): string {
  return `${epoch}:${offset}`;
}
