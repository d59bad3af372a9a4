// Written by `npm run docs` from schema.ts; changes belong there.
import type { Broker } from "../channels/broker.js";
import type { RulesFor } from "../channels/rules.js";
import type { ApiKey } from "../http/api/keys.js";
import type { OwnRoutes } from "../http/router.js";
import type { AuditFunction } from "../observe/audit.js";
import type { Logger } from "../observe/log.js";
import type { AllowedOrigins } from "../requests/origins.js";
import type { Authenticate } from "../sessions/identity.js";
import type { TlsOptions } from "../sockets/http-front.js";
import type { TraceSocket } from "../sockets/traced-stream.js";

/** Limits of the store in `data`. */
export interface StoreOptions {
  /** Maximum size of the index. Beyond it, publishes are refused (temporary error 111). @default 16 GiB */
  readonly maxBytes?: number;
  /**
   * Maximum channels with a log, empty ones included. Beyond it, publishes in new channels are refused.
   * @default 1,000,000
   */
  readonly maxChannels?: number;
  /**
   * Maximum bytes of publications on their way to the index. Beyond it, publishes are refused.
   * @default 64 MiB
   */
  readonly maxPendingBytes?: number;
  /** Size at which the journal is rotated, in bytes. A start reads up to two. @default 32 MiB */
  readonly maxJournalBytes?: number;
  /**
   * Maximum delay before a publication is written to the index. More makes larger writes, and slower
   * recovery.
   * @default 200 ms
   */
  readonly checkpointDelayMs?: number;
  /** How long an empty, unused channel keeps its epoch and offset. @default 24 hours */
  readonly metaTtlMs?: number;
}

/** How messages are compressed. */
export interface CompressionOptions {
  /** Messages with fewer bytes are sent uncompressed. Small ones hardly shrink. @default 1 KiB */
  readonly thresholdBytes?: number;
  /** zlib compression level, from 1 (fast) to 9 (small). @default 3 */
  readonly level?: number;
  /** zlib memory level, from 1 to 9. @default 8 */
  readonly memLevel?: number;
  /** Maximum window of this side's compressor, from 8 to 15. @default 15 */
  readonly maxWindowBits?: number;
  /** Maximum window of the peer's compressor, where negotiable, from 8 to 15. @default 15 */
  readonly maxPeerWindowBits?: number;
}

/** Bounds of requests: how many, their bodies, their answers, and their time. */
export interface RequestOptions {
  /**
   * Maximum concurrent requests per connection. Beyond it, the stream or connection is reset.
   * @default 256
   */
  readonly maxPerConnection?: number;
  /**
   * Maximum active requests per address, excluding waiting requests and streams. Beyond it, 503. `null`
   * for no limit.
   * @default 2,000
   */
  readonly maxPerAddress?: number | null;
  /** Maximum active requests in total. Each costs about 20 KB. `null` for no limit. @default 10,000 */
  readonly maxTotal?: number | null;
  /**
   * Maximum bytes of request bodies per connection, plus 12 KiB for each incomplete one. Beyond it, 503.
   * @default 4 MiB
   */
  readonly maxConnectionBodyBytes?: number;
  /** Maximum bytes of request bodies per address. @default 16 MiB */
  readonly maxAddressBodyBytes?: number;
  /** Maximum bytes of request bodies in total. Beyond it, the oldest are refused. @default 64 MiB */
  readonly maxBodyBytes?: number;
  /**
   * Maximum bytes of unread responses per connection. Beyond it, responses are aborted.
   * @default 16 MiB
   */
  readonly maxConnectionResponseBytes?: number;
  /** Maximum bytes of unread responses per address. @default 32 MiB */
  readonly maxAddressResponseBytes?: number;
  /** Maximum bytes of unread responses in total. Beyond it, the oldest are aborted. @default 128 MiB */
  readonly maxResponseBytes?: number;
  /** Time to receive a body. Extended at the minimum rate. Beyond it, 408. @default 30 s */
  readonly bodyTimeoutMs?: number;
  /**
   * Time for a response to be read. Extended at the minimum rate. Beyond it, it is aborted.
   * @default 60 s
   */
  readonly responseTimeoutMs?: number;
  /** Minimum rate of bodies and responses. @default 1 KiB */
  readonly minBytesPerSecond?: number;
}

/** The newest entries of channels in use, kept in memory. Readers further behind read the log. */
export interface RingOptions {
  /** Number of recent entries kept in memory per active channel. @default 512 */
  readonly maxEntries?: number;
  /** Maximum bytes of these entries per channel. @default 1 MiB */
  readonly maxBytes?: number;
  /** Maximum bytes of these entries in total. Beyond it, readers behind read the log. @default 256 MiB */
  readonly maxTotalBytes?: number;
}

/** Options of a server. */
export interface ServerOptions {
  /** TCP port; 0 picks a free one. @default 8000 */
  readonly port?: number;
  /** Address to listen on. Any address but loopback lets other machines connect. @default "127.0.0.1" */
  readonly host?: string;
  /**
   * Unix socket to listen on instead of host and port. `trustedProxies` then names the proxy as `unix`.
   * @default null
   */
  readonly unixSocket?: string | null;
  /**
   * Prefix of all paths, such as `/rt`, the WebSocket's included. For proxies and embedding.
   * @default none
   */
  readonly basePath?: string;
  /**
   * TCP port for `/metrics` and `/health` alone, without a key. Metrics. On the server's own port
   * `/metrics` needs one of `apiKeys`. `null` for none.
   * @default null
   */
  readonly adminPort?: number | null;
  /**
   * Address that `adminPort` listens on. Whoever can reach it can read the metrics.
   * @default "127.0.0.1"
   */
  readonly adminHost?: string;
  /**
   * Certificate and key (`cert`, `key`) for `https:` and `wss:`. Flags take PEM files, read again on
   * `SIGHUP`; programs call `server.setCertificate`.
   * @default null
   */
  readonly tls?: TlsOptions | null;
  /**
   * With `tls`, how long browsers must use `https:` only (`Strict-Transport-Security`). It holds for all
   * ports of the host. `null` for no header.
   * @default 180 days
   */
  readonly hstsSeconds?: number | null;
  /**
   * HTTP/2 on the same port, and WebSockets over it (RFC 8441). `false` leaves HTTP/1.1 only.
   * @default true
   */
  readonly http2?: boolean;
  /**
   * Folder of static files to serve. Kept in memory. Inline scripts and other hosts are forbidden; `<meta
   * name="holdfast-connect-src" content="https://api.example">` lets scripts connect elsewhere. Text is
   * sent compressed: `app.js.br` beside `app.js` in Brotli, else gzip.
   * @default null
   */
  readonly pages?: string | null;
  /**
   * Serves the console at `/console`, where there are `apiKeys`. It does nothing without a key. `false`
   * where a page of yours is at that path.
   * @default true
   */
  readonly console?: boolean;
  /**
   * Function `(request, response, path) => boolean` for the application's own paths, such as a login.
   * Returns true for paths that it answers. Not called on an attached server.
   * @default none
   */
  readonly routes?: OwnRoutes;
  /**
   * Function `(opening) => trace | undefined`, called for each WebSocket that opens: the trace sees its
   * bytes, for debugging. The handshake includes cookies and tokens. A traced connection is slower;
   * others cost nothing.
   * @default none
   */
  readonly traceSocket?: TraceSocket;
  /**
   * Folder of the store; `null` (flag: `memory`) keeps logs in memory only. Servers on one machine with
   * the same folder share it.
   * @default null
   */
  readonly data?: string | null;
  /**
   * Opens a damaged store with the data that survived. Clients are told that publications are missing.
   * @default false
   */
  readonly repairData?: boolean;
  /** Limits of the store in `data`. */
  readonly store?: StoreOptions;
  /**
   * URL of the server that keeps logs and connects nodes, instead of the store in `data`. Redis and
   * Valkey: `redis://host:6379`. NATS: `nats://host:4222`. `lmdb://FOLDER` is a store like `data` that no
   * other process may use. Programs may give a broker.
   * @default the store in `data`
   */
  readonly broker?: Broker | string;
  /**
   * Keys for `POST /api/…`, of at least 16 characters; without keys, all requests are refused. Strings,
   * or `{ key, scope, name }` with `read`, `publish` or `admin`, and a name for the audit. `sha256:` and
   * the hexadecimal digest (`printf %s "$KEY" | sha256sum`) may replace a key. Beyond 25 wrong keys an
   * address gets 429.
   * @default none
   */
  readonly apiKeys?: readonly (string | ApiKey)[];
  /** Accepts API keys as `?api_key=`, too. Proxies log URLs. @default false */
  readonly apiKeyInQuery?: boolean;
  /** Identifies a client. @default `insecureAuth` */
  readonly authenticate?: Authenticate;
  /** Rules per channel; a channel without rules does not exist. @default `openRules` for all */
  readonly rulesFor?: RulesFor;
  /**
   * Origins whose pages may connect, or `*`. Pages from this machine, and of the server's host unless it
   * listens on loopback only, need no entry.
   * @default none
   */
  readonly allowedOrigins?: AllowedOrigins;
  /**
   * Proxies whose `X-Forwarded-For` and `Forwarded` (RFC 7239) headers are trusted. Addresses, networks,
   * `loopback`, `private`, `unix`.
   * @default none
   */
  readonly trustedProxies?: readonly string[];
  /**
   * Logs refusals, revocations, and calls of the API that change something. Or a function that gets
   * entries.
   * @default true
   */
  readonly audit?: boolean | AuditFunction;
  /** Called for every background failure, which is then not logged. @default a line of the log */
  readonly onError?: (error: unknown, context: { readonly stage: string }) => void;
  /**
   * The least important lines that are logged: `debug`, `info`, `warn`, `error`, or `silent` for none.
   * `info` adds start, end, and a line for each connection that the server ends.
   * @default "warn"
   */
  readonly logLevel?: "debug" | "info" | "warn" | "error" | "silent";
  /**
   * How lines are written to standard error: `json`, `pretty` for people, or `auto`. `auto` is `pretty`
   * on a terminal.
   * @default "auto"
   */
  readonly logFormat?: "auto" | "json" | "pretty";
  /**
   * Writes the lines, such as a logger of pino, by `(facts, message)`. `logLevel` and `logFormat` then
   * have no effect.
   * @default lines on standard error
   */
  readonly logger?: Logger;
  /**
   * Makes spans where `@opentelemetry/api` is installed and a tracer provider is registered before the
   * server starts. Costs nothing without.
   * @default true
   */
  readonly traces?: boolean;
  /**
   * Publications carry the trace of their publish as the tag `traceparent`, so that subscribers can
   * continue it. Takes some 70 bytes for each, in the log and on the wire.
   * @default false
   */
  readonly traceTags?: boolean;
  /** permessage-deflate for clients that offer it: `true`, or its options. When it pays. @default false */
  readonly compression?: boolean | CompressionOptions;
  /**
   * Maximum number of WebSockets and streams, closing ones included. Beyond it, 503. Each costs about 5
   * KB idle. `null` for no limit.
   * @default 50,000
   */
  readonly maxConnections?: number | null;
  /** Maximum waiting requests (`?wait=`). Beyond it, 503. `null` for no limit. @default 20,000 */
  readonly maxWaitingRequests?: number | null;
  /**
   * Maximum time that a request may wait. Less is for proxies that close silent connections.
   * @default 60 s
   */
  readonly maxWaitMs?: number;
  /**
   * Maximum connections per user. Beyond it, close 3504, and SDKs do not reconnect. Anonymous clients do
   * not count. `null` for no limit.
   * @default 200
   */
  readonly maxUserConnections?: number | null;
  /**
   * Maximum connections from one address. Beyond it, 503. Low limits lock out offices behind one address.
   * `null` for no limit.
   * @default 2,000
   */
  readonly maxAddressConnections?: number | null;
  /** Connections per second from one address. Beyond it, 429. `null` for no limit. @default 100 */
  readonly addressConnectionsPerSecond?: number | null;
  /** Connections accepted in a burst. @default 2,000 */
  readonly addressConnectionBurst?: number;
  /** Maximum waiting requests from one address. Beyond it, 503. `null` for no limit. @default 2,000 */
  readonly maxAddressWaitingRequests?: number | null;
  /**
   * Maximum TCP connections from one address. Beyond it, closed at once. `null` for no limit.
   * @default 5,000
   */
  readonly maxAddressSockets?: number | null;
  /**
   * Maximum TCP connections from one address that have not started a request. Beyond it, closed at once.
   * `null` for no limit.
   * @default 1,000
   */
  readonly maxAddressHandshakes?: number | null;
  /**
   * Maximum TCP connections that have not started a request. Beyond it, the oldest are closed.
   * @default 4,096
   */
  readonly maxHandshakes?: number;
  /** Time to complete TLS, and to receive a request's headers. Beyond it, 408. @default 10 s */
  readonly handshakeTimeoutMs?: number;
  /** Maximum size of a request's headers. Beyond it, 431. @default 16 KiB */
  readonly maxHandshakeBytes?: number;
  /**
   * Maximum size of a message from a client. Beyond it, close 1009. Also of a request's body: 413.
   * @default 64 KiB
   */
  readonly maxMessageBytes?: number;
  /** Maximum frames in a message from a client. Beyond it, close 1009. @default 1,024 */
  readonly maxFragments?: number;
  /** Time to receive a message. Beyond it, close 1008. @default 60 s */
  readonly messageTimeoutMs?: number;
  /** Maximum channels per connection. Beyond it, error 106. @default 128 */
  readonly maxConnectionChannels?: number;
  /**
   * Commands per second from one connection. Beyond it, error 111, then close 3013. Also HTTP requests of
   * one address: 429. `null` for no limit.
   * @default 1,000
   */
  readonly commandsPerSecond?: number | null;
  /** Commands accepted in a burst. @default 2,000 */
  readonly commandBurst?: number;
  /**
   * Publications per second from one connection. Beyond it, error 111, then close 3013. `null` for no
   * limit.
   * @default 500
   */
  readonly publishesPerSecond?: number | null;
  /** Publications accepted in a burst. @default 1,000 */
  readonly publishBurst?: number;
  /**
   * Publications per second from one user. Beyond it, error 111, then close 3013. Anonymous clients do
   * not count. `null` for no limit.
   * @default 1,000
   */
  readonly userPublishesPerSecond?: number | null;
  /** Publications of a user accepted in a burst. @default 2,000 */
  readonly userPublishBurst?: number;
  /**
   * Message bytes per second from one connection. Beyond it, it is read no faster. Overhead, such as
   * control frames, is counted apart, the same way. `null` for no limit.
   * @default 1 MiB
   */
  readonly bytesPerSecond?: number | null;
  /** Bytes accepted in a burst. @default 4 MiB */
  readonly byteBurst?: number;
  /**
   * Units of work per second for one user. Beyond it, costly commands wait, and requests get 429. `null`
   * for no limit.
   * @default 2,000
   */
  readonly workPerSecond?: number | null;
  /** Units of work available in a burst. @default 4,000 */
  readonly workBurst?: number;
  /** Maximum concurrent commands per connection. Others wait. @default 16 */
  readonly maxCommandsInFlight?: number;
  /** Maximum bytes of unsent replies to a peer. Beyond it, its input is not read. @default 256 KiB */
  readonly maxUnsentBytes?: number;
  /** Maximum publications in a history reply. @default 300 */
  readonly maxHistoryEntries?: number;
  /** Maximum bytes in a history reply. @default 128 KiB */
  readonly maxHistoryBytes?: number;
  /** Maximum bytes in a presence reply. Beyond it, error 106. @default 512 KiB */
  readonly maxPresenceBytes?: number;
  /** Bounds of requests: how many, their bodies, their answers, and their time. */
  readonly requests?: RequestOptions;
  /** Time to receive the connect command. Beyond it, close 3008 or 3502. @default 10 s */
  readonly connectTimeoutMs?: number;
  /**
   * Time between pings. Less finds dead peers sooner, for a write each. `?cf_ws_frame_ping_pong=true` in
   * the URL asks for Ping frames.
   * @default 25 s
   */
  readonly pingIntervalMs?: number;
  /** Time to answer a ping. Beyond it, close 3012. Less than `pingIntervalMs`. @default 8 s */
  readonly pongTimeoutMs?: number;
  /**
   * Time in which a peer must read some of the bytes waiting for it. Beyond it, close 3008.
   * @default 30 s
   */
  readonly stallTimeoutMs?: number;
  /** Time for a peer to answer a Close frame, or to read the end of a stream. @default 5 s */
  readonly closeTimeoutMs?: number;
  /**
   * Clients per second that are told to reconnect when the server drains. More ends sooner, and loads the
   * nodes that they come to.
   * @default 500
   */
  readonly drainPerSecond?: number;
  /**
   * Maximum time to drain. Beyond it, all clients that are left are told at once, and requests are not
   * waited for.
   * @default 20 s
   */
  readonly drainTimeoutMs?: number;
  /**
   * Time limit for a hook or method of the application. Beyond it, error 100; for `authenticate` and
   * `onConnect`, close 3004.
   * @default 5 s
   */
  readonly hookTimeoutMs?: number;
  /**
   * Maximum time between checks of an active channel against the end of its log. Less costs the broker
   * more.
   * @default 10 s
   */
  readonly positionCheckIntervalMs?: number;
  /** The newest entries of channels in use, kept in memory. Readers further behind read the log. */
  readonly ring?: RingOptions;
  /** Maximum active channels. Beyond it, error 111. Each takes 1.5 KB. @default 1,000,000 */
  readonly maxOpenChannels?: number;
  /**
   * Percentage of shared resources that one user may take once half is in use. Beyond it, error 111. 100
   * lifts it.
   * @default 2
   */
  readonly maxUserPercent?: number;
  /**
   * Maximum keys that clients track in polled channels, counted per client. Beyond it, error 111. Each
   * takes about 250 bytes.
   * @default 1,000,000
   */
  readonly maxTrackedKeys?: number;
  /**
   * Maximum bytes of the values of these keys. Beyond it, new keys get error 111, and new values are not
   * taken, which is reported.
   * @default 256 MiB
   */
  readonly maxPolledBytes?: number;
  /**
   * Maximum unsent bytes for slow readers, over all connections. Beyond it, those that have been slow for
   * longest are disconnected, and recover later.
   * @default 256 MiB
   */
  readonly maxHeldBytes?: number;
  /**
   * Maximum memory of the flight recorder, which `holdfast why` asks. Taken as needed. More reaches
   * further back: about 1.2 KB per connection that opens, subscribes and closes. `null` to record
   * nothing.
   * @default 64 MiB
   */
  readonly maxRecorderBytes?: number | null;
  /** Maximum time of delivery before other work. More is a little faster and less even. @default 4 ms */
  readonly deliverySliceMs?: number;
  /**
   * Event loop lag beyond which new and costly work is briefly refused. New connections get close 3013,
   * commands error 111, requests 503. `null` for never.
   * @default 1 s
   */
  readonly shedAboveLagMs?: number | null;
}
