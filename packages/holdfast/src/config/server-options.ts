/** Settings as `createServer` takes them. */
import { normalizePem } from "../auth/keys.js";
import type { Durability } from "../channels/log.js";
import { openRules } from "../channels/rules.js";
import { HoldfastError, messageOf } from "../errors.js";
import type { ServerOptions } from "../server/options.js";
import type { ReadConfig } from "./read-config.js";
import { isGiven, type Setting, type Settings } from "./settings.js";
import { readTextFile } from "./text-file.js";

/** What has its own way to the server. */
const others = new Set(["durability", "tls", "compression", "data", "allowedOrigins"]);

/**
 * @param hasApp whether an application says what the rules of channels are
 * @throws HF_CONFIG_INVALID, HF_CLI_USAGE when certificate or key are missing or cannot be read
 */
export function toServerOptions(
  settings: Settings,
  config: ReadConfig | undefined,
  hasApp: boolean,
): ServerOptions {
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
  const broker = config?.value.broker;
  return {
    ...options,
    ...pickCode(config),
    ...(origins && isGiven(settings, "allowedOrigins") && { allowedOrigins: toOrigins(origins) }),
    ...(!broker && { data: settings.get("data")?.value as string | null }),
    ...(tls && { tls }),
    ...(compression !== undefined && { compression }),
    ...(!hasApp && { rulesFor: () => rules }),
  };
}

function pickCode(config: ReadConfig | undefined): object {
  const { broker, onError } = config?.value ?? {};
  return { ...(broker !== undefined && { broker }), ...(onError !== undefined && { onError }) };
}

function toOrigins({ value }: Setting): "*" | readonly string[] {
  const origins = value as readonly string[];
  return origins.includes("*") ? "*" : origins;
}

/** Details alone mean that it is wanted. */
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
