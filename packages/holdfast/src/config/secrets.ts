/** Secrets in configurations: read from the variables and files they refer to, and never printed. */
import { dirname, resolve } from "node:path";
import { HoldfastError, messageOf } from "../errors.js";
import { readTextFile } from "./config-file.js";
import { formatPath, type Path } from "./explain-issues.js";

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
