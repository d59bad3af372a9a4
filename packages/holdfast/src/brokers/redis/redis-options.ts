/** Options of the broker for Redis: what they mean, the URLs they can be written as, and their checks. */
import { HoldfastError, invalidOption, refuseUnknownOptions } from "../../errors.js";

/** How servers are found: one address, a master that sentinels know, or a cluster. */
export type RedisMode = "single" | "sentinel" | "cluster";

export interface RedisTlsOptions {
  /** Certificates of authorities in PEM, instead of those of Node.js. */
  readonly ca?: string;
  /** Name in the server's certificate. @default the host that is connected to */
  readonly servername?: string;
  /** Certificate and key of this client in PEM. */
  readonly cert?: string;
  readonly key?: string;
}

export interface RedisBrokerOptions {
  /**
   * - `redis://user:password@host:6379/0`
   * - `redis-sentinel://user:password@host:26379,host2:26379/master-name`; user and password are the master's
   * - `redis-cluster://user:password@host:6379,host2:6379`, or `redis://…?cluster=true`
   *
   * With `rediss`, connections use TLS. The query can set `prefix`, `metaTtlMs`, `connectTimeoutMs`, `commandTimeoutMs`, `allowEviction`,
   * `servername`, `db` (with sentinels), `sentinelUsername` and `sentinelPassword`. User and password are percent-encoded.
   */
  readonly url: string;
  /** What all keys and pub/sub channels begin with. Servers with the same prefix are one. No braces. @default "holdfast" */
  readonly prefix?: string;
  /** @default user and password in the URL */
  readonly username?: string;
  readonly password?: string;
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  /** With `rediss:` only. */
  readonly tls?: RedisTlsOptions;
  /** @default 5,000 */
  readonly connectTimeoutMs?: number;
  /** How long the store may take to answer. Beyond it, it counts as unreachable. @default 3,000 */
  readonly commandTimeoutMs?: number;
  /** How long an empty, unused channel keeps its epoch and offset. At least an hour. @default 24 hours */
  readonly metaTtlMs?: number;
  /** Bytes of commands without an answer. Beyond it, publishes are refused. @default 64 MiB */
  readonly maxPendingBytes?: number;
  /** Accepts a server that evicts keys when its memory is full, which loses logs without a word. @default false */
  readonly allowEviction?: boolean;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface RedisSettings {
  readonly mode: RedisMode;
  readonly addresses: readonly Address[];
  readonly masterName: string;
  readonly db: number;
  readonly isTls: boolean;
  readonly tls: RedisTlsOptions;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly prefix: string;
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly metaTtlMs: number;
  readonly maxPendingBytes: number;
  readonly allowEviction: boolean;
}

/** Of an hour, after which initial epochs change (scripts.ts): a log that was forgotten began in an earlier one. */
export const epochPeriodMs = 60 * 60 * 1000;
const dayMs = 24 * 60 * 60 * 1000;
const maxTimerMs = 2 ** 31 - 1;

const optionNames = [
  "url",
  "prefix",
  "username",
  "password",
  "sentinelUsername",
  "sentinelPassword",
  "tls",
  "connectTimeoutMs",
  "commandTimeoutMs",
  "metaTtlMs",
  "maxPendingBytes",
  "allowEviction",
] as const;
const tlsNames = ["ca", "servername", "cert", "key"];
const textsInQuery = ["prefix", "sentinelUsername", "sentinelPassword"] as const;
const numbersInQuery = ["connectTimeoutMs", "commandTimeoutMs", "metaTtlMs", "maxPendingBytes"] as const;
const othersInQuery = ["allowEviction", "cluster", "db", "servername"];

/** @throws HF_OPTION_INVALID naming what is wrong, never a password */
export function resolveRedisOptions(given: RedisBrokerOptions): RedisSettings {
  refuseUnknownOptions(given, optionNames, "redis");
  const { query, ...target } = parseUrl(given.url);
  const options = { ...fromQuery(query), ...given };
  const tls = {
    ...(query.has("servername") && { servername: query.get("servername") as string }),
    ...given.tls,
  };
  refuseUnknownOptions(tls, tlsNames, "redis.tls");
  if (!target.isTls && Object.keys(tls).length > 0)
    throw invalidOption("redis.tls", "left out unless the URL begins with rediss");
  const { prefix = "holdfast", allowEviction = false } = options;
  if (!/^[^{}\s]{1,100}$/.test(prefix))
    throw invalidOption(
      "redis.prefix",
      "1 to 100 characters without braces and spaces",
      JSON.stringify(prefix),
    );
  return Object.freeze({
    ...target,
    tls,
    prefix,
    allowEviction,
    username: options.username ?? target.username,
    password: options.password ?? target.password,
    sentinelUsername: options.sentinelUsername,
    sentinelPassword: options.sentinelPassword,
    connectTimeoutMs: inRange("connectTimeoutMs", options.connectTimeoutMs ?? 5000, 1, maxTimerMs),
    commandTimeoutMs: inRange("commandTimeoutMs", options.commandTimeoutMs ?? 3000, 1, maxTimerMs),
    metaTtlMs: inRange("metaTtlMs", options.metaTtlMs ?? dayMs, epochPeriodMs, 10 * 365 * dayMs),
    maxPendingBytes: inRange("maxPendingBytes", options.maxPendingBytes ?? 64 * 1024 * 1024, 1, 2 ** 31),
  });
}

const urlForm = /^(rediss?)(-sentinel|-cluster)?:\/\/(?:([^@/?]*)@)?([^/?@]*)(?:\/([^?]*))?(?:\?(.*))?$/;
const forms =
  "redis://user:password@host:6379/0, redis-sentinel://host:26379,host2:26379/name or redis-cluster://host:6379,host2:6379";

type Target = Pick<
  RedisSettings,
  "mode" | "addresses" | "masterName" | "db" | "isTls" | "username" | "password"
> & { readonly query: URLSearchParams };

function parseUrl(url: unknown): Target {
  const match = typeof url === "string" ? urlForm.exec(url) : null;
  if (match === null)
    throw invalidUrl(`must be a URL such as ${forms}, with user and password percent-encoded`);
  const [, scheme, kind, credentials, hosts = "", path = "", queryText = ""] = match;
  const query = new URLSearchParams(queryText);
  for (const name of query.keys())
    if (![...textsInQuery, ...numbersInQuery, ...othersInQuery].includes(name))
      throw invalidUrl(
        `has an unknown ${name} in its query; known: ${[...textsInQuery, ...numbersInQuery, ...othersInQuery].sort().join(", ")}`,
      );
  const mode =
    kind === "-sentinel"
      ? "sentinel"
      : kind === "-cluster" || query.get("cluster") === "true"
        ? "cluster"
        : "single";
  const addresses = hosts.split(",").map((text) => parseAddress(text, mode === "sentinel" ? 26379 : 6379));
  if (mode === "single" && addresses.length > 1)
    throw invalidUrl("names several hosts; of a cluster, it begins with redis-cluster://");
  const [user, ...passwords] = (credentials ?? "").split(":");
  const masterName = mode === "sentinel" ? decode(path) : "";
  if (mode === "sentinel" && masterName === "")
    throw invalidUrl(
      "must end with the name of the master that the sentinels know: redis-sentinel://host:26379/name",
    );
  const dbText = mode === "sentinel" ? (query.get("db") ?? "") : path || (query.get("db") ?? "");
  if (!/^\d{0,4}$/.test(dbText))
    throw invalidUrl("must have the number of a database as its path, such as /0");
  if (mode === "cluster" && Number(dbText) !== 0)
    throw invalidUrl("must not have a database: a cluster has only one");
  return {
    mode,
    addresses,
    masterName,
    db: Number(dbText),
    isTls: scheme === "rediss",
    username: user ? decode(user) : undefined,
    password: passwords.length > 0 ? decode(passwords.join(":")) : undefined,
    query,
  };
}

function parseAddress(text: string, defaultPort: number): Address {
  const match = /^(?:\[([\da-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[3] ?? defaultPort);
  if (match === null || port < 1 || port > 65_535)
    throw invalidUrl(
      "must have hosts such as redis.example:6379, comma-separated, with ports from 1 to 65535",
    );
  return { host: match[1] ?? (match[2] as string), port };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidUrl("must have user, password and path percent-encoded");
  }
}

function fromQuery(query: URLSearchParams): Partial<RedisBrokerOptions> {
  const options: Record<string, unknown> = {};
  for (const name of textsInQuery) if (query.has(name)) options[name] = query.get(name);
  for (const name of numbersInQuery) if (query.has(name)) options[name] = Number(query.get(name));
  if (query.has("allowEviction")) options.allowEviction = query.get("allowEviction") === "true";
  return options;
}

function inRange(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalidOption(`redis.${name}`, `an integer from ${min} to ${max}`, String(value));
}

function invalidUrl(fault: string): HoldfastError {
  return new HoldfastError("HF_OPTION_INVALID", `broker ${fault}`, { details: { option: "broker" } });
}
