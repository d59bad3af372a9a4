/** The configuration file: finds it, reads it in any format, checks its shape, and explains what is wrong with it. */
import { existsSync, readFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import type { Document, LineCounter } from "yaml";
import type { z } from "zod";
import { HoldfastError, messageOf, nearestOf } from "../errors.js";
import { codeSchema, dataSchema } from "./config-schema.js";

export const configNames = ["ts", "mts", "js", "mjs", "json", "yaml", "yml"].map(
  (extension) => `holdfast.config.${extension}`,
);

/** The value of `--config` for no file. */
export const noConfig = "none";

/**
 * @param named the value of a flag or a variable, and its name for errors
 * @returns the file's path, or undefined where there is none
 * @throws HF_CONFIG_INVALID when the named file does not exist, or several files are found
 */
export function findConfig(
  folder: string,
  named: { readonly text: string; readonly by: string } | undefined,
): string | undefined {
  if (named?.text === noConfig) return undefined;
  if (named) {
    const file = resolve(folder, named.text);
    if (existsSync(file)) return file;
    throw new HoldfastError("HF_CONFIG_INVALID", `${named.by} ${named.text}: no such file`);
  }
  const found = configNames.filter((name) => existsSync(join(folder, name)));
  if (found.length <= 1) return found[0] && join(folder, found[0]);
  throw new HoldfastError(
    "HF_CONFIG_INVALID",
    `${folder} has ${found.join(" and ")}, but only one can be used; remove the others, or choose one with --config`,
  );
}

/** Modules that a configuration in code gets when it imports them, by their names. */
export type OwnModules = Readonly<Record<string, unknown>>;

export interface ReadConfig {
  readonly file: string;
  /** The file's name for people. */
  readonly name: string;
  /** Its value, with its shape checked. */
  readonly value: Readonly<Record<string, unknown>>;
  readonly isCode: boolean;
}

const codeOnly = new Set(
  Object.keys(codeSchema.shape).filter((name) => !Object.hasOwn(dataSchema.shape, name)),
);

interface Parsed {
  readonly value: unknown;
  /** The line of a place, if known. */
  readonly lineOf?: (path: Path) => number | undefined;
}

/**
 * @param name what errors call the file
 * @throws HF_CONFIG_INVALID naming the file, the place in it, what came and what is accepted
 */
export async function readConfig(file: string, modules: OwnModules = {}, name = file): Promise<ReadConfig> {
  const format = extname(file).slice(1);
  const isCode = ["ts", "mts", "js", "mjs"].includes(format);
  if (!isCode && !["json", "yaml", "yml"].includes(format))
    throw refuse(name, "the file name must end with .ts, .mts, .js, .mjs, .json, .yaml or .yml");
  const parsed = isCode
    ? { value: await importCode(file, name, modules) }
    : await parseData(name, readText(file, name), format === "json");
  const checked = (isCode ? codeSchema : dataSchema).safeParse(parsed.value ?? {});
  if (!checked.success)
    throw refuseShape(name, isCode, parsed, explainIssues(checked.error.issues, parsed.value));
  return { file, name, value: withoutUndefined(checked.data), isCode };
}

async function importCode(file: string, name: string, modules: OwnModules): Promise<unknown> {
  let loaded: { readonly default?: unknown };
  try {
    // Loaded only when needed.
    const { createJiti } = await import("jiti");
    // The file must use this copy of the package, so that objects made in it are recognized.
    const jiti = createJiti(import.meta.url, {
      virtualModules: modules,
      fsCache: false,
      interopDefault: false,
    });
    loaded = await jiti.import<{ readonly default?: unknown }>(file);
  } catch (cause) {
    throw refuse(name, messageOf(cause), cause);
  }
  const value = await loaded.default;
  if (typeof value === "object" && value !== null) return value;
  throw refuse(name, "it must export its configuration: export default defineConfig({ … })");
}

async function parseData(name: string, text: string, isJson: boolean): Promise<Parsed> {
  const { LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault) {
    const { line, col } = lines.linePos(fault.pos[0]);
    throw refuse(name, `line ${line}, column ${col}: ${explainSyntax(fault)}`, fault);
  }
  if (isJson) assertJson(name, text);
  let value: unknown;
  try {
    value = document.toJS();
  } catch (cause) {
    throw refuse(name, messageOf(cause), cause);
  }
  return { value, lineOf: (path) => lineOf(document, lines, path) };
}

function explainSyntax({ code, message }: { readonly code: string; readonly message: string }): string {
  return code === "MULTIPLE_DOCS"
    ? "a configuration must be a single document, but another starts here"
    : message;
}

/** YAML accepts more than JSON. */
function assertJson(name: string, text: string): void {
  try {
    JSON.parse(text);
  } catch (cause) {
    // Its message quotes the text, which may be a secret; only some versions give the position.
    const [place] = /line \d+ column \d+|position \d+/.exec(messageOf(cause)) ?? [];
    const advice = "check for a comma before a closing bracket, comments, and strings without double quotes";
    throw refuse(name, `invalid JSON${place ? ` (${place})` : ""}: ${advice}`);
  }
}

function lineOf(document: Document, lines: LineCounter, path: Path): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] } | undefined;
    const start = node?.range?.[0];
    if (start !== undefined) return lines.linePos(start).line;
  }
  return undefined;
}

function refuseShape(
  name: string,
  isCode: boolean,
  { lineOf }: Parsed,
  faults: readonly Fault[],
): HoldfastError {
  const texts = faults.map(({ path, text }) => {
    const line = lineOf?.(path);
    const isCodeOnly = !isCode && path.length === 1 && codeOnly.has(path[0] as string);
    const told = isCodeOnly
      ? `${String(path[0])} is code, which only a holdfast.config.ts or .js can contain`
      : text;
    return line === undefined ? told : `${told} (line ${line})`;
  });
  return refuse(name, texts.join(`\n${name}: `));
}

function readText(file: string, name: string): string {
  try {
    return readTextFile(file);
  } catch (cause) {
    throw refuse(name, messageOf(cause), cause);
  }
}

function refuse(name: string, fault: string, cause?: unknown): HoldfastError {
  return new HoldfastError("HF_CONFIG_INVALID", `${name}: ${fault}`, { cause, details: { file: name } });
}

function withoutUndefined(value: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}

/** The text of a file in UTF-8, or in UTF-16 where a byte order mark says so; the mark is no part of it. @throws what reading throws */
export function readTextFile(path: string): string {
  const bytes = readFileSync(path);
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  const isUtf16Reversed = bytes[0] === 0xfe && bytes[1] === 0xff;
  const encoding = isUtf16 ? "utf-16le" : isUtf16Reversed ? "utf-16be" : "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}

type Issue = z.core.$ZodIssue;
export type Path = readonly PropertyKey[];

export interface Fault {
  readonly path: Path;
  readonly text: string;
}

/** Values at these places, and below them, are never printed. */
const secretPlaces = /(?:^|\.)(?:apiKeys|broker|secret|publicKeys)\b/;
/** An invalid value here may be a misplaced secret. */
const placesOfSecrets = /^(?:apiKeys|authenticate|broker)\b/;

export function isSecretPlace(place: string): boolean {
  return secretPlaces.test(place);
}

/** @param value the checked value */
function explainIssues(issues: readonly Issue[], value: unknown): readonly Fault[] {
  return issues.flatMap((issue) => explain(issue, [], value));
}

function explain(issue: Issue, above: Path, value: unknown): readonly Fault[] {
  const path = [...above, ...issue.path];
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      path: [...path, key],
      text: explainUnknown(key, path, issue.message),
    }));
  if (issue.code === "invalid_union") {
    const meant = issue.errors.filter((branch) => !isOtherType(branch));
    if (meant.length === 1) return (meant[0] as Issue[]).flatMap((inner) => explain(inner, path, value));
  }
  return [
    {
      path,
      text: `${formatPath(path) || "a configuration"} must be ${issue.message}, ${describe(path, value)}`,
    },
  ];
}

/** Longer lists of names are omitted: the nearest name or the schema helps more. */
const maxListedKeys = 25;

/** @param accepted what is accepted in its place: `an object of maxEntries, maxBytes` */
function explainUnknown(key: string, path: Path, accepted: string): string {
  const names = accepted.replace("an object of ", "").split(", ");
  const nearest = nearestOf(key, names);
  const unknown = `unknown option ${formatPath([...path, key])}`;
  if (nearest !== undefined) return `${unknown} (did you mean ${formatPath([...path, nearest])}?)`;
  if (names.length > maxListedKeys) return `${unknown}; holdfast config --schema lists the known ones`;
  return `${unknown}; ${formatPath(path) || "a configuration"} is ${accepted}`;
}

/** Whether one of several shapes was not meant, since its type differs. */
function isOtherType(issues: readonly Issue[]): boolean {
  return issues.some(({ code, path }) => path.length === 0 && code !== "unrecognized_keys");
}

function describe(path: Path, value: unknown): string {
  const given = path.reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
  if (given === undefined) return "but is missing";
  if (given === null) return "but is null";
  const place = formatPath(path);
  if (isSecretPlace(place) || placesOfSecrets.test(place)) return `but is ${kindOf(given)}`;
  if (typeof given === "function") return "but is a function";
  const text = JSON.stringify(given);
  return `but is ${text.length > 80 ? `${text.slice(0, 77)}…` : text}`;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return typeof value === "string" ? "a string" : `a ${typeof value}`;
}

/** `channels["chat:{room}"].history.ttl` */
export function formatPath(path: Path): string {
  return path
    .map((key, index) => {
      if (typeof key === "number") return `[${key}]`;
      const name = String(key);
      if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `[${JSON.stringify(name)}]`;
      return index === 0 ? name : `.${name}`;
    })
    .join("");
}
