/**
 * Every option of a server, described once. Types (`options.ts`, which `npm run docs` writes), checks, flags, variables, places in
 * files, JSON Schema, help, and docs/reference/options.md follow from it. An option's path names it everywhere: `store.maxBytes` is
 * `--store-max-bytes`, `HOLDFAST_STORE_MAX_BYTES`, and `maxBytes` below `store` in a file.
 */
import type { Broker } from "../channels/broker.js";
import type { Durability } from "../channels/log.js";
import { openRules, type RulesFor } from "../channels/rules.js";
import { invalidOption } from "../errors.js";
import { type ApiKey, isHashedKey } from "../http/api/keys.js";
import type { OwnRoutes } from "../http/router.js";
import type { AuditFunction } from "../observe/audit.js";
import { type Logger, logLevels } from "../observe/log.js";
import { TrustedProxies } from "../requests/addresses.js";
import type { AllowedOrigins } from "../requests/origins.js";
import { type Authenticate, insecureAuth } from "../sessions/identity.js";
import type { TlsOptions } from "../sockets/http-front.js";
import type { TraceSocket } from "../sockets/traced-stream.js";
import {
  connectionOptions,
  memoryOptions,
  messageOptions,
  requestOptions,
  storeOptions,
  timeOptions,
} from "./limits.js";
import {
  choice,
  code,
  type Entry,
  group,
  integer,
  list,
  path,
  resolveOptions,
  type Schema,
  type SettingsOf,
  switched,
  text,
  toggle,
} from "./option.js";
import type { ServerOptions } from "./options.js";
import { compressionEntries } from "./websocket.js";

type OnError = (error: unknown, context: { readonly stage: string }) => void;

const isFunction = (value: unknown): boolean => typeof value === "function";
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
const isListOfTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

/** Schemes of URLs of brokers, each with its broker in server/brokers.ts. */
export const brokerSchemes = [
  "redis",
  "rediss",
  "redis-sentinel",
  "rediss-sentinel",
  "redis-cluster",
  "rediss-cluster",
  "nats",
  "tls",
  "lmdb",
] as const;

/** What is accepted where a broker can only be named. */
export const acceptedBrokerUrl = `a URL that starts with ${brokerSchemes.map((scheme) => `${scheme}://`).join(", ")}`;

/** Two years, the longest that lists of browsers ask for. */
const maxHstsSeconds = 2 * 366 * 24 * 3600;

const addressOptions = {
  port: integer({
    default: 8000,
    shownDefault: "8000",
    min: 0,
    max: 65_535,
    doc: "TCP port; 0 picks a free one",
  }),
  host: text({
    default: "127.0.0.1",
    accepts: "a host name or address",
    valueName: "address",
    doc: "Address to listen on",
    more: "Any address but loopback lets other machines connect.",
  }),
  unixSocket: path({
    accepts: "a file, or null for a TCP port",
    valueName: "file",
    doc: "[Unix socket](#behind-a-proxy) to listen on instead of host and port",
    more: "`trustedProxies` then names the proxy as `unix`.",
  }),
  basePath: text({
    default: "",
    pattern: /^(?:\/[\w.~-]+)*$/,
    accepts: "a path such as /rt without a trailing slash, or an empty string",
    valueName: "path",
    doc: "Prefix of all paths, such as `/rt`, the WebSocket's included",
    more: "For proxies and [embedding](../howto/embedding.md#under-a-prefix).",
  }),
  adminPort: integer({
    default: null,
    min: 0,
    max: 65_535,
    orNull: "for none",
    doc: "TCP port for `/metrics` and `/health` alone, without a key",
    more: "[Metrics](metrics.md). On the server's own port `/metrics` needs one of `apiKeys`.",
  }),
  adminHost: text({
    default: "127.0.0.1",
    accepts: "a host name or address",
    valueName: "address",
    doc: "Address that `adminPort` listens on",
    more: "Whoever can reach it can read the metrics.",
  }),
  tls: code<TlsOptions | null>({
    type: "TlsOptions | null",
    default: null,
    accepts: "an object with cert and key, or null",
    isValid: (value) => value === null || isObject(value),
    doc: "Certificate and key (`cert`, `key`) for `https:` and `wss:`",
    more: "Flags take PEM files, read again [on `SIGHUP`](../howto/configuration.md#signals); programs call `server.setCertificate`.",
  }),
  hstsSeconds: integer({
    default: 180 * 24 * 3600,
    min: 0,
    max: maxHstsSeconds,
    orNull: "for no header",
    doc: "With `tls`, how long browsers must use `https:` only (`Strict-Transport-Security`)",
    more: "It holds for all ports of the host.",
  }),
  http2: toggle({
    default: true,
    doc: "HTTP/2 on the same port, and WebSockets over it (RFC 8441)",
    more: "`false` leaves HTTP/1.1 only.",
  }),
  pages: path({
    accepts: "a folder, or null",
    valueName: "folder",
    doc: "Folder of static files to serve",
    more: 'Kept in memory. Inline scripts and other hosts are forbidden; `<meta name="holdfast-connect-src" content="https://api.example">` lets scripts connect elsewhere. Text is sent compressed: `app.js.br` beside `app.js` in Brotli, else gzip.',
  }),
  console: toggle({
    default: true,
    doc: "Serves [the console](../howto/console.md) at `/console`, where there are `apiKeys`",
    more: "It does nothing without a key. `false` where a page of yours is at that path.",
  }),
  routes: code<OwnRoutes | undefined>({
    type: "OwnRoutes",
    default: undefined,
    shownDefault: "none",
    accepts: "a function of a request and its response",
    isValid: isFunction,
    doc: "Function `(request, response, path) => boolean` for the application's own paths, such as a login",
    more: "Returns true for paths that it answers. Not called on an attached server.",
  }),
  traceSocket: code<TraceSocket | undefined>({
    type: "TraceSocket",
    default: undefined,
    shownDefault: "none",
    accepts: "a function of the opening handshake of a WebSocket",
    isValid: isFunction,
    doc: "Function `(opening) => trace | undefined`, called for each WebSocket that opens: the trace sees its bytes, for debugging",
    more: "The handshake includes cookies and tokens. A traced connection is slower; others cost nothing.",
  }),
} as const;

const dataOptions = {
  data: path({
    accepts: "a folder, or null for memory",
    nullWord: "memory",
    valueName: "folder",
    serveDefault: "./holdfast-data",
    doc: "Folder of the store; `null` (flag: `memory`) keeps logs in memory only",
    more: "Servers on one machine with the same folder [share it](../howto/scaling.md).",
  }),
  repairData: toggle({
    default: false,
    doc: "Opens a damaged store with the data that survived",
    more: "Clients are told that publications are missing.",
  }),
  ...storeOptions,
  broker: brokerOption(),
} as const;

function brokerOption(): Entry<Broker | string | undefined> {
  const isKnown = (url: string) => brokerSchemes.some((scheme) => url.startsWith(`${scheme}://`));
  return {
    kind: "text",
    type: "Broker | string",
    default: undefined,
    shownDefault: "the store in `data`",
    accepts: `${acceptedBrokerUrl}, or in code a broker`,
    isValid: (value) => isObject(value) || (typeof value === "string" && isKnown(value)),
    jsonSchema: { type: "string", pattern: `^(?:${brokerSchemes.join("|")})://` },
    isSecret: true,
    valueName: "url",
    doc: "URL of the server that keeps logs and connects nodes, instead of the store in `data`",
    more: "[Redis and Valkey](../howto/redis.md): `redis://host:6379`. [NATS](../howto/nats.md): `nats://host:4222`. `lmdb://FOLDER` is a store like `data` that no other process may use. Programs may give a broker.",
  };
}

/** Shorter keys could be found by trying. */
const minKeyCharacters = 16;

const accessOptions = {
  apiKeys: list<readonly (string | ApiKey)[]>({
    type: "readonly (string | ApiKey)[]",
    default: [],
    isSecret: true,
    accepts: `a list of strings of at least ${minKeyCharacters} characters, of sha256: followed by a key's hexadecimal digest, or of { key, scope, name } with the scope read, publish or admin, and a name of up to 64 characters if you like`,
    isValid: (value) =>
      Array.isArray(value) &&
      value.every((key) => isApiKey(typeof key === "string" ? { key, scope: "admin" } : key)),
    doc: `Keys for \`POST /api/…\`, of at least ${minKeyCharacters} characters; without keys, all requests are refused`,
    more: 'Strings, or `{ key, scope, name }` with `read`, `publish` or `admin`, and a name for the audit. `sha256:` and the hexadecimal digest (`printf %s "$KEY" | sha256sum`) may replace a key. Beyond 25 wrong keys an address gets 429.',
  }),
  apiKeyInQuery: toggle({
    default: false,
    doc: "Accepts API keys as `?api_key=`, too",
    more: "Proxies log URLs.",
  }),
  authenticate: code<Authenticate>({
    type: "Authenticate",
    default: insecureAuth,
    shownDefault: "`insecureAuth`",
    accepts: "a function",
    isValid: isFunction,
    doc: "Identifies a client",
  }),
  rulesFor: code<RulesFor>({
    type: "RulesFor",
    default: () => openRules,
    shownDefault: "`openRules` for all",
    accepts: "a function",
    isValid: isFunction,
    doc: "Rules per channel; a channel without rules does not exist",
  }),
  allowedOrigins: list<AllowedOrigins>({
    type: "AllowedOrigins",
    default: [],
    accepts: '"*", or a list of origins such as https://example.com',
    isValid: (value) => value === "*" || (isListOfTexts(value) && value.every(isOrigin)),
    doc: "Origins whose pages may connect, or `*`",
    more: "Pages from this machine, and of the server's host unless it listens on loopback only, need no entry.",
  }),
  trustedProxies: list<readonly string[]>({
    default: [],
    accepts: "a list of addresses and networks",
    isValid: isListOfTexts,
    assert: (proxies) => void new TrustedProxies(proxies),
    doc: "[Proxies](#behind-a-proxy) whose `X-Forwarded-For` and `Forwarded` (RFC 7239) headers are trusted",
    more: "Addresses, networks, `loopback`, `private`, `unix`.",
  }),
  audit: auditOption(),
  onError: code<OnError | undefined>({
    type: "(error: unknown, context: { readonly stage: string }) => void",
    default: undefined,
    shownDefault: "a line of the log",
    accepts: "a function",
    isValid: isFunction,
    doc: "Called for every background failure, which is then not logged",
  }),
} as const;

const logOptions = {
  logLevel: choice(["debug", "info", "warn", "error", "silent"], {
    default: "warn",
    valueName: "level",
    doc: "The least important lines that are [logged](#log): `debug`, `info`, `warn`, `error`, or `silent` for none",
    more: "`info` adds start, end, and a line for each connection that the server ends.",
  }),
  logFormat: choice(["auto", "json", "pretty"], {
    default: "auto",
    valueName: "format",
    doc: "How lines are written to standard error: `json`, `pretty` for people, or `auto`",
    more: "`auto` is `pretty` on a terminal.",
  }),
  logger: code<Logger | undefined>({
    type: "Logger",
    default: undefined,
    shownDefault: "lines on standard error",
    accepts: "an object with the methods debug, info, warn and error, such as a logger of pino",
    isValid: (value) => isObject(value) && logLevels.every((level) => isFunction((value as Logger)[level])),
    doc: "Writes the lines, such as a logger of pino, by `(facts, message)`",
    more: "`logLevel` and `logFormat` then have no effect.",
  }),
  traces: toggle({
    default: true,
    doc: "Makes [spans](../howto/debug.md#traces) where `@opentelemetry/api` is installed and a tracer provider is registered before the server starts",
    more: "Costs nothing without.",
  }),
  traceTags: toggle({
    default: false,
    doc: "Publications carry the trace of their publish as the tag `traceparent`, so that subscribers can continue it",
    more: "Takes some 70 bytes for each, in the log and on the wire.",
  }),
} as const;

function auditOption(): Entry<boolean | AuditFunction> {
  const option = toggle({
    default: true,
    doc: "Logs refusals, revocations, and calls of the API that change something",
    more: "Or a function that gets [entries](#audit).",
  });
  return {
    ...option,
    type: "boolean | AuditFunction",
    accepts: "true, false, or a function",
    isValid: (value) => option.isValid(value) || isFunction(value),
  };
}

const { contextTakeover: _never, ...sharedCompression } = compressionEntries;

const compressionOptions = {
  compression: switched(
    "CompressionOptions",
    {
      doc: "permessage-deflate for clients that offer it: `true`, or its options",
      more: "[When it pays](../explanation/websocket-engine.md#compression).",
    },
    sharedCompression,
  ),
} as const;

export const serverOptions = {
  ...addressOptions,
  ...dataOptions,
  ...accessOptions,
  ...logOptions,
  ...compressionOptions,
  ...connectionOptions,
  ...messageOptions,
  ...requestOptions,
  ...timeOptions,
  ...memoryOptions,
} as const satisfies Schema;

/** What only configurations, flags and variables have, each in the place of what programs say in another way. */
export const configOnlyOptions = {
  durability: choice(["memory", "process", "disk"] as const satisfies readonly Durability[], {
    default: "process",
    valueName: "level",
    doc: "What a publish waits for in channels that set no durability: `memory`, `process` or `disk`",
    more: "[What each survives](../explanation/durability.md).",
  }),
  workers: {
    kind: "text",
    type: 'number | "auto"',
    default: 1,
    accepts: 'an integer from 1 to 1024, or "auto"',
    // Flags and variables are text.
    isValid: (value) => value === "auto" || (/^[1-9]\d{0,3}$/.test(String(value)) && Number(value) <= 1024),
    jsonSchema: { anyOf: [{ const: "auto" }, { type: "integer", minimum: 1, maximum: 1024 }] },
    valueName: "number",
    doc: "Processes that serve on one port; `auto` is one for each core",
    more: "They share the store in `data`, or a broker: [all cores of one machine](../howto/scaling.md#all-cores-of-one-machine).",
  } satisfies Entry<number | "auto"> as Entry<number | "auto">,
  tls: group("TlsFiles", "Certificate and key to serve `https:` and `wss:` with, HTTP/2 included.", {
    cert: path({
      accepts: "a file",
      valueName: "file",
      doc: "Certificate in PEM, to serve `https:` and `wss:`",
    }),
    key: path({ accepts: "a file", valueName: "file", doc: "The certificate's key in PEM" }),
  }),
} as const satisfies Schema;

/** The chapters of help and of the reference. */
export const sections: readonly { readonly heading: string; readonly options: Schema }[] = [
  { heading: "Address", options: { ...addressOptions, workers: configOnlyOptions.workers } },
  { heading: "Data", options: { ...dataOptions, durability: configOnlyOptions.durability } },
  { heading: "Access", options: accessOptions },
  { heading: "Logging", options: logOptions },
  { heading: "Compression", options: compressionOptions },
  { heading: "Connections", options: connectionOptions },
  { heading: "Messages and rates", options: messageOptions },
  { heading: "Request limits", options: requestOptions },
  { heading: "Timeouts", options: timeOptions },
  { heading: "Memory and delivery", options: memoryOptions },
];

/** What is in force. `onError` is the log's unless the program has its own. */
export type ServerSettings = SettingsOf<typeof serverOptions> & { readonly onError: OnError };

/** @throws HF_OPTION_INVALID naming the option, what is accepted and what came */
export function resolveServerOptions(options: ServerOptions): SettingsOf<typeof serverOptions> {
  const settings = resolveOptions(serverOptions, options);
  const { data, broker, pongTimeoutMs, pingIntervalMs } = settings;
  if (data !== null && broker !== undefined)
    throw invalidOption(
      "data",
      "null, or left out, with a broker, which keeps the logs itself",
      JSON.stringify(data),
    );
  if (pongTimeoutMs >= pingIntervalMs)
    throw invalidOption(
      "pongTimeoutMs",
      `less than pingIntervalMs (${pingIntervalMs})`,
      String(pongTimeoutMs),
    );
  return settings;
}

function isApiKey(value: unknown): value is ApiKey {
  const { key, scope, name } = (value ?? {}) as Record<string, unknown>;
  const isNamed = name === undefined || (typeof name === "string" && /^[\x20-\x7e]{1,64}$/.test(name));
  const isLong = typeof key === "string" && key.length >= minKeyCharacters;
  // A malformed digest would be taken for a key that nobody has.
  if (isLong && key.startsWith("sha256:") && !isHashedKey(key)) return false;
  return isLong && isNamed && ["read", "publish", "admin"].includes(scope as string);
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}
