/**
 * Options of a server from flags, variables and files: how each is written there, and which value applies. Flags override
 * variables, variables the file, and the file the defaults.
 */
import { dirname, resolve } from "node:path";
import { HoldfastError } from "../errors.js";
import { type Entry, entriesOf, flagOf, variableOf } from "../options/option.js";
import { configOnlyOptions, sections } from "../options/schema.js";
import type { ReadConfig } from "./config-file.js";
import { isReference, resolveSecrets } from "./secrets.js";

export interface ConfigOption extends Entry {
  /** As in `ServerOptions`, groups included: `store.maxBytes`. */
  readonly path: string;
  readonly flag: string;
  readonly variable: string;
  /** The section of help that lists it. */
  readonly heading: string;
  /** Of `holdfast serve`. */
  readonly fallback: unknown;
}

/** Every option that flags, variables and files can set, in the order of the reference. */
export const configOptions: readonly ConfigOption[] = Object.freeze(
  sections.flatMap(({ heading, options }) =>
    [...entriesOf({ ...options, ...("tls" in options && { tls: configOnlyOptions.tls }) })]
      .filter(([, { kind }]) => kind !== "code")
      .map(([path, entry]) => ({
        ...entry,
        path,
        flag: flagOf(path),
        variable: variableOf(path),
        heading,
        fallback: entry.serveDefault ?? entry.default,
      })),
  ),
);

const byPath = new Map(configOptions.map((option) => [option.path, option]));

export function findOption(path: string): ConfigOption | undefined {
  return byPath.get(path);
}

const yes = ["true", "yes", "on", "1"];
const no = ["false", "no", "off", "0"];

/** What a flag or variable accepts, to follow "must be". */
export function textAdvice({ accepts, nullWord = "none" }: ConfigOption): string {
  return accepts.replace(/null(?: for memory)?/, nullWord);
}

/** The value of a flag or variable; undefined if the text is invalid. */
export function parseOptionText(option: ConfigOption, text: string): unknown {
  const word = text.trim();
  if (word === option.nullWord) return null;
  const value = parseText(option, word, text);
  // Others are checked together with files, by errors without values that may be secret.
  const isJudgedHere = option.kind === "integer" || option.kind === "choice";
  return isJudgedHere && !option.isValid(value) ? undefined : value;
}

function parseText({ kind }: ConfigOption, word: string, text: string): unknown {
  switch (kind) {
    case "integer":
      return word === "" ? undefined : Number(word);
    case "boolean":
      return yes.includes(word.toLowerCase()) ? true : no.includes(word.toLowerCase()) ? false : undefined;
    case "choice":
      return word;
    case "list":
      return parseList(word);
    default:
      return word === "" ? undefined : text;
  }
}

export function parseList(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

const serviceName =
  /^HOLDFAST_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;
const serviceAddress = /^(?:tcp|udp|sctp):\/\//i;

/**
 * Whether a variable is a service address, not an option: Kubernetes and Docker links set such variables in
 * every container, and for a service called `holdfast` they start with our prefix: `HOLDFAST_PORT=tcp://10.0.0.7:8000`.
 */
export function isServiceVariable(name: string, text: string): boolean {
  if (!serviceName.test(name)) return false;
  return name !== "HOLDFAST_PORT" || serviceAddress.test(text);
}

export type Source =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly name: string }
  | { readonly kind: "env"; readonly name: string }
  | { readonly kind: "flag"; readonly name: string };

export interface Setting {
  readonly option: ConfigOption;
  readonly value: unknown;
  readonly source: Source;
}

/** By the path of the option. */
export type Settings = ReadonlyMap<string, Setting>;

export interface SettingSources {
  /** Parsed values of flags, by the path of their option. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: NodeJS.ProcessEnv;
  readonly config: ReadConfig | undefined;
}

/** @throws HF_CLI_USAGE when a variable is not accepted, HF_CONFIG_INVALID when a key cannot be read */
export function resolveSettings(sources: SettingSources): Settings {
  const settings = new Map<string, Setting>();
  for (const option of configOptions) settings.set(option.path, { option, ...resolveOne(option, sources) });
  return settings;
}

/** Whether it is set, rather than left to its default. */
export function isGiven(settings: Settings, path: string): boolean {
  const kind = settings.get(path)?.source.kind;
  return kind !== undefined && kind !== "default";
}

function resolveOne(option: ConfigOption, { flags, env, config }: SettingSources): Omit<Setting, "option"> {
  const ofFlag = flags[option.path];
  if (ofFlag !== undefined) return { value: ofFlag, source: { kind: "flag", name: option.flag } };
  const text = env[option.variable];
  // Many tools set an empty variable to mean none.
  if (text && !isServiceVariable(option.variable, text))
    return { value: parseVariable(option, text), source: { kind: "env", name: option.variable } };
  const ofFile = config && readField(option, config, env);
  if (config && ofFile !== undefined) return { value: ofFile, source: { kind: "file", name: config.name } };
  return { value: option.fallback, source: { kind: "default" } };
}

function parseVariable(option: ConfigOption, text: string): unknown {
  const value = parseOptionText(option, text);
  if (value !== undefined) return value;
  throw new HoldfastError(
    "HF_CLI_USAGE",
    `${option.variable} must be ${textAdvice(option)}, but is ${JSON.stringify(text)}`,
    { details: { option: option.path } },
  );
}

function readField(
  { path, kind, nullWord }: ConfigOption,
  config: ReadConfig,
  env: NodeJS.ProcessEnv,
): unknown {
  const { file, name: shownName, value } = config;
  const names = path.split(".");
  const found = names.reduce<unknown>(
    (at, name) => (typeof at === "object" && at !== null ? (at as Record<string, unknown>)[name] : undefined),
    value,
  );
  // An object of its options turns compression on, too.
  if (path === "compression" && typeof found === "object") return true;
  if (path === "apiKeys" && found !== undefined)
    return resolveSecrets(found, ["apiKeys"], { env, file, name: shownName });
  if (path === "broker" && isReference(found))
    return resolveSecrets(found, ["broker"], { env, file, name: shownName });
  if (kind === "list" && typeof found === "string") return [found];
  if (kind !== "path" || typeof found !== "string") return found;
  return found === nullWord ? null : resolve(dirname(file), found);
}
