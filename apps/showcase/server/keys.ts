/** The secrets of the showcase: made once, and kept beside the store, where only the user who runs the server can read them. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "holdfast";
import { messageOf } from "holdfast/internal";

export interface ShowcaseKeys {
  /** What sessions are signed with. */
  readonly sessionSecret: string;
  /** A key of the server's HTTP interface, for moderators. */
  readonly moderatorKey: string;
}

export const keysFileName = "showcase-keys.json";
const leastCharacters = 32;

/**
 * @param folder the store's; null for keys that last as long as the process
 * @throws HF_STORE_OPEN when the file cannot be read or made, or holds something else
 */
export function loadKeys(folder: string | null): ShowcaseKeys {
  if (folder === null) return createKeys();
  const file = join(folder, keysFileName);
  try {
    return readKeys(file) ?? writeKeys(folder, file);
  } catch (cause) {
    throw new HoldfastError("HF_STORE_OPEN", `${file} cannot be used: ${messageOf(cause)}`, { cause });
  }
}

export function createKey(): string {
  return randomBytes(32).toString("base64url");
}

function createKeys(): ShowcaseKeys {
  return { sessionSecret: createKey(), moderatorKey: createKey() };
}

function readKeys(file: string): ShowcaseKeys | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const { sessionSecret, moderatorKey } = JSON.parse(text) as Partial<Record<keyof ShowcaseKeys, unknown>>;
  if (!isKey(sessionSecret) || !isKey(moderatorKey))
    throw new Error("it does not hold the keys of the showcase");
  return { sessionSecret, moderatorKey };
}

/** Under another name first, so that a crash leaves no half of a file. */
function writeKeys(folder: string, file: string): ShowcaseKeys {
  const keys = createKeys();
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
  return keys;
}

function isKey(value: unknown): value is string {
  return typeof value === "string" && value.length >= leastCharacters;
}
