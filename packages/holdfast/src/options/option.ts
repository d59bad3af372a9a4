/**
 * What an option is described by: one entry, from which its type, check, flag, variable, place in a file, JSON Schema, help and
 * line in the reference follow. Knows no option itself, and needs nothing at run time, so that any layer may describe its own.
 */
import { invalidOption, refuseUnknownOptions } from "../errors.js";

export type Kind = "integer" | "boolean" | "choice" | "text" | "path" | "list" | "code";

interface Description {
  /** What it is, in one phrase. Markdown; help, editors and the reference show it. */
  readonly doc: string;
  /** What happens beyond it, and what changing it costs. Markdown; editors and the reference show it. */
  readonly more?: string;
  /** Where the default is not what people should read. */
  readonly shownDefault?: string;
}

export interface Entry<T = unknown> extends Description {
  readonly kind: Kind;
  readonly default: T;
  /** In TypeScript. */
  readonly type: string;
  /** What is accepted, to follow "must be". */
  readonly accepts: string;
  readonly isValid: (value: unknown) => boolean;
  /** Judges further, and throws HF_OPTION_INVALID itself. */
  assert?(value: T): void;
  /** The same for programs, where a file can have it. */
  readonly jsonSchema?: object;
  /** Whether the value must not be printed. */
  readonly isSecret?: true;
  /** What `null` is for, where it is accepted. */
  readonly orNull?: string;
  /** What a flag or a variable says for it. */
  readonly nullWord?: string;
  /** What help calls the value. */
  readonly valueName?: string;
  readonly choices?: readonly string[];
  /** The default of `holdfast serve`, where that is another. */
  readonly serveDefault?: unknown;
}

/** Options that belong together, as an object. */
export interface Group<E extends Entries = Entries> extends Pick<Description, "doc"> {
  readonly kind: "group";
  readonly entries: E;
  /** The name of its TypeScript type. */
  readonly type: string;
}

/** A group that is off unless `true` or an object of its options stands there. */
export interface Switched<E extends Entries = Entries> extends Pick<Description, "doc" | "more"> {
  readonly kind: "switched";
  readonly entries: E;
  readonly type: string;
}

export type Entries = Readonly<Record<string, Entry>>;
export type Schema = Readonly<Record<string, Entry | Group | Switched>>;

/** Options as they are given. */
export type OptionsOf<S extends Schema> = {
  readonly [K in keyof S]?: S[K] extends Switched<infer E>
    ? boolean | OptionsOf<E>
    : S[K] extends Group<infer E>
      ? OptionsOf<E>
      : S[K] extends Entry<infer T>
        ? Exclude<T, undefined>
        : never;
};

/** Options as they are in force. */
export type SettingsOf<S extends Schema> = {
  readonly [K in keyof S]: S[K] extends Switched<infer E>
    ? SettingsOf<E> | undefined
    : S[K] extends Group<infer E>
      ? SettingsOf<E>
      : S[K] extends Entry<infer T>
        ? T
        : never;
};

/** What timers of Node.js can wait; beyond, they would not wait at all. */
export const maxTimerMs = 2 ** 31 - 1;

interface IntegerOptions extends Description {
  /** @default 1 */
  readonly min?: number;
  /** @default none */
  readonly max?: number;
  /** That `null` is accepted, and what for: "for no limit". */
  readonly orNull?: string;
}

export function integer(options: IntegerOptions & { default: number; orNull?: never }): Entry<number>;
export function integer(
  options: IntegerOptions & { default: number | null; orNull: string },
): Entry<number | null>;
export function integer(options: IntegerOptions & { default: undefined }): Entry<number | undefined>;
export function integer(
  options: IntegerOptions & { default: number | null | undefined },
): Entry<number | null | undefined> {
  const { min = 1, max, orNull, ...rest } = options;
  const range = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  const limits = { minimum: min, ...(max !== undefined && { maximum: max }) };
  return {
    kind: "integer",
    type: orNull === undefined ? "number" : "number | null",
    accepts: `an integer ${range}${orNull === undefined ? "" : `, or null ${orNull}`}`,
    isValid: (value) =>
      (value === null && orNull !== undefined) ||
      (Number.isInteger(value) &&
        (value as number) >= min &&
        (value as number) <= (max ?? Number.MAX_SAFE_INTEGER)),
    jsonSchema: { type: orNull === undefined ? "integer" : ["integer", "null"], ...limits },
    valueName: "number",
    ...(orNull !== undefined && { orNull, nullWord: "none" }),
    ...rest,
  };
}

/** A time in milliseconds, as long as timers can wait. */
export function milliseconds(options: IntegerOptions & { default: number; orNull?: never }): Entry<number>;
export function milliseconds(
  options: IntegerOptions & { default: number | null; orNull: string },
): Entry<number | null>;
export function milliseconds(options: IntegerOptions & { default: number | null }): Entry<number | null> {
  return integer({ max: maxTimerMs, ...options } as IntegerOptions & { default: number; orNull: string });
}

export function toggle(options: Description & { default: boolean }): Entry<boolean> {
  return {
    kind: "boolean",
    type: "boolean",
    accepts: "true or false",
    isValid: (value) => typeof value === "boolean",
    jsonSchema: { type: "boolean" },
    valueName: "boolean",
    ...options,
  };
}

export function choice<const T extends string>(
  choices: readonly T[],
  options: Description & { default: T; valueName?: string },
): Entry<T> {
  const words = choices.map((word) => JSON.stringify(word));
  return {
    kind: "choice",
    type: words.join(" | "),
    accepts: `one of ${words.join(", ")}`,
    isValid: (value) => choices.includes(value as T),
    jsonSchema: { enum: choices },
    valueName: "word",
    choices,
    ...options,
  };
}

interface TextOptions extends Description {
  readonly accepts?: string;
  readonly pattern?: RegExp;
  readonly valueName?: string;
}

export function text({ pattern, ...options }: TextOptions & { default: string }): Entry<string> {
  return {
    kind: "text",
    type: "string",
    accepts: "a non-empty string",
    isValid: (value) => typeof value === "string" && (pattern?.test(value) ?? value !== ""),
    jsonSchema: { type: "string", ...(pattern ? { pattern: pattern.source } : { minLength: 1 }) },
    valueName: "text",
    ...options,
  };
}

/** A file or a folder; in a configuration, relative to it. */
export function path(
  options: Description & { accepts: string; nullWord?: string; valueName: string; serveDefault?: string },
): Entry<string | null> {
  return {
    kind: "path",
    type: "string | null",
    isValid: (value) => value === null || (typeof value === "string" && value !== ""),
    jsonSchema: { type: ["string", "null"], minLength: 1 },
    nullWord: "none",
    default: null,
    ...options,
  };
}

type ListOptions<T> = Description &
  Pick<Entry<T>, "accepts" | "isValid" | "default"> &
  Partial<Pick<Entry<T>, "assert" | "isSecret" | "type">>;

/** Several texts, comma-separated in flags and variables. */
export function list<T = readonly string[]>(options: ListOptions<T>): Entry<T> {
  return {
    kind: "list",
    type: "readonly string[]",
    jsonSchema: { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] },
    valueName: "list",
    ...options,
  };
}

/** What only programs can give: functions and objects. */
export function code<T>(
  options: Description & Pick<Entry<T>, "type" | "accepts" | "isValid" | "default">,
): Entry<T> {
  return { kind: "code", ...options };
}

export function group<E extends Entries>(type: string, doc: string, entries: E): Group<E> {
  return { kind: "group", type, doc, entries };
}

export function switched<E extends Entries>(
  type: string,
  words: Pick<Description, "doc" | "more">,
  entries: E,
): Switched<E> {
  return { kind: "switched", type, ...words, entries };
}

/** A map of everything in a schema by its path: `store.maxBytes`. Groups with a switch are listed themselves, too. */
export function entriesOf(schema: Schema): ReadonlyMap<string, Entry> {
  const found = new Map<string, Entry>();
  for (const [name, each] of Object.entries(schema)) {
    if (each.kind === "group" || each.kind === "switched") {
      if (each.kind === "switched") found.set(name, switchOf(each));
      for (const [field, entry] of Object.entries(each.entries)) found.set(`${name}.${field}`, entry);
    } else found.set(name, each);
  }
  return found;
}

function switchOf({ doc, more }: Switched): Entry<boolean> {
  return toggle({ doc, ...(more !== undefined && { more }), default: false });
}

/** `--store-max-bytes` for `store.maxBytes`. */
export function flagOf(path: string): string {
  return `--${path.replaceAll(".", "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `HOLDFAST_STORE_MAX_BYTES` for `store.maxBytes`. */
export function variableOf(path: string): string {
  return `HOLDFAST_${flagOf(path).slice(2).replaceAll("-", "_").toUpperCase()}`;
}

/**
 * Options with the defaults of those that are not given, frozen. Undefined counts as not given.
 * @param at where the options stand among others, such as `store`
 * @throws HF_OPTION_INVALID naming the option, what is accepted and what came
 */
export function resolveOptions<S extends Schema>(schema: S, given: object, at = ""): SettingsOf<S> {
  refuseUnknownOptions(given, Object.keys(schema), at);
  const settings: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(schema)) {
    const value = (given as Record<string, unknown>)[name];
    settings[name] = resolveOne(each, value, at === "" ? name : `${at}.${name}`);
  }
  return Object.freeze(settings) as SettingsOf<S>;
}

/** What a schema knows of larger options. */
export function pickOptions<S extends Schema>(schema: S, options: object): OptionsOf<S> {
  const given = Object.entries(options).filter(([name]) => Object.hasOwn(schema, name));
  return Object.fromEntries(given) as OptionsOf<S>;
}

export function defaultsOf<S extends Schema>(schema: S): SettingsOf<S> {
  return resolveOptions(schema, {});
}

function resolveOne(each: Schema[string], value: unknown, name: string): unknown {
  if (each.kind === "group" || each.kind === "switched") {
    const isSwitch = each.kind === "switched" && typeof value === "boolean";
    const what = each.kind === "switched" ? "true, false, or an object of options" : "an object of options";
    if (value !== undefined && !isSwitch && (typeof value !== "object" || value === null))
      throw invalidOption(name, what, show(value));
    if (each.kind === "switched" && (value === undefined || value === false)) return undefined;
    return resolveOptions(each.entries, isSwitch ? {} : ((value as object | undefined) ?? {}), name);
  }
  if (value === undefined) return each.default;
  if (!each.isValid(value)) throw invalidOption(name, each.accepts, each.isSecret ? undefined : show(value));
  each.assert?.(value);
  return value;
}

function show(value: unknown): string {
  if (typeof value === "function") return "a function";
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

/** Markdown without links, which lead nowhere from editors and terminals. */
export function withoutLinks(markdown: string): string {
  return markdown.replace(/\[([^\]]+)\]\([^)]*\)/g, "$1");
}

/** A default as people read it: `64 KiB`, `25 s`, `50,000`. */
export function showDefault(path: string, { default: value, shownDefault }: Entry): string {
  if (shownDefault !== undefined) return shownDefault;
  if (typeof value !== "number") return value === "" || isEmptyList(value) ? "none" : JSON.stringify(value);
  if (path.endsWith("Ms")) return inUnits(value, timeUnits);
  if (path.endsWith("Seconds")) return inUnits(value * 1000, timeUnits);
  if (/(?:bytes(?:PerSecond)?|byteBurst)$/i.test(path)) return inUnits(value, sizeUnits);
  return value.toLocaleString("en-US");
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

const sizeUnits = [
  [1024 ** 3, "GiB"],
  [1024 ** 2, "MiB"],
  [1024, "KiB"],
  [1, "bytes"],
] as const;
const timeUnits = [
  [24 * 3_600_000, "days"],
  [3_600_000, "hours"],
  [1000, "s"],
  [1, "ms"],
] as const;

function inUnits(value: number, units: readonly (readonly [number, string])[]): string {
  // One day is 24 hours, so that no unit needs a singular.
  const [size, unit] = units.find(
    ([each, name]) => value % each === 0 && (value > each || name.length <= 3),
  ) ?? [1, ""];
  return `${(value / size).toLocaleString("en-US")} ${unit}`;
}
