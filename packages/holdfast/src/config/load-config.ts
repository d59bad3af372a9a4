/** The effective configuration: file, variables and flags combined, the application, and the options of the server. */
import { relative } from "node:path";
import { type ChannelDefinition, type ChannelOptions, channel } from "../app/channel.js";
import { compileApp } from "../app/compile-app.js";
import { App, type AppOptions, type Channels, defineApp, jwt, type Methods } from "../app/define-app.js";
import { parsePattern, sortPatterns } from "../app/pattern.js";
import type { TokenOptions } from "../auth/jwt-options.js";
import { normalizePem } from "../auth/keys.js";
import type { Durability } from "../channels/log.js";
import { openRules } from "../channels/rules.js";
import { HoldfastError, messageOf } from "../errors.js";
import type { ServerOptions } from "../options/options.js";
import { resolveServerOptions } from "../options/schema.js";
import { presenceLeaseMs } from "../sessions/context.js";
import { systemClock } from "../sockets/system-clock.js";
import { findConfig, type OwnModules, type ReadConfig, readConfig, readTextFile } from "./config-file.js";
import { jwtSchema } from "./config-schema.js";
import type { DescribedConfig } from "./define-config.js";
import { resolveSecrets, type SecretContext } from "./secrets.js";
import { isGiven, resolveSettings, type Setting, type Settings } from "./settings.js";

export interface ConfigSources {
  /** The working directory. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Parsed values of flags, by the path of their option. @default none */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** `--config`; `HOLDFAST_CONFIG` where there is none, or else what is found in the folder. */
  readonly config?: string | undefined;
  readonly modules?: OwnModules;
}

export interface Configuration {
  readonly config: ReadConfig | undefined;
  readonly settings: Settings;
  /** Undefined if everything is open. */
  readonly app: App | undefined;
  readonly options: ServerOptions;
}

/**
 * Reads everything, and checks shapes only: {@link assertConfiguration} checks the rest.
 * @throws HF_CONFIG_INVALID, HF_CLI_USAGE naming the file or variable, the place, what came and what is accepted
 */
export async function loadConfiguration(sources: ConfigSources): Promise<Configuration> {
  const { env, flags = {} } = sources;
  const config = await findAndRead(sources);
  const settings = resolveSettings({ flags, env, config });
  const durability = isGiven(settings, "durability")
    ? (settings.get("durability")?.value as Durability)
    : undefined;
  const app = config && buildApp(config, env, durability);
  return { config, settings, app, options: toServerOptions(settings, config, app !== undefined) };
}

/**
 * Reads the application only; other options may be missing or invalid.
 * @throws HF_CONFIG_INVALID naming the file, the place, what came and what is accepted
 */
export async function loadApp(sources: ConfigSources): Promise<App | undefined> {
  const config = await findAndRead(sources);
  return config && buildApp(config, sources.env, undefined);
}

/**
 * The pattern of the configuration that a channel belongs to; undefined without patterns. Channels of none are together.
 * @throws HF_CONFIG_INVALID
 */
export async function loadPatternOf(
  sources: ConfigSources,
): Promise<((channel: string) => string) | undefined> {
  const app = await loadApp(sources);
  const texts = Object.keys(app?.options.channels ?? {});
  if (texts.length === 0) return undefined;
  const patterns = sortPatterns(texts.map((text) => ({ pattern: parsePattern(text) })));
  return (channel) => patterns.find(({ pattern }) => pattern.match(channel))?.pattern.text ?? "(no pattern)";
}

async function findAndRead(sources: ConfigSources): Promise<ReadConfig | undefined> {
  const { folder, modules } = sources;
  const file = findConfig(folder, nameConfig(sources));
  return file === undefined ? undefined : await readConfig(file, modules, shorten(folder, file));
}

/**
 * Checks every value as a server would, without creating one.
 * @throws HF_CONFIG_INVALID, HF_OPTION_INVALID naming what is wrong, and its source
 */
export function assertConfiguration(configuration: Configuration): void {
  try {
    const settings = resolveServerOptions(configuration.options);
    const { hookTimeoutMs } = settings;
    const leaseMs = presenceLeaseMs(settings);
    if (configuration.app)
      compileApp(configuration.app, { clock: systemClock, hookTimeoutMs, leaseMs, onError: () => {} });
  } catch (error) {
    throw withOrigin(error, configuration);
  }
}

/** Adds to an option's error where it was set. */
export function withOrigin(error: unknown, { settings, config }: Configuration): unknown {
  if (!(error instanceof HoldfastError) || error.code !== "HF_OPTION_INVALID") return error;
  const option = String(error.details.option ?? /^[\w.]+/.exec(error.message)?.[0]);
  const source = settings.get(option)?.source;
  const options = { cause: error, details: error.details };
  if (source?.kind === "flag" || source?.kind === "env")
    return new HoldfastError("HF_OPTION_INVALID", `${error.message} (${source.name})`, options);
  const isOfApp = source === undefined && config !== undefined;
  if (source?.kind !== "file" && !isOfApp) return error;
  const name = config?.name ?? "";
  const place = isOfApp && Object.hasOwn(jwtSchema.shape, option) ? "authenticate.jwt." : "";
  return new HoldfastError("HF_CONFIG_INVALID", `${name}: ${place}${error.message}`, options);
}

function nameConfig({ config, env }: ConfigSources): { text: string; by: string } | undefined {
  if (config !== undefined) return { text: config, by: "--config" };
  const text = env.HOLDFAST_CONFIG;
  return text ? { text, by: "HOLDFAST_CONFIG" } : undefined;
}

function shorten(folder: string, file: string): string {
  const short = relative(folder, file);
  return short.startsWith("..") ? file : short;
}

/** Options that differ between configurations and `createServer`. */
const others = new Set(["durability", "workers", "tls", "compression", "data", "allowedOrigins"]);

/**
 * Settings as `createServer` takes them.
 * @param hasApp whether an application has the rules of channels
 * @throws HF_CONFIG_INVALID, HF_CLI_USAGE when certificate or key are missing or cannot be read
 */
function toServerOptions(settings: Settings, config: ReadConfig | undefined, hasApp: boolean): ServerOptions {
  const options: Record<string, unknown> = {};
  for (const { option, value, source } of settings.values()) {
    const [group, name] = option.path.split(".") as [string, string?];
    if (others.has(group) || source.kind === "default") continue;
    if (name === undefined) options[group] = value;
    else options[group] = { ...(options[group] as object), [name]: value };
  }
  const tls = readTls(settings);
  const compression = readCompression(settings);
  const origins = settings.get("allowedOrigins");
  const rules = { ...openRules, durability: settings.get("durability")?.value as Durability };
  return {
    ...options,
    ...pickCode(config),
    ...(origins && isGiven(settings, "allowedOrigins") && { allowedOrigins: toOrigins(origins) }),
    ...(!(isGiven(settings, "broker") && !isGiven(settings, "data")) && {
      data: settings.get("data")?.value as string | null,
    }),
    ...(tls && { tls }),
    ...(compression !== undefined && { compression }),
    ...(!hasApp && { rulesFor: () => rules }),
  };
}

function pickCode(config: ReadConfig | undefined): object {
  const { onError } = config?.value ?? {};
  return onError === undefined ? {} : { onError };
}

function toOrigins({ value }: Setting): "*" | readonly string[] {
  const origins = value as readonly string[];
  return origins.includes("*") ? "*" : origins;
}

/** Any of its options turns it on. */
function readCompression(settings: Settings): ServerOptions["compression"] | undefined {
  const whether = settings.get("compression");
  const details = [...settings.values()].filter(
    ({ option, source }) => option.path.startsWith("compression.") && source.kind !== "default",
  );
  if (!whether || !isGiven(settings, "compression")) {
    if (details.length === 0) return undefined;
  } else if (whether.value === false) return false;
  if (details.length === 0) return true;
  return Object.fromEntries(details.map(({ option, value }) => [option.path.split(".")[1], value]));
}

/**
 * Certificate and key from their files, as they are now.
 * @throws HF_CONFIG_INVALID, HF_CLI_USAGE when one is missing or cannot be read
 */
export function readTls(settings: Settings): { readonly cert: Buffer; readonly key: Buffer } | undefined {
  const [cert, key] = ["tls.cert", "tls.key"].map((path) => settings.get(path) as Setting) as [
    Setting,
    Setting,
  ];
  if (cert.value === null && key.value === null) return undefined;
  const missing = cert.value === null ? cert : key.value === null ? key : undefined;
  if (missing)
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--tls-cert and --tls-key go together; ${missing.option.flag} is missing`,
    );
  return { cert: readPem(cert), key: readPem(key) };
}

function readPem({ option, value, source }: Setting): Buffer {
  try {
    return Buffer.from(normalizePem(readTextFile(value as string)));
  } catch (cause) {
    const by = source.kind === "file" ? `${source.name}: ${option.path}` : option.flag;
    throw new HoldfastError(
      source.kind === "file" ? "HF_CONFIG_INVALID" : "HF_CLI_USAGE",
      `${by} ${value} cannot be read: ${messageOf(cause)}`,
      { cause, details: { option: option.path } },
    );
  }
}

const described = ["authenticate", "anonymous", "personalChannel", "channels"] as const;

/**
 * @param durability for channels that set none
 * @returns undefined if everything is open
 * @throws HF_CONFIG_INVALID when there are both, or a secret cannot be read
 */
function buildApp(
  { file, name, value }: ReadConfig,
  env: NodeJS.ProcessEnv,
  durability: Durability | undefined,
): App | undefined {
  const { app } = value as { readonly app?: App };
  const description = value as DescribedConfig;
  const given = described.filter(
    (field) =>
      description[field] !== undefined && !(field === "authenticate" && description[field] === "none"),
  );
  if (app) {
    if (given.length === 0) return withDurability(app, durability);
    throw new HoldfastError(
      "HF_CONFIG_INVALID",
      `${name}: ${given[0]} cannot be combined with app, which defines its own`,
    );
  }
  if (given.length === 0) return undefined;
  const options = describeApp(description, { env, file, name });
  if (options.channels === undefined)
    throw new HoldfastError(
      "HF_CONFIG_INVALID",
      `${name}: channels is required with ${given[0]}; use "{name*}" for all channels`,
    );
  return withDurability(defineApp(options), durability);
}

function describeApp(
  { authenticate, anonymous, personalChannel, channels }: DescribedConfig,
  context: SecretContext,
): AppOptions<Channels, Methods> {
  const tokens =
    typeof authenticate === "object" &&
    (resolveSecrets(authenticate.jwt, ["authenticate", "jwt"], context) as Omit<TokenOptions, "now">);
  return {
    ...(tokens && { authenticate: jwt(tokens) }),
    ...(anonymous !== undefined && { anonymous }),
    ...(personalChannel !== undefined && { personalChannel }),
    ...(channels && { channels: mapValues(channels, (options) => channel(options as ChannelOptions)) }),
  };
}

function withDurability(app: App, durability: Durability | undefined): App {
  const { channels } = app.options;
  if (durability === undefined || channels === undefined) return app;
  return new App({
    ...app.options,
    channels: mapValues(channels, ({ options }): ChannelDefinition => channel({ durability, ...options })),
  });
}

function mapValues<T, U>(values: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
