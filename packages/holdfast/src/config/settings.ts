/** Every option in force, and where it comes from: a flag wins over a variable, that over the file, and that over the default. */
import { dirname, resolve } from "node:path";
import { HoldfastError } from "../errors.js";
import { type ConfigOption, configOptions } from "./option-table.js";
import { parseOptionText, textAdvice } from "./option-text.js";
import type { ReadConfig } from "./read-config.js";
import { resolveSecrets } from "./resolve-secrets.js";
import { isServiceVariable } from "./service-variables.js";

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
  /** Values of flags by the path of their option, read already. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: NodeJS.ProcessEnv;
  readonly config: ReadConfig | undefined;
}

/** @throws HF_CLI_USAGE when a variable has a text that is not accepted, HF_CONFIG_INVALID when a key cannot be had */
export function resolveSettings(sources: SettingSources): Settings {
  const settings = new Map<string, Setting>();
  for (const option of configOptions) settings.set(option.path, { option, ...resolveOne(option, sources) });
  return settings;
}

/** Whether somebody has said it, rather than nobody. */
export function isGiven(settings: Settings, path: string): boolean {
  const kind = settings.get(path)?.source.kind;
  return kind !== undefined && kind !== "default";
}

function resolveOne(option: ConfigOption, { flags, env, config }: SettingSources): Omit<Setting, "option"> {
  const ofFlag = flags[option.path];
  if (ofFlag !== undefined) return { value: ofFlag, source: { kind: "flag", name: option.flag } };
  const text = env[option.variable];
  // An empty variable is how many tools say that there is none.
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
  // An object of its options says that there is compression, too.
  if (path === "compression" && typeof found === "object") return true;
  if (path === "apiKeys" && found !== undefined)
    return resolveSecrets(found, ["apiKeys"], { env, file, name: shownName });
  if (kind === "list" && typeof found === "string") return [found];
  if (kind !== "path" || typeof found !== "string") return found;
  return found === nullWord ? null : resolve(dirname(file), found);
}
