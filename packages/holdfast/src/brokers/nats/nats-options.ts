/** Options of the broker for NATS: what they mean, the URL they can be written as, and their checks. */
import { HoldfastError, invalidOption, refuseUnknownOptions } from "../../errors.js";

export interface NatsBrokerOptions {
  /**
   * `nats://user:password@host:4222,host2:4222`, `nats://token@host`, or `tls://…`, which insists on TLS. User, password and token are
   * percent-encoded. The query can set every other option.
   */
  readonly url: string;
  /** What names of streams and subjects begin with: letters, digits, `_` and `-`. Servers with the same prefix are one. @default "holdfast" */
  readonly prefix?: string;
  /** Streams that channels are spread over, 1 to 64. Cannot be changed later. @default 16 */
  readonly streams?: number;
  /** Copies of each stream: 1, 3 or 5; more than 1 need servers of 2.10.27 or later. Of 3, one server may fail; of 5, two. @default 1 */
  readonly replicas?: number;
  /** How long NATS keeps a message at most, and so an unused channel's epoch and offset; no history can be kept longer. @default 30 days */
  readonly maxAgeMs?: number;
  /** Most bytes of all streams together, without copies; publishes are refused beyond. @default 8 GiB */
  readonly maxBytes?: number;
  /** How long NATS may take to answer. Beyond it, it counts as unreachable. @default 5,000 */
  readonly requestTimeoutMs?: number;
  /** File of credentials, as `nsc` writes it. */
  readonly credsFile?: string;
  /** Certificates of authorities in PEM, instead of those of Node.js. */
  readonly caFile?: string;
  /** Certificate and key of this client in PEM. */
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface NatsSettings {
  readonly servers: readonly string[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  readonly isTls: boolean;
  readonly prefix: string;
  readonly streams: number;
  readonly replicas: number;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  readonly requestTimeoutMs: number;
  readonly credsFile: string | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

const dayMs = 24 * 60 * 60 * 1000;
const minMaxAgeMs = 60 * 60 * 1000;
const texts = ["prefix", "credsFile", "caFile", "certFile", "keyFile"] as const;
const numbers = ["streams", "replicas", "maxAgeMs", "maxBytes", "requestTimeoutMs"] as const;
const urlForm = /^(nats|tls):\/\/(?:([^@/?]*)@)?([^/?@]+)\/?(?:\?(.*))?$/;

/** @throws HF_OPTION_INVALID naming what is wrong, never a password */
export function resolveNatsOptions(given: NatsBrokerOptions): NatsSettings {
  refuseUnknownOptions(given, ["url", ...texts, ...numbers], "nats");
  const { query, ...target } = parseUrl(given.url);
  const options = { ...fromQuery(query), ...given };
  const { prefix = "holdfast", replicas = 1, credsFile, caFile, certFile, keyFile } = options;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(prefix))
    throw invalidOption("nats.prefix", "1 to 64 letters, digits, _ and -", JSON.stringify(prefix));
  if (![1, 3, 5].includes(replicas)) throw invalidOption("nats.replicas", "1, 3 or 5", String(replicas));
  return Object.freeze({
    ...target,
    prefix,
    replicas,
    streams: inRange("streams", options.streams ?? 16, 1, 64),
    maxAgeMs: inRange("maxAgeMs", options.maxAgeMs ?? 30 * dayMs, minMaxAgeMs, 100 * 365 * dayMs),
    maxBytes: inRange("maxBytes", options.maxBytes ?? 8 * 1024 ** 3, 1024 ** 2, 2 ** 50),
    requestTimeoutMs: inRange("requestTimeoutMs", options.requestTimeoutMs ?? 5000, 100, 60_000),
    credsFile,
    caFile,
    certFile,
    keyFile,
  });
}

function parseUrl(url: unknown) {
  const match = typeof url === "string" ? urlForm.exec(url) : null;
  if (match === null)
    throw invalidUrl(
      "must be a URL such as nats://user:password@host:4222,host2:4222, with user and password percent-encoded",
    );
  const [, scheme, credentials, hosts = "", queryText = ""] = match;
  const query = new URLSearchParams(queryText);
  const known: readonly string[] = [...texts, ...numbers];
  for (const name of query.keys())
    if (!known.includes(name))
      throw invalidUrl(`has an unknown ${name} in its query; known: ${[...known].sort().join(", ")}`);
  const [user, ...passwords] = (credentials ?? "").split(":");
  const isToken = passwords.length === 0;
  return {
    isTls: scheme === "tls",
    servers: hosts.split(",").map(toAddress),
    user: user && !isToken ? decode(user) : undefined,
    password: isToken ? undefined : decode(passwords.join(":")),
    token: user && isToken ? decode(user) : undefined,
    query,
  };
}

function toAddress(text: string): string {
  const [, host, port = "4222"] = /^(\[[\da-fA-F:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw invalidUrl(
      "must have hosts such as nats.example:4222, comma-separated, with ports from 1 to 65535",
    );
  return `${host}:${port}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidUrl("must have user and password percent-encoded");
  }
}

function fromQuery(query: URLSearchParams): Partial<NatsBrokerOptions> {
  const options: Record<string, unknown> = {};
  for (const name of texts) if (query.has(name)) options[name] = query.get(name);
  for (const name of numbers) if (query.has(name)) options[name] = Number(query.get(name));
  return options;
}

function inRange(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalidOption(`nats.${name}`, `an integer from ${min} to ${max}`, String(value));
}

function invalidUrl(fault: string): HoldfastError {
  return new HoldfastError("HF_OPTION_INVALID", `broker ${fault}`, { details: { option: "broker" } });
}
