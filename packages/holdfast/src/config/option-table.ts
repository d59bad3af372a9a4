/**
 * Every option that a file, a variable or a flag can set, as one table: made of the defaults of the server, so that an option
 * that is added there has its flag, its variable and its place in a file at once. Help, checks, `config --print` and the
 * test of the reference all go by it.
 */
import { defaultOptions } from "../server/options.js";
import { defaultDeflateSettings } from "../websocket/options.js";
import { documentPath } from "./document-path.js";
import { optionSummaries } from "./option-summaries.js";

export type OptionKind = "integer" | "boolean" | "text" | "list" | "choice" | "path";

export interface ConfigOption {
  /** As in `ServerOptions`, groups included: `limits.maxChannels`. */
  readonly path: string;
  readonly kind: OptionKind;
  /** `--limits-max-channels` */
  readonly flag: string;
  /** `HOLDFAST_LIMITS_MAX_CHANNELS` */
  readonly variable: string;
  /** Under which heading help lists it. */
  readonly heading: string;
  readonly summary: string;
  readonly fallback: unknown;
  /** Of a choice. */
  readonly choices?: readonly string[];
  /** What a flag or a variable says for `null`. */
  readonly nullWord: string;
  /** What help calls the value. */
  readonly valueName: string;
}

type Exception = Partial<Omit<ConfigOption, "path" | "variable" | "summary" | "nullWord">> & {
  readonly nullWord?: string;
};

/** Where an option is not what its default and its name say. */
const exceptions: Readonly<Record<string, Exception>> = {
  port: { heading: "Address" },
  host: { heading: "Address", valueName: "address" },
  unixSocket: { kind: "path", heading: "Address", valueName: "file" },
  basePath: { heading: "Address", valueName: "path" },
  hstsSeconds: { heading: "Address" },
  "tls.cert": { kind: "path", heading: "Address", fallback: null, valueName: "file" },
  "tls.key": { kind: "path", heading: "Address", fallback: null, valueName: "file" },
  http2: { heading: "Address" },
  pages: { kind: "path", heading: "Address", valueName: "folder" },
  data: {
    kind: "path",
    heading: "Data",
    fallback: "./holdfast-data",
    nullWord: "memory",
    valueName: "folder",
  },
  durability: {
    kind: "choice",
    heading: "Data",
    fallback: "process",
    choices: ["memory", "process", "disk"],
    valueName: "level",
  },
  repairData: { heading: "Data" },
  apiKeys: { flag: "--api-key", heading: "Who may connect" },
  apiKeyInQuery: { heading: "Who may connect" },
  allowedOrigins: { heading: "Who may connect" },
  maxConnections: { heading: "Who may connect" },
  maxWaitingRequests: { heading: "Who may connect" },
  audit: { heading: "Who may connect" },
  compression: { kind: "boolean", heading: "Compression" },
  "times.pingIntervalMs": { flag: "--ping-interval-ms" },
  "times.pongTimeoutMs": { flag: "--pong-timeout-ms" },
};

const headings: Readonly<Record<string, string>> = {
  store: "Data",
  compression: "Compression",
  limits: "Bounds of each connection",
  requests: "Bounds of messages and requests",
  times: "Times, in milliseconds",
  ring: "Memory of channels",
};

/** Options that take code, which no flag can hold, and those that are said by others here. */
const withoutFlag = new Set(["authenticate", "rulesFor", "onError", "broker", "tls"]);

/** Every option of the table, in the order of the reference. */
export const configOptions: readonly ConfigOption[] = Object.freeze(createTable());

const byPath = new Map(configOptions.map((option) => [option.path, option]));

export function findOption(path: string): ConfigOption | undefined {
  return byPath.get(path);
}

function createTable(): ConfigOption[] {
  const { contextTakeover: _, ...deflate } = defaultDeflateSettings;
  const defaults: Readonly<Record<string, unknown>> = {
    ...defaultOptions,
    pages: undefined,
    "tls.cert": null,
    "tls.key": null,
    durability: "process",
  };
  const groups = { ...groupsOf(defaults), compression: deflate };
  const plain = Object.entries(defaults).filter(
    ([path, value]) => !withoutFlag.has(path) && !isGroup(value) && typeof value !== "function",
  );
  const nested = Object.entries(groups).flatMap(([group, fields]) =>
    Object.entries(fields).map(([name, value]) => [`${group}.${name}`, value] as const),
  );
  return [...plain, ...nested].map(([path, value]) => toOption(path, value));
}

function groupsOf(defaults: Readonly<Record<string, unknown>>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(defaults).filter((entry): entry is [string, object] => isGroup(entry[1])),
  );
}

function isGroup(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function toOption(path: string, value: unknown): ConfigOption {
  const exception = exceptions[path] ?? {};
  const kind = exception.kind ?? kindOf(path, value);
  const flag = exception.flag ?? `--${toWords(path).join("-")}`;
  const group = path.includes(".") ? path.slice(0, path.indexOf(".")) : "";
  return {
    path,
    kind,
    flag,
    variable: `HOLDFAST_${flag.slice(2).replaceAll("-", "_").toUpperCase()}`,
    heading: exception.heading ?? headings[group] ?? (group === "" ? headingOf(path) : group),
    summary: optionSummaries[path] ?? `${path}, see ${documentPath("reference/options.md")}`,
    fallback: "fallback" in exception ? exception.fallback : value,
    nullWord: exception.nullWord ?? "none",
    valueName:
      exception.valueName ??
      { integer: "number", boolean: "boolean", list: "list" }[kind as "list"] ??
      "text",
    ...(exception.choices && { choices: exception.choices }),
  };
}

function headingOf(path: string): string {
  if (path.endsWith("Ms")) return headings.times as string;
  if (/^max(?:Ring|Held)/.test(path)) return headings.ring as string;
  return path.startsWith("max") ? "Bounds of messages and requests" : "Others";
}

/** A bound may have been lifted by default, and is still a number. */
function kindOf(path: string, value: unknown): OptionKind {
  if (typeof value === "number" || (value === null && path.includes("."))) return "integer";
  if (typeof value === "boolean") return "boolean";
  return Array.isArray(value) ? "list" : "text";
}

/** `limits.maxChannels` as `limits`, `max`, `channels`. */
function toWords(path: string): string[] {
  return path
    .replaceAll(".", " ")
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .split(" ");
}
