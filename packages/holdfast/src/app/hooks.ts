/**
 * Calls into the application's code: what hooks, schemas and methods are given, how long they may take, and what is made of what
 * they return.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Actor, Refusal } from "../sessions/application.js";
import type { Clock } from "../time/clock.js";
import { countMembers, isBinary, type JsonText, type Payload, parsePayload } from "../wire/payload.js";
import { Rejection } from "./define-app.js";

/** A client, as hooks and methods see it. */
export interface User {
  /** User id; empty for an anonymous user. */
  readonly id: string;
  /** Connection id. */
  readonly client: string;
  readonly roles: readonly string[];
  /** What other clients see of it. */
  readonly info: unknown;
  /** What authentication attached to it; clients never see it. */
  readonly meta: unknown;
}

const users = new WeakMap<Actor, User>();

export function toUser(actor: Actor): User {
  let user = users.get(actor);
  if (user === undefined) {
    const { user: id, client, roles, info, meta } = actor;
    user = Object.freeze({
      id,
      client,
      roles,
      info: info === undefined ? undefined : parsePayload(info),
      meta,
    });
    users.set(actor, user);
  }
  return user;
}

/** A schema of any library that implements Standard Schema (https://standardschema.dev). */
export type Schema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

/** How many issues of a value are reported. */
const maxIssues = 3;

export function isSchema(value: unknown): value is Schema {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard: unknown = (value as { "~standard"?: unknown })["~standard"];
  return (
    typeof standard === "object" &&
    standard !== null &&
    typeof (standard as { validate?: unknown }).validate === "function"
  );
}

/** @returns what the schema makes of a client's data, or what is wrong with the data */
export async function validate(
  schema: Schema,
  data: unknown,
): Promise<{ readonly value: unknown } | { readonly fault: string }> {
  const result = await schema["~standard"].validate(data);
  if (result.issues === undefined) return { value: result.value };
  const texts = result.issues
    .slice(0, maxIssues)
    .map(({ message, path }) => `data${pathOf(path)}: ${message}`);
  const rest = result.issues.length - texts.length;
  return { fault: `${texts.join("; ")}${rest > 0 ? `; and ${rest} more` : ""}` };
}

function pathOf(path: StandardSchemaV1.Issue["path"]): string {
  return (path ?? [])
    .map((segment) => (typeof segment === "object" ? segment.key : segment))
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("");
}

/** Runs code of the application, and rejects if it takes too long; what it returns later is dropped. */
export type TimeLimit = <T>(what: string, run: () => T | Promise<T>) => Promise<T>;

export function createTimeLimit(clock: Clock, timeoutMs: number): TimeLimit {
  return <T>(what: string, run: () => T | Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      const cancel = clock.setTimer(
        () => reject(new Error(`${what} took longer than ${timeoutMs} ms`)),
        timeoutMs,
      );
      const settle = <V>(how: (value: V) => void) => {
        return (value: V) => {
          cancel();
          how(value);
        };
      };
      Promise.resolve().then(run).then(settle(resolve), settle(reject));
    });
}

/** A `Rejection` is an answer for the client; anything else that is thrown is a failure of the application. */
export async function orRefusal<T>(run: () => Promise<T>): Promise<T | Refusal> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    return { refusal: { code: error.code, message: error.message, isTemporary: false } };
  }
}

/**
 * @param source where the value comes from, for the error
 * @throws TypeError if the value cannot be expressed in JSON
 */
export function toJsonText(value: unknown, source: string): JsonText {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new TypeError(`${source} returned a value that is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (text === undefined) throw new TypeError(`${source} returned ${typeof value}, which is not JSON`);
  return text;
}

/**
 * What a schema or a hook made of data: the original text if the value is the same, which keeps numbers that JavaScript cannot
 * represent, and the order of keys; otherwise its JSON. Bytes may be replaced by other bytes.
 * @throws TypeError if the value cannot be expressed in JSON, or is not bytes in place of bytes
 */
export function toSamePayload(original: Payload, value: unknown, source: string): Payload {
  if (isBinary(original)) {
    if (value === original) return original;
    if (value instanceof Uint8Array) return new Uint8Array(value);
    throw new TypeError(
      `${source} returned ${typeof value}, but this channel carries bytes: return a Uint8Array`,
    );
  }
  if (value instanceof Uint8Array)
    throw new TypeError(
      `${source} returned bytes, but this channel carries JSON, unless its payload is "binary"`,
    );
  const parsed: unknown = parsePayload(original);
  // With a duplicate key, other parsers may take the value that the schema has not seen.
  const hasDuplicates = countMembers(original) !== countParsedMembers(parsed);
  return !hasDuplicates && isSame(parsed, value) ? original : toJsonText(value, source);
}

function countParsedMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const values: readonly unknown[] = Object.values(value);
  return values.reduce<number>(
    (sum, each) => sum + countParsedMembers(each),
    Array.isArray(value) ? 0 : values.length,
  );
}

function isSame(parsed: unknown, value: unknown): boolean {
  if (typeof parsed !== "object" || parsed === null) return parsed === value;
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(parsed))
    return (
      Array.isArray(value) &&
      parsed.length === value.length &&
      parsed.every((each, i) => isSame(each, value[i]))
    );
  // Other objects may have a `toJSON`.
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
