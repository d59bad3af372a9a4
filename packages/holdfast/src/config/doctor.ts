/** Checks a configuration for errors and unsafe settings: a table of checks, each with advice on its findings. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Access } from "../app/access.js";
import { minSecretBytes } from "../auth/jwt-options.js";
import { HoldfastError, messageOf, nearestOf } from "../errors.js";
import { isHashedKey } from "../http/api/keys.js";
import { isLoopback } from "../requests/origins.js";
import { findOpenToOthers } from "../server/brokers.js";
import { readTextFile } from "./config-file.js";
import { assertConfiguration, type Configuration } from "./load-config.js";
import { findWeakness, maxBits } from "./secrets.js";
import { configOptions, isGiven, isServiceVariable } from "./settings.js";
import { tokenOptionsOf } from "./tokens.js";

/** `error`: a broken guarantee or open access. `warning`: possibly intended. `note`: for information. */
export type Severity = "error" | "warning" | "note";

export interface Finding {
  readonly severity: Severity;
  /** Stable, for programs. */
  readonly id: string;
  /** What was found, as a sentence. */
  readonly message: string;
  /** What to do next. */
  readonly advice: string;
}

/** A finding of a check, whose id is that of the check. */
type Found = Omit<Finding, "id">;

export interface Machine {
  /** Unix milliseconds. */
  readonly now: number;
  /** The text of `/proc/self/limits`, where there is one. */
  readonly limits: string | undefined;
}

interface Context extends Configuration {
  readonly env: NodeJS.ProcessEnv;
  readonly machine: Machine;
}

export const severities: readonly Severity[] = ["error", "warning", "note"];

/** By id. */
const checks: Readonly<Record<string, (context: Context) => readonly Found[]>> = {
  "weak-secret": weakSecrets,
  "weak-api-key": weakApiKeys,
  "readable-secrets": readableSecrets,
  "no-authentication": missingAuthentication,
  "open-publish": openChannels,
  "wildcard-origin": wildcardOrigin,
  "no-tls": missingTls,
  "data-not-writable": unusableFolder,
  "data-open-to-others": folderOpenToOthers,
  "memory-durability": durabilityInMemory,
  "certificate-unreadable": unreadableCertificate,
  "certificate-expired": expiredCertificate,
  "certificate-expires": expiringCertificate,
  "certificate-key-mismatch": otherKey,
  "file-limit": fewFiles,
  "unknown-variable": unknownVariables,
};

/** Of the configuration as a whole. */
const notAccepted = "not-accepted";

export const findingIds: readonly string[] = [notAccepted, ...Object.keys(checks)];

/** @returns findings, the most severe first */
export function examine(
  configuration: Configuration,
  env: NodeJS.ProcessEnv,
  machine: Machine,
): readonly Finding[] {
  const context = { ...configuration, env, machine };
  const found = Object.entries(checks).flatMap(([id, check]) =>
    check(context).map((finding): Finding => ({ id, ...finding })),
  );
  return bySeverity([...findRefusal(configuration, found), ...found]);
}

/** The most severe first. */
export function bySeverity(all: readonly Finding[]): readonly Finding[] {
  return severities.flatMap((severity) => all.filter((finding) => finding.severity === severity));
}

/** Why a server would not start, unless that has been found already. */
function findRefusal(configuration: Configuration, found: readonly Finding[]): readonly Finding[] {
  try {
    assertConfiguration(configuration);
    return [];
  } catch (error) {
    const isKnown = error instanceof HoldfastError && error.details.option === "secret";
    return isKnown && found.some(({ id }) => id === "weak-secret") ? [] : [refusalFinding(error)];
  }
}

/** A configuration that cannot be read, or is not accepted. */
export function refusalFinding(error: unknown): Finding {
  return {
    severity: "error",
    id: notAccepted,
    message: messageOf(error),
    advice: `the server does not start with it; for what is accepted, see holdfast config --schema and ${documentPath("howto/configuration.md")}`,
  };
}

export function readLimits(): string | undefined {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return undefined;
  }
}

const finding = (severity: Severity, message: string, advice: string): Found => ({
  severity,
  message,
  advice,
});
const error = (message: string, advice: string): Found => finding("error", message, advice);
const warning = (message: string, advice: string): Found => finding("warning", message, advice);
const note = (message: string, advice: string): Found => finding("note", message, advice);

function settingOf({ settings }: Context, path: string): unknown {
  return settings.get(path)?.value;
}

// Secrets

const minApiKeyBits = 96;
const minBytesOf: Readonly<Record<string, number>> = minSecretBytes;

function weakSecrets({ app }: Context): readonly Found[] {
  const options = tokenOptionsOf(app);
  return textsOf(options?.secret).flatMap((secret, index): Found[] => {
    const what = index === 0 ? "the token secret" : `the token secret at index ${index}`;
    const bytes = Buffer.byteLength(secret);
    const weakness = findWeakness(secret);
    const demanding = (options?.algorithms ?? []).find((name) => bytes < (minBytesOf[name] ?? 0));
    const fault =
      bytes < minSecretBytes.HS256
        ? `has ${bytes} bytes, but HS256 needs ${minSecretBytes.HS256}`
        : weakness && `can be guessed: it ${weakness}`;
    if (fault && options?.allowWeakSecret)
      return [
        warning(
          `${what} ${fault}; allowWeakSecret accepts it, and whoever finds it can be any user`,
          "put 48 random bytes first in secret (openssl rand -base64 48), issue tokens with these, and remove the weak secret and allowWeakSecret once old tokens have expired",
        ),
      ];
    if (fault) return [error(`${what} ${fault}`, "use 48 random bytes: openssl rand -base64 48")];
    if (demanding === undefined) return [];
    return [
      warning(
        `${what} has ${bytes} bytes, but ${demanding} needs ${minBytesOf[demanding]}`,
        "use 64 random bytes: openssl rand -base64 64",
      ),
    ];
  });
}

function weakApiKeys(context: Context): readonly Found[] {
  return keysOf(settingOf(context, "apiKeys")).flatMap((key, index): Found[] => {
    // A digest does not tell.
    if (isHashedKey(key)) return [];
    const what = `the key apiKeys[${index}]`;
    const advice = "use 32 random bytes: openssl rand -hex 32";
    const weakness = findWeakness(key);
    if (weakness && !/too few/.test(weakness))
      return [error(`${what} can be guessed: it ${weakness}`, advice)];
    if (maxBits(key) >= minApiKeyBits) return [];
    return [warning(`${what} is short: ${key.length} characters`, advice)];
  });
}

/** Files with secrets that every user of this machine may read. */
function readableSecrets(context: Context): readonly Found[] {
  return [...new Set(secretFiles(context).filter(isReadableByAll))].map((file) => {
    const elsewhere = file === context.config?.file ? ", or only reference secrets there: { env: NAME }" : "";
    return warning(
      `${file} contains secrets, and every user of this machine can read it`,
      `chmod 600 ${file}${elsewhere}`,
    );
  });
}

function secretFiles(context: Context): readonly string[] {
  const { config, app } = context;
  const key = settingOf(context, "tls.key");
  const keyFile = typeof key === "string" ? [key] : [];
  if (config === undefined) return keyFile;
  const keys = keysOf(settingOf(context, "apiKeys")).filter((text) => !isHashedKey(text));
  const secrets = [...textsOf(tokenOptionsOf(app)?.secret), ...keys];
  const text = readTextFile(config.file);
  const own = secrets.some((secret) => secret !== "" && text.includes(secret)) ? [config.file] : [];
  const referred = filesIn([config.value.authenticate, config.value.apiKeys]);
  return [...own, ...referred.map((name) => resolve(dirname(config.file), name)), ...keyFile];
}

/** Files named by `{ file }`, but for public keys, which are no secrets. */
function filesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(filesIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    if (name === "publicKeys") return [];
    return name === "file" && typeof each === "string" ? [each] : filesIn(each);
  });
}

function isReadableByAll(file: string): boolean {
  if (process.platform === "win32") return false;
  try {
    return (statSync(file).mode & 0o004) !== 0;
  } catch {
    return false;
  }
}

function textsOf(value: unknown): readonly string[] {
  return [value].flat().filter((each) => typeof each === "string");
}

function keysOf(value: unknown): readonly string[] {
  const keys = Array.isArray(value) ? value : [];
  return textsOf(
    keys.map((each: unknown) => (typeof each === "string" ? each : (each as { key?: unknown })?.key)),
  );
}

// Who may connect and publish, from where

function isReachable(context: Context): boolean {
  return !isLoopback(String(settingOf(context, "host")));
}

function missingAuthentication(context: Context): readonly Found[] {
  const { app } = context;
  if (app?.options.authenticate !== undefined) return [];
  const host = String(settingOf(context, "host"));
  const open = app ? "" : ", and every client may use every channel";
  if (!isReachable(context))
    return [
      note(
        `authentication is disabled${open}; only this machine can connect (${host})`,
        "before others may connect, set authenticate in the configuration",
      ),
    ];
  return [
    error(
      `authentication is disabled, and other machines can connect (${host})${open}`,
      "set authenticate: { jwt: { secret: { env: … } } } in the configuration, or listen on 127.0.0.1",
    ),
  ];
}

function openChannels({ app }: Context): readonly Found[] {
  if (app === undefined) return [];
  const isAnonymousAllowed = app.options.authenticate === undefined || app.options.anonymous === true;
  return Object.entries(app.options.channels ?? {}).flatMap(([pattern, { options }]): Found[] => {
    const { allow = {}, data, publish } = options;
    const everybody = app.options.authenticate === undefined ? "all" : "users";
    const mayPublish = allow.publish ?? ((data ?? publish) ? "subscribers" : false);
    const maySubscribe = allow.subscribe ?? (pattern === app.options.personalChannel ? false : everybody);
    const isOpen = isForAll(mayPublish) || (has(mayPublish, "subscribers") && isForAll(maySubscribe));
    if (!isOpen) return [];
    const who = isAnonymousAllowed ? "anonymous clients" : "all clients with a token";
    return [
      finding(
        isAnonymousAllowed ? "warning" : "note",
        `${who} may publish in channels["${pattern}"]`,
        'set allow.publish to "users", "subscribers", "role:NAME" or false, unless this is intended',
      ),
    ];
  });
}

function has(access: Access, word: string): boolean {
  return typeof access !== "function" && [access].flat().includes(word as never);
}

function isForAll(access: Access): boolean {
  return access === true || has(access, "all");
}

function wildcardOrigin(context: Context): readonly Found[] {
  const origins = settingOf(context, "allowedOrigins");
  if (!Array.isArray(origins) || !origins.includes("*")) return [];
  return [
    warning(
      "pages of any origin may connect (allowedOrigins: *)",
      "list the origins of your own pages, such as https://example.com",
    ),
  ];
}

function missingTls(context: Context): readonly Found[] {
  if (!isReachable(context) || settingOf(context, "tls.cert") !== null) return [];
  return [
    warning(
      "the server accepts remote connections without TLS: the network can read tokens and messages",
      "set tls: { cert, key }, unless a proxy in front of it terminates TLS",
    ),
  ];
}

// The store

function unusableFolder(context: Context): readonly Found[] {
  const folder = settingOf(context, "data");
  const fault = typeof folder === "string" && !context.options.broker && findFolderFault(resolve(folder));
  if (!fault) return [];
  return [
    error(
      `the store cannot use ${folder}: ${fault}`,
      "choose another folder with --data, or make it writable for the server's user",
    ),
  ];
}

/** Of the folder, or of the nearest existing one above it, in which it would be made. */
function findFolderFault(folder: string): string | undefined {
  if (!existsSync(folder) && dirname(folder) !== folder) return findFolderFault(dirname(folder));
  try {
    if (!statSync(folder).isDirectory()) return `${folder} is not a folder`;
    accessSync(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function folderOpenToOthers(context: Context): readonly Found[] {
  const folder = settingOf(context, "data");
  if (typeof folder !== "string" || context.options.broker || findFolderFault(resolve(folder))) return [];
  const open = findOpenToOthers(resolve(folder));
  if (open.length === 0) return [];
  return [
    warning(
      `other users of this machine may read or write the store in ${resolve(folder)}: ${open.join(", ")}`,
      `make the server's user the owner, and its next start restricts access; or run: chmod 700 ${resolve(folder)} && chmod 600 ${resolve(folder)}/*`,
    ),
  ];
}

function durabilityInMemory(context: Context): readonly Found[] {
  const { settings, options, app } = context;
  if (settingOf(context, "data") !== null || options.broker) return [];
  const general = isGiven(settings, "durability") ? [settingOf(context, "durability")] : [];
  const channels = Object.values(app?.options.channels ?? {}).map((channel) => channel.options.durability);
  const asked = [...general, ...channels].filter((each) => each === "process" || each === "disk");
  if (asked.length === 0) return [];
  const isDisk = asked.includes("disk");
  return [
    finding(
      isDisk ? "error" : "warning",
      `durability is ${isDisk ? "disk" : "process"}, but everything is kept in memory and lost with the process`,
      "set a folder with --data",
    ),
  ];
}

// TLS

const dayMs = 24 * 60 * 60 * 1000;
const soonDays = 30;

/** The certificate, or why it is none; undefined without TLS. */
function certificateOf({ options }: Context): X509Certificate | Error | undefined {
  const { cert } = (options.tls ?? {}) as { readonly cert?: Buffer };
  try {
    return cert && new X509Certificate(cert);
  } catch (error) {
    return error as Error;
  }
}

function unreadableCertificate(context: Context): readonly Found[] {
  const certificate = certificateOf(context);
  if (!(certificate instanceof Error)) return [];
  return [
    error(
      `${settingOf(context, "tls.cert")} is not a PEM certificate: ${certificate.message}`,
      "use the file that starts with BEGIN CERTIFICATE",
    ),
  ];
}

function expiredCertificate(context: Context): readonly Found[] {
  const certificate = certificateOf(context);
  if (!(certificate instanceof X509Certificate)) return [];
  const { validFrom, validTo } = certificate;
  const what = `the certificate ${settingOf(context, "tls.cert")}`;
  if (Date.parse(validTo) <= context.machine.now)
    return [error(`${what} expired on ${validTo}`, "get a new one: browsers refuse it")];
  if (Date.parse(validFrom) <= context.machine.now) return [];
  return [error(`${what} is not valid before ${validFrom}`, "check this machine's clock")];
}

function expiringCertificate(context: Context): readonly Found[] {
  const certificate = certificateOf(context);
  if (!(certificate instanceof X509Certificate)) return [];
  const leftMs = Date.parse(certificate.validTo) - context.machine.now;
  const days = Math.floor(leftMs / dayMs);
  if (leftMs <= 0 || days >= soonDays) return [];
  return [
    warning(
      `the certificate ${settingOf(context, "tls.cert")} expires in ${days} ${days === 1 ? "day" : "days"}, on ${certificate.validTo}`,
      "renew it, and send the server SIGHUP or restart it",
    ),
  ];
}

function otherKey(context: Context): readonly Found[] {
  const certificate = certificateOf(context);
  const { key } = (context.options.tls ?? {}) as { readonly key?: Buffer };
  if (!(certificate instanceof X509Certificate) || key === undefined) return [];
  const file = settingOf(context, "tls.key");
  try {
    if (certificate.checkPrivateKey(createPrivateKey(key))) return [];
    return [
      error(
        `the key ${file} does not belong to the certificate`,
        "use the key that the certificate was issued for",
      ),
    ];
  } catch (cause) {
    return [
      error(`${file} cannot be read as a private key: ${messageOf(cause)}`, "use an unencrypted PEM key"),
    ];
  }
}

// The process and its environment

/** Pages, health, the store and the process itself need some, too. */
const spareFiles = 600;

function fewFiles(context: Context): readonly Found[] {
  const max = settingOf(context, "maxConnections");
  const soft = /^Max open files\s+(\d+)/m.exec(context.machine.limits ?? "")?.[1];
  if (typeof max !== "number" || soft === undefined || Number(soft) >= max + spareFiles) return [];
  return [
    warning(
      `this process may open ${soft} files, fewer than maxConnections (${max}) plus ${spareFiles}`,
      `raise the limit (ulimit -n ${max + spareFiles}, or LimitNOFILE of systemd), or lower --max-connections`,
    ),
  ];
}

/** Variables of other commands, and those that say where a configuration is. */
const otherVariables = ["CONFIG", "URL", "USER", "TOKEN", "SECRET", "DIRECT_WRITES"].map(
  (name) => `HOLDFAST_${name}`,
);

const withoutPrefix = (name: string) => name.slice("HOLDFAST_".length);

function unknownVariables({ env, config }: Context): readonly Found[] {
  const known = [...configOptions.map(({ variable }) => variable), ...otherVariables];
  const referred =
    JSON.stringify(config?.value.authenticate ?? "") + JSON.stringify(config?.value.apiKeys ?? "");
  return Object.keys(env)
    .filter(
      (name) => name.startsWith("HOLDFAST_") && !known.includes(name) && !referred.includes(`"${name}"`),
    )
    .filter((name) => !isServiceVariable(name, env[name] ?? ""))
    .map((name) => {
      // What all variables begin with makes none of them more alike.
      const nearest = nearestOf(withoutPrefix(name), known.map(withoutPrefix));
      return warning(
        `unknown variable ${name}${nearest === undefined ? "" : `; did you mean HOLDFAST_${nearest}?`}`,
        "holdfast serve --help lists the flags; each has a variable of the same name",
      );
    });
}

const documents = [new URL("../../docs/", import.meta.url), new URL("../../../../docs/", import.meta.url)];

/** A document of this package on this machine: in the package, or in the repository that it is built in. */
export function documentPath(name: string): string {
  const paths = documents.map((folder) => fileURLToPath(new URL(name, folder)));
  const path = paths.find((each) => existsSync(each)) ?? (paths[0] as string);
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}
