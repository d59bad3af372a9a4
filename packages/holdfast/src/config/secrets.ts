/**
 * Secrets in configurations: read from the variables and files they refer to, and never printed. `findWeakness` is a rough estimate
 * that finds those that are easily guessed.
 */
import { dirname, resolve } from "node:path";
import { HoldfastError, messageOf } from "../errors.js";
import { formatPath, type Path, readTextFile } from "./config-file.js";

export interface SecretContext {
  readonly env: NodeJS.ProcessEnv;
  /** Of the configuration's file: what relative paths are relative to its folder. */
  readonly file: string;
  /** The file's name in errors. */
  readonly name: string;
}

/** Whether it is `{ env }` or `{ file }`. */
export function isReference(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const [name, ...others] = Object.keys(value);
  return others.length === 0 && (name === "env" || name === "file");
}

/**
 * The same value with every `{ env }` and `{ file }` replaced by its text.
 * @throws HF_CONFIG_INVALID when a variable is not set, or a file cannot be read
 */
export function resolveSecrets(value: unknown, path: Path, context: SecretContext): unknown {
  if (Array.isArray(value))
    return value.map((each, index) => resolveSecrets(each, [...path, index], context));
  if (typeof value !== "object" || value === null) return value;
  const keys = Object.keys(value);
  const { env, file } = value as { readonly env?: unknown; readonly file?: unknown };
  if (keys.length === 1 && typeof env === "string") return readVariable(env, path, context);
  if (keys.length === 1 && typeof file === "string") return readSecretFile(file, path, context);
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, resolveSecrets(each, [...path, key], context)]),
  );
}

function readVariable(name: string, path: Path, context: SecretContext): unknown {
  const text = context.env[name];
  if (text) return readKeyText(text, name, path, context);
  throw refuse(
    path,
    `${formatPath(path)} refers to the environment variable ${name}, which is ${text === "" ? "empty" : "not set"}`,
    context,
  );
}

function readSecretFile(name: string, path: Path, context: SecretContext): unknown {
  let text: string;
  try {
    // Editors end files with a line break, which is not part of the secret.
    text = readTextFile(resolve(dirname(context.file), name)).trim();
  } catch (cause) {
    throw refuse(path, `${formatPath(path)}: ${messageOf(cause)}`, context, cause);
  }
  return readKeyText(text, name, path, context);
}

/** Public keys may be JWK, too. */
function readKeyText(text: string, name: string, path: Path, context: SecretContext): unknown {
  if (!formatPath(path).includes("publicKeys") || !text.trimStart().startsWith("{")) return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refuse(path, `${formatPath(path)}: ${name} is invalid JSON`, context, cause);
  }
}

function refuse(path: Path, fault: string, { name }: SecretContext, cause?: unknown): HoldfastError {
  const details = { file: name, option: formatPath(path) };
  return new HoldfastError("HF_CONFIG_INVALID", `${name}: ${fault}`, { cause, details });
}

const words =
  /secret|changeme|change|replace|password|passw|token|your|my|super|example|default|test|demo|jwt|hmac|holdfast|admin|please|this|that|key|the|qwerty|letmein|dev|prod|uction|placeholder|insert|here|api|256|512|bit|very|for|in|is|to|me|abcdef|0123456789|123456789|12345678|123456|1234/g;
/** Fewer characters beside words of the dictionary are no secret. */
const minOtherCharacters = 12;
const minBits = 80;

/** @returns why the secret is weak, which continues "it …", or undefined */
export function findWeakness(secret: string): string | undefined {
  const plain = secret.toLowerCase().replace(/[^a-z0-9]/g, "");
  const unit = findRepeated(secret) ?? findRepeated(plain);
  if (unit !== undefined) return `repeats ${unit} characters`;
  if (isInSequence(plain)) return "is a sequence of consecutive characters";
  const others = plain.replace(words, "");
  if (others.length < Math.min(minOtherCharacters, secret.length * 0.6)) return "consists of common words";
  if (estimateBits(secret) < minBits) return "has too few different characters";
  return undefined;
}

/** The length of the part that a text repeats. */
function findRepeated(text: string): number | undefined {
  for (let length = 1; length <= text.length / 2; length++) {
    const unit = text.slice(0, length);
    if (unit.repeat(Math.ceil(text.length / length)).slice(0, text.length) === text) return length;
  }
  return undefined;
}

/** Whether most characters are the next one, as in `abcdef` and `123456`. */
function isInSequence(text: string): boolean {
  let steps = 0;
  for (let at = 1; at < text.length; at++) if (text.charCodeAt(at) - text.charCodeAt(at - 1) === 1) steps++;
  return steps > text.length / 2;
}

/** Shannon's entropy of its characters, times their number. */
function estimateBits(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  const perCharacter = [...counts.values()].reduce((sum, count) => {
    const share = count / text.length;
    return sum - share * Math.log2(share);
  }, 0);
  return perCharacter * text.length;
}

/** Bits of a random text of such characters, the best case. */
export function maxBits(text: string): number {
  const classes: readonly [RegExp, number][] = [
    [/^[0-9]*$/, 10],
    [/^[0-9a-f]*$/i, 16],
    [/^[0-9a-z]*$/, 36],
    [/^[\w-]*$/, 64],
  ];
  const size = classes.find(([pattern]) => pattern.test(text))?.[1] ?? 94;
  return text.length * Math.log2(size);
}
