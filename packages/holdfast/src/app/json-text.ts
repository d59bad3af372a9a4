/** What the application's code gives back, as it goes to clients. */
import { countMembers, type Payload } from "../wire/payload.js";

/** @throws TypeError where it is nothing that JSON can express */
export function toJsonText(value: unknown, what: string): Payload {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new TypeError(`${what} gave what JSON cannot express: ${(cause as Error).message}`, { cause });
  }
  if (text === undefined) throw new TypeError(`${what} gave ${typeof value}, which JSON cannot express`);
  return text;
}

/**
 * The text of what schemas and hooks made of a text's value: the text itself where that says the same, so that numbers
 * which JavaScript cannot hold, and the order of keys, stay as they came.
 * @throws TypeError where it is nothing that JSON can express
 */
export function toTextOf(text: Payload, value: unknown, what: string): Payload {
  const original: unknown = JSON.parse(text);
  // Of a name that stands twice, other readers may take the one that no schema has seen.
  const isPlain = countMembers(text) === membersOf(original);
  return isPlain && isSame(original, value) ? text : toJsonText(value, what);
}

function membersOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const values: readonly unknown[] = Object.values(value);
  return values.reduce<number>(
    (sum, each) => sum + membersOf(each),
    Array.isArray(value) ? 0 : values.length,
  );
}

/** @param parsed from JSON @param value of the application */
function isSame(parsed: unknown, value: unknown): boolean {
  if (typeof parsed !== "object" || parsed === null) return parsed === value;
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(parsed))
    return (
      Array.isArray(value) &&
      parsed.length === value.length &&
      parsed.every((each, i) => isSame(each, value[i]))
    );
  // Anything else may be written otherwise than member by member.
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  return (
    members.length === Object.keys(parsed).length &&
    members.every(
      ([name, each]) =>
        Object.hasOwn(parsed, name) && isSame((parsed as Record<string, unknown>)[name], each),
    )
  );
}
