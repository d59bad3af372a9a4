/** What the application's code gives back, as it goes to clients. */
import type { JsonText } from "../wire/messages.js";

/** @throws TypeError where it is nothing that JSON can express */
export function toJsonText(value: unknown, what: string): JsonText {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new TypeError(`${what} gave what JSON cannot express: ${(cause as Error).message}`, { cause });
  }
  if (text === undefined) throw new TypeError(`${what} gave ${typeof value}, which JSON cannot express`);
  return text;
}
