/** A configuration as it is in force: the file, variables and flags together, and the application. */
import { relative } from "node:path";
import { compileApp } from "../app/compile-app.js";
import type { App } from "../app/define-app.js";
import type { Durability } from "../channels/log.js";
import { HoldfastError } from "../errors.js";
import { resolveOptions, type ServerOptions } from "../server/options.js";
import { presenceLeaseMs } from "../sessions/limits.js";
import { systemClock } from "../sockets/system-clock.js";
import { buildApp } from "./build-app.js";
import { findConfig } from "./find-config.js";
import { jwtSchema } from "./jwt-schema.js";
import { type OwnModules, type ReadConfig, readConfig } from "./read-config.js";
import { toServerOptions } from "./server-options.js";
import { isGiven, resolveSettings, type Settings } from "./settings.js";

export interface ConfigSources {
  /** The working directory. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Values of flags by the path of their option. @default none */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** `--config`; `HOLDFAST_CONFIG` where there is none, or else what is found in the folder. */
  readonly config?: string | undefined;
  readonly modules?: OwnModules;
}

export interface Configuration {
  readonly config: ReadConfig | undefined;
  readonly settings: Settings;
  /** None where everything is open. */
  readonly app: App | undefined;
  readonly options: ServerOptions;
}

/**
 * Reads everything, but judges values no further than their shape: {@link assertConfiguration} does.
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
 * Reads no more than the application, so that what else a server would need may be missing.
 * @throws HF_CONFIG_INVALID naming the file, the place, what came and what is accepted
 */
export async function loadApp(sources: ConfigSources): Promise<App | undefined> {
  const config = await findAndRead(sources);
  return config && buildApp(config, sources.env, undefined);
}

async function findAndRead(sources: ConfigSources): Promise<ReadConfig | undefined> {
  const { folder, modules } = sources;
  const file = findConfig(folder, nameConfig(sources));
  return file === undefined ? undefined : await readConfig(file, modules, shorten(folder, file));
}

/**
 * Judges every value as a server would, without making one.
 * @throws HF_CONFIG_INVALID, HF_OPTION_INVALID naming what is wrong, and where it comes from
 */
export function assertConfiguration(configuration: Configuration): void {
  try {
    const { onError, times } = resolveOptions(configuration.options);
    if (configuration.app)
      compileApp(configuration.app, {
        clock: systemClock,
        hookTimeoutMs: times.hookTimeoutMs,
        leaseMs: presenceLeaseMs(times),
        onError,
      });
  } catch (error) {
    throw withOrigin(error, configuration);
  }
}

/** Says of an option that is refused where it was set. */
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
