/** Options of a server: each with its default and what changing it costs, resolved and checked in one place. */
import { normalizePem } from "../auth/keys.js";
import { defaultStoreLimits, type StoreLimits } from "../brokers/lmdb/lmdb-broker.js";
import type { Broker } from "../channels/broker.js";
import { defaultMaxOpenChannels } from "../channels/channels.js";
import { defaultUserPercent } from "../channels/quota.js";
import type { RingLimits } from "../channels/ring.js";
import { openRules, type RulesFor } from "../channels/rules.js";
import { refuseUnknownOptions } from "../errors.js";
import type { ApiKey } from "../http/api/keys.js";
import type { OwnRoutes } from "../http/router.js";
import { type AuditFunction, formatAuditEntry } from "../observe/audit.js";
import type { AllowedOrigins } from "../requests/origins.js";
import { type Authenticate, insecureAuth } from "../sessions/identity.js";
import {
  defaultSessionLimits,
  defaultSessionTimes,
  type SessionLimits,
  type SessionTimes,
} from "../sessions/limits.js";
import { type ConnectionLimits, defaultConnectionLimits } from "../sockets/connection-bounds.js";
import type { TlsOptions } from "../sockets/http-front.js";
import { resolveSocketOptions, type SocketSettings } from "../sockets/options.js";
import { defaultRequestBounds, type RequestBoundsSettings } from "../sockets/request-bounds.js";
import { type AddressLimits, defaultAddressLimits } from "../transports/admission.js";
import { type DeflateOptions, type DeflateSettings, resolveDeflate } from "../websocket/options.js";
import { checkOptions, refuse } from "./check-options.js";

/** Bounds of one connection, one user and one address. */
export type ServerLimits = SessionLimits & AddressLimits & ConnectionLimits;

export interface ServerOptions {
  /** TCP port; 0 takes a free one. @default 8000 */
  readonly port?: number;
  /**
   * File of a Unix socket to listen on, in the place of host and port: for a proxy on the same machine, which `trustedProxies`
   * then names as `unix`. A file that a server has left there is taken over. @default null, which is a TCP port
   */
  readonly unixSocket?: string | null;
  /**
   * A prefix such as `/rt` that all paths may begin with, the WebSocket's too: for a proxy that leaves it there, and for a
   * server that this one is attached to. Without it they go on to be answered. @default "", which is none
   */
  readonly basePath?: string;
  /** Address to listen on. Others than this machine can connect to anything but a loopback address. @default "127.0.0.1" */
  readonly host?: string;
  /** Certificate and key (`cert`, `key`) to serve https: and wss: with. @default null, which is without TLS */
  readonly tls?: TlsOptions | null;
  /**
   * With `tls`, how long browsers are to come by https: only, in seconds (`Strict-Transport-Security`, RFC 6797). It holds for
   * all ports of the host, and is not said to those who come by a name of this machine. `null` says nothing. @default 180 days
   */
  readonly hstsSeconds?: number | null;
  /** Whether HTTP/2 is spoken on the same port, too, and WebSockets over it (RFC 8441). @default true */
  readonly http2?: boolean;
  /**
   * permessage-deflate for clients that offer it (RFC 7692): true, or how. A batch for many is compressed once. Without
   * context takeover, since no two connections could share anything with it.
   * @default false
   */
  readonly compression?: boolean | Omit<DeflateOptions, "contextTakeover">;
  /**
   * Folder of the store that logs are kept in, made where there is none; `null` for memory, where nothing survives the
   * process. One server may use a folder at a time.
   * @default null
   */
  readonly data?: string | null;
  /** Opens a store that is damaged, with what is left of it; clients are told that something is missing. @default false */
  readonly repairData?: boolean;
  /** Bounds of that store. */
  readonly store?: Partial<StoreLimits>;
  /** Where logs and presence are kept instead. @default a broker for `data` */
  readonly broker?: Broker;
  /**
   * Keys that requests to `/api/` may come with, a text for all of it or with a scope; without any, none is accepted. In the
   * place of a key may stand `sha256:` and its digest in hexadecimal digits. @default none
   */
  readonly apiKeys?: readonly (string | ApiKey)[];
  /** Whether such a key may come as `?api_key=`, too. Addresses come to stand in logs of proxies. @default false */
  readonly apiKeyInQuery?: boolean;
  /** Finds out who a client is. @default every client is believed what it says of itself */
  readonly authenticate?: Authenticate;
  /** Rules per channel. @default every channel may be used, with history, presence and recovery */
  readonly rulesFor?: RulesFor;
  /** Pages of other origins that may connect. @default none; pages of this server and of loopback addresses always may */
  readonly allowedOrigins?: AllowedOrigins;
  /**
   * Proxies in front of the server: addresses, networks such as `10.0.0.0/8`, or the words `loopback`, `private` and `unix`. Of a
   * request that comes from one of them, `X-Forwarded-For` or `Forwarded` (RFC 7239) say the client's address, and
   * `X-Forwarded-Host` the name it was asked by. Of one that is none, these fields are not looked at. @default none
   */
  readonly trustedProxies?: readonly string[];
  /** Folder of static files to serve; `null` for none. @default null */
  readonly pages?: string | null;
  /**
   * Answers paths of the application's own, such as a login, and returns true for those. Asked for what no part of the
   * server answers, before the pages; only where the server itself listens. @default none
   */
  readonly routes?: OwnRoutes;
  /** Most WebSockets and streams, those that are closing included; further ones get 503. `null` lifts the bound. @default 50,000 */
  readonly maxConnections?: number | null;
  /** Most requests that wait for publications (`?wait=`); further ones get 503. `null` lifts the bound. @default 20,000 */
  readonly maxWaitingRequests?: number | null;
  /** Longest time that such a request may wait, in milliseconds; it is answered with nothing then. @default 60 s */
  readonly maxWaitMs?: number;
  /** Largest message from a client, in bytes; beyond, the connection ends with 1009. The same of a body; 413. @default 64 KiB */
  readonly maxMessageBytes?: number;
  /** Most frames that one message from a client may come in. @default 1,024 */
  readonly maxFragments?: number;
  /** Time for a message to come from its first byte to its last, in milliseconds; beyond, 1008. @default 60 s */
  readonly messageTimeoutMs?: number;
  /** Bounds of requests: how many, their bodies, their answers, and how long these may take. */
  readonly requests?: Partial<RequestBoundsSettings>;
  /** Most TCP connections at a time that have not finished TLS or begun a request; beyond, the oldest are closed. @default 4,096 */
  readonly maxHandshakes?: number;
  /** Time for TLS, and for a request's head to come, in milliseconds; beyond, 408. @default 10 s */
  readonly handshakeTimeoutMs?: number;
  /** Largest request head, in bytes; beyond, 431. @default 16 KiB */
  readonly maxHandshakeBytes?: number;
  /** Time for a peer to answer a Close frame, or to take the end of a stream, in milliseconds; beyond, it is cut. @default 5 s */
  readonly closeTimeoutMs?: number;
  /** The newest entries of each channel in use that are kept at hand. Readers further behind read the broker's log. @default 512 entries, 1 MiB */
  readonly ring?: Partial<RingLimits>;
  /** Most bytes of all channels' newest entries together; beyond, channels keep only their newest. @default 256 MiB */
  readonly maxRingBytes?: number;
  /** Most channels that somebody uses at a time, whether they have a log or not. @default 1,000,000 */
  readonly maxOpenChannels?: number;
  /**
   * Percent of what all share that one user may have once half of it is taken, an address for those without one: channels in
   * use and in the store, their bytes, presence, idempotency keys. 100 lifts it. @default 2
   */
  readonly maxUserPercent?: number;
  /**
   * Most bytes that wait for slow readers, of all connections together; beyond, those that have been behind for longest are
   * cut off, and recover when they come back. @default 256 MiB
   */
  readonly maxHeldBytes?: number;
  /** Bounds of one connection, one user and one address. */
  readonly limits?: Partial<ServerLimits>;
  readonly times?: Partial<SessionTimes>;
  /** Longest stretch of delivering before other work gets its turn, in milliseconds. @default 4 */
  readonly deliverySliceMs?: number;
  /**
   * Told of refused tokens, API keys and origins, of revocations and of calls of admin methods, with neither secrets nor
   * payloads. What repeats within 10 s is counted. `false` for none.
   * @default true, which is one line each to standard error
   */
  readonly audit?: boolean | AuditFunction;
  /**
   * How late the event loop may be, in milliseconds, before new connects and costly work are refused for a moment (error
   * 111, status 503), so that those who are there are served and answered their pings. `null` for never.
   * @default 1,000
   */
  readonly shedAboveLagMs?: number | null;
  /** Every failure in the background ends here. @default one line to standard error */
  readonly onError?: (error: unknown, context: { readonly stage: string }) => void;
}

type Restated =
  | "audit"
  | "broker"
  | "routes"
  | "store"
  | "ring"
  | "limits"
  | "times"
  | "requests"
  | "compression";

export type ResolvedOptions = Required<Omit<ServerOptions, Restated>> & {
  readonly compression: DeflateSettings | undefined;
  readonly audit: AuditFunction | undefined;
  readonly routes?: OwnRoutes;
  /** What each WebSocket is bound by, below sessions. */
  readonly socket: SocketSettings;
  readonly store: StoreLimits;
  readonly ring: RingLimits;
  readonly limits: ServerLimits;
  readonly times: SessionTimes;
  readonly requests: RequestBoundsSettings;
};

export const defaultOptions = Object.freeze({
  port: 8000,
  host: "127.0.0.1",
  unixSocket: null,
  basePath: "",
  tls: null,
  hstsSeconds: 180 * 24 * 3600,
  http2: true,
  compression: false,
  data: null,
  store: defaultStoreLimits,
  repairData: false,
  apiKeys: Object.freeze([]) as readonly (string | ApiKey)[],
  apiKeyInQuery: false,
  authenticate: insecureAuth,
  rulesFor: () => openRules,
  allowedOrigins: Object.freeze([]) as readonly string[],
  trustedProxies: Object.freeze([]) as readonly string[],
  maxConnections: 50_000,
  maxWaitingRequests: 20_000,
  maxWaitMs: 60_000,
  maxMessageBytes: 64 * 1024,
  maxFragments: 1024,
  messageTimeoutMs: 60_000,
  maxHandshakes: 4096,
  handshakeTimeoutMs: 10_000,
  maxHandshakeBytes: 16 * 1024,
  closeTimeoutMs: 5000,
  maxRingBytes: 256 * 1024 * 1024,
  maxOpenChannels: defaultMaxOpenChannels,
  maxUserPercent: defaultUserPercent,
  maxHeldBytes: 256 * 1024 * 1024,
  ring: Object.freeze({ maxEntries: 512, maxBytes: 1024 * 1024 }),
  limits: Object.freeze({
    ...defaultSessionLimits,
    ...defaultAddressLimits,
    ...defaultConnectionLimits,
  }) as ServerLimits,
  requests: defaultRequestBounds,
  times: defaultSessionTimes,
  deliverySliceMs: 4,
  shedAboveLagMs: 1000,
  audit: true,
});

/** @throws HF_OPTION_INVALID naming the option, what came and what is accepted */
export function resolveOptions(options: ServerOptions): ResolvedOptions {
  refuseUnknownOptions(options, [...Object.keys(defaultOptions), "broker", "pages", "routes", "onError"]);
  for (const group of ["store", "ring", "limits", "requests", "times"] as const)
    refuseUnknownOptions(options[group] ?? {}, Object.keys(defaultOptions[group]), group);
  const plain = {
    ...defaultOptions,
    pages: null,
    onError: writeError,
    ...withoutUndefined(options),
    store: { ...defaultOptions.store, ...withoutUndefined(options.store ?? {}) },
    ring: { ...defaultOptions.ring, ...withoutUndefined(options.ring ?? {}) },
    limits: { ...defaultOptions.limits, ...withoutUndefined(options.limits ?? {}) },
    requests: { ...defaultOptions.requests, ...withoutUndefined(options.requests ?? {}) },
    times: { ...defaultOptions.times, ...withoutUndefined(options.times ?? {}) },
  };
  const resolved: ResolvedOptions = {
    ...plain,
    audit: resolveAudit(plain.audit),
    tls: resolveTls(plain.tls),
    compression: resolveCompression(plain.compression),
    socket: resolveSocketOptions({
      maxMessageBytes: plain.maxMessageBytes,
      maxFragments: plain.maxFragments,
      messageTimeoutMs: plain.messageTimeoutMs,
      closeTimeoutMs: plain.closeTimeoutMs,
      overheadBytesPerSecond: plain.limits.bytesPerSecond,
      overheadByteBurst: plain.limits.byteBurst,
      // Sessions look after that themselves.
      pingIntervalMs: null,
      stallTimeoutMs: null,
    }),
  };
  checkOptions(resolved, options.broker !== undefined);
  return resolved;
}

/** PEM as variables have it is taken, too. */
export function resolveTls<T extends TlsOptions | null>(given: T): T {
  if (given === null || typeof given !== "object") return given;
  const { cert, key } = given;
  return {
    ...given,
    ...(typeof cert === "string" && { cert: normalizePem(cert) }),
    ...(typeof key === "string" && { key: normalizePem(key) }),
  };
}

function resolveAudit(given: NonNullable<ServerOptions["audit"]>): AuditFunction | undefined {
  if (typeof given === "function") return given;
  if (typeof given !== "boolean") refuse("audit", given, "true, false, or a function");
  return given ? (entry) => void process.stderr.write(`${formatAuditEntry(entry)}\n`) : undefined;
}

function resolveCompression(given: NonNullable<ServerOptions["compression"]>): DeflateSettings | undefined {
  if (typeof given !== "boolean" && typeof given !== "object")
    refuse("compression", given, "true, false, or an object of options");
  if (given === false) return undefined;
  const settings = resolveDeflate(given === true ? {} : given);
  if (settings.contextTakeover)
    refuse("compression.contextTakeover", true, "false: batches are compressed once for all their readers");
  return settings;
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function writeError(error: unknown, { stage }: { readonly stage: string }): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`holdfast: ${stage}: ${text}\n`);
}
