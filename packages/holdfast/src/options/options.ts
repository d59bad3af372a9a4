// Written by `npm run docs` from schema.ts; changes belong there.
import type { Broker } from "../channels/broker.js";
import type { RulesFor } from "../channels/rules.js";
import type { ApiKey } from "../http/api/keys.js";
import type { OwnRoutes } from "../http/router.js";
import type { AuditFunction } from "../observe/audit.js";
import type { AllowedOrigins } from "../requests/origins.js";
import type { Authenticate } from "../sessions/identity.js";
import type { TlsOptions } from "../sockets/http-front.js";

/** Bounds of the store in `data`. */
export interface StoreOptions {
  /**
   * Largest size of the index, in bytes. Beyond, publishes are refused (temporary error 111).
   * @default 16 GiB
   */
  readonly maxBytes?: number;
  /**
   * Most channels with a log, empty ones included. Beyond, publishes in new channels are refused.
   * @default 1,000,000
   */
  readonly maxChannels?: number;
  /**
   * Most bytes of publications on their way to the index. Beyond, publishes are refused.
   * @default 64 MiB
   */
  readonly maxPendingBytes?: number;
  /** Size at which a new journal file is begun. A start reads up to two. @default 32 MiB */
  readonly maxJournalBytes?: number;
  /**
   * Time from a publication to the index. More makes larger writes, and slower recovery.
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
  /** From 1 (fast) to 9 (small). @default 3 */
  readonly level?: number;
  /** Memory of a compressor, 1 to 9. @default 8 */
  readonly memLevel?: number;
  /** Largest window of this side's compressor, 8 to 15. @default 15 */
  readonly maxWindowBits?: number;
  /** Largest window of the peer's compressor, 8 to 15. @default 15 */
  readonly maxPeerWindowBits?: number;
}

/** Bounds of requests: how many, their bodies, their answers, and their time. */
export interface RequestOptions {
  /** Most requests of one connection at a time. Beyond, the stream or connection is reset. @default 256 */
  readonly maxPerConnection?: number;
  /**
   * Most requests of one address, without waiting ones and streams. Beyond, 503. `null` for no bound.
   * @default 2,000
   */
  readonly maxPerAddress?: number | null;
  /** Most requests in total. Each costs some 20 KB. `null` for no bound. @default 10,000 */
  readonly maxTotal?: number | null;
  /**
   * Most bytes of bodies of one connection, plus 12 KiB for each that is still coming. Beyond, 503.
   * @default 4 MiB
   */
  readonly maxConnectionBodyBytes?: number;
  /** Most bytes of bodies of one address. @default 16 MiB */
  readonly maxAddressBodyBytes?: number;
  /** Most bytes of bodies in total. Beyond, the oldest are refused. @default 64 MiB */
  readonly maxBodyBytes?: number;
  /** Most unread bytes of answers of one connection. Beyond, answers are broken off. @default 16 MiB */
  readonly maxConnectionAnswerBytes?: number;
  /** Most unread bytes of answers of one address. @default 32 MiB */
  readonly maxAddressAnswerBytes?: number;
  /** Most unread bytes of answers in total. Beyond, the oldest are broken off. @default 128 MiB */
  readonly maxAnswerBytes?: number;
  /** Time for a body to come. Longer at the minimum rate. Beyond, 408. @default 30 s */
  readonly bodyTimeoutMs?: number;
  /**
   * Time for an answer to be taken. Longer at the minimum rate. Beyond, it is broken off.
   * @default 60 s
   */
  readonly answerTimeoutMs?: number;
  /** Minimum rate of bodies and answers, in bytes per second. @default 1 KiB */
  readonly minBytesPerSecond?: number;
}

/** The newest entries of channels in use, kept in memory. Readers further behind read the log. */
export interface RingOptions {
  /** Newest entries of each channel kept in memory. @default 512 */
  readonly maxEntries?: number;
  /** Most bytes of these. @default 1 MiB */
  readonly maxBytes?: number;
  /** Most bytes of these in total. Beyond, readers behind read the log. @default 256 MiB */
  readonly maxTotalBytes?: number;
}

/** Options of a server. */
export interface ServerOptions {
  /** TCP port; 0 picks a free one. @default 8000 */
  readonly port?: number;
  /**
   * Address to listen on. Any other than a loopback address lets other machines connect.
   * @default "127.0.0.1"
   */
  readonly host?: string;
  /**
   * Unix socket to listen on instead of host and port. `trustedProxies` then names the proxy as `unix`.
   * @default null
   */
  readonly unixSocket?: string | null;
  /** Prefix such as `/rt` that all paths may begin with. For proxies and embedding. @default none */
  readonly basePath?: string;
  /**
   * Certificate and key (`cert`, `key`) to serve `https:` and `wss:` with. Flags take PEM files, read
   * again on `SIGHUP`; programs call `server.setCertificate`.
   * @default null
   */
  readonly tls?: TlsOptions | null;
  /**
   * With `tls`, how long browsers use `https:` only (`Strict-Transport-Security`). It holds for all ports
   * of the host. `null` for no such header.
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
   * name="holdfast-connect-src" content="https://api.example">` lets scripts connect elsewhere.
   * @default null
   */
  readonly pages?: string | null;
  /**
   * Function `(request, response, path) => boolean` for paths of the application's own, such as a login.
   * Returns true for those that it answers. Not called on an attached server.
   * @default none
   */
  readonly routes?: OwnRoutes;
  /**
   * Folder of the store; `null` (`memory` in flags) keeps logs in memory. One server may use a folder at
   * a time.
   * @default null
   */
  readonly data?: string | null;
  /**
   * Opens a damaged store with what is left of it. Clients are told that something is missing.
   * @default false
   */
  readonly repairData?: boolean;
  /** Bounds of the store in `data`. */
  readonly store?: StoreOptions;
  /** Keeps logs and presence instead of the store. @default a broker for `data` */
  readonly broker?: Broker;
  /**
   * Keys for `POST /api/…`, of at least 16 characters; without any, none is accepted. Strings for
   * everything, or `{ key, scope }` with `read`, `publish` or `admin`. `sha256:` and the hexadecimal
   * digest (`printf %s "$KEY" | sha256sum`) may replace a key. Beyond 25 wrong keys an address gets 429.
   * @default none
   */
  readonly apiKeys?: readonly (string | ApiKey)[];
  /** Accepts a key as `?api_key=`. Proxies write URLs to their logs. @default false */
  readonly apiKeyInQuery?: boolean;
  /** Finds out who a client is. @default `insecureAuth` */
  readonly authenticate?: Authenticate;
  /** Rules per channel; without rules there is no channel. @default `openRules` for all */
  readonly rulesFor?: RulesFor;
  /**
   * Pages of other origins that may connect, or `*`. Pages of the server's own host and from this machine
   * need no entry.
   * @default none
   */
  readonly allowedOrigins?: AllowedOrigins;
  /**
   * Proxies whose `X-Forwarded-For` and `Forwarded` (RFC 7239) are believed. Addresses, networks,
   * `loopback`, `private`, `unix`.
   * @default none
   */
  readonly trustedProxies?: readonly string[];
  /**
   * A line to standard error for refusals, revocations and admin calls. Or a function that gets entries.
   * @default true
   */
  readonly audit?: boolean | AuditFunction;
  /** Called for every failure in the background. @default a line to standard error */
  readonly onError?: (error: unknown, context: { readonly stage: string }) => void;
  /**
   * permessage-deflate (RFC 7692) for clients that offer it: `true`, or an object of its options. When it
   * pays.
   * @default false
   */
  readonly compression?: boolean | CompressionOptions;
  /**
   * Most WebSockets and streams. Beyond, 503. Each costs about 5 KB idle. `null` for no bound.
   * @default 50,000
   */
  readonly maxConnections?: number | null;
  /** Most waiting requests (`?wait=`). Beyond, 503. `null` for no bound. @default 20,000 */
  readonly maxWaitingRequests?: number | null;
  /**
   * Longest time that a request may wait. Less is for proxies that close silent connections.
   * @default 60 s
   */
  readonly maxWaitMs?: number;
  /**
   * Most connections of one user. Beyond, close 3504, and SDKs stay away. Anonymous clients do not count.
   * `null` for no bound.
   * @default 200
   */
  readonly maxUserConnections?: number | null;
  /**
   * Most connections from one address. Beyond, 503. Less shuts out offices behind one address. `null` for
   * no bound.
   * @default 2,000
   */
  readonly maxAddressConnections?: number | null;
  /** New connections of one address a second. Beyond, 429. `null` for no bound. @default 100 */
  readonly addressConnectionsPerSecond?: number | null;
  /** Connections that may be opened at once. @default 2,000 */
  readonly addressConnectionBurst?: number;
  /** Most requests of one address that wait. Beyond, 503. `null` for no bound. @default 2,000 */
  readonly maxAddressWaitingRequests?: number | null;
  /** Most TCP connections from one address. Beyond, closed at once. `null` for no bound. @default 5,000 */
  readonly maxAddressSockets?: number | null;
  /**
   * Most of these that have not begun a request. Beyond, closed at once. `null` for no bound.
   * @default 1,000
   */
  readonly maxAddressHandshakes?: number | null;
  /** Most TCP connections that have not begun a request. Beyond, the oldest are closed. @default 4,096 */
  readonly maxHandshakes?: number;
  /** Time for TLS, and for the head of a request. Beyond, 408. @default 10 s */
  readonly handshakeTimeoutMs?: number;
  /** Largest head of a request, in bytes. Beyond, 431. @default 16 KiB */
  readonly maxHandshakeBytes?: number;
  /**
   * Largest message from a client, in bytes. Beyond, close 1009. Also of a request's body: 413.
   * @default 64 KiB
   */
  readonly maxMessageBytes?: number;
  /** Most frames of one message from a client. Beyond, close 1009. @default 1,024 */
  readonly maxFragments?: number;
  /** Time for a message from its first byte to its last. Beyond, close 1008. @default 60 s */
  readonly messageTimeoutMs?: number;
  /** Most subscriptions of one connection. Beyond, error 106. @default 128 */
  readonly maxConnectionChannels?: number;
  /**
   * Commands of one connection a second. Beyond, error 111, then close 3013. Also HTTP requests of one
   * address: 429. `null` for no bound.
   * @default 1,000
   */
  readonly commandsPerSecond?: number | null;
  /** Commands that may come at once. @default 2,000 */
  readonly commandBurst?: number;
  /**
   * Publications of one connection a second. Beyond, error 111, then close 3013. `null` for no bound.
   * @default 500
   */
  readonly publishesPerSecond?: number | null;
  /** Publications that may come at once. @default 1,000 */
  readonly publishBurst?: number;
  /**
   * Publications of one user a second. Beyond, error 111, then close 3013. Anonymous clients do not
   * count. `null` for no bound.
   * @default 1,000
   */
  readonly userPublishesPerSecond?: number | null;
  /** Publications of a user that may come at once. @default 2,000 */
  readonly userPublishBurst?: number;
  /**
   * Bytes of messages of one connection a second. Beyond, it is read no faster. Apart, the same for
   * overhead: 1 KiB per control frame or small fragment, and what compressed messages expand to. `null`
   * for no bound.
   * @default 1 MiB
   */
  readonly bytesPerSecond?: number | null;
  /** Bytes that may come at once. @default 4 MiB */
  readonly byteBurst?: number;
  /**
   * Units of work of one user a second. Beyond, costly commands wait, and requests get 429. `null` for no
   * bound.
   * @default 2,000
   */
  readonly workPerSecond?: number | null;
  /** Units that may be spent at once. @default 4,000 */
  readonly workBurst?: number;
  /** Most commands of one connection that run at a time. Others wait. @default 16 */
  readonly maxCommandsInFlight?: number;
  /** Bytes of answers that may wait for a peer. Beyond, its input is not read. @default 256 KiB */
  readonly maxUnsentBytes?: number;
  /** Most publications in one history reply. @default 300 */
  readonly maxHistoryEntries?: number;
  /** Most bytes in one history reply. @default 128 KiB */
  readonly maxHistoryBytes?: number;
  /** Most bytes in one presence reply. Beyond, error 106. @default 512 KiB */
  readonly maxPresenceBytes?: number;
  /** Bounds of requests: how many, their bodies, their answers, and their time. */
  readonly requests?: RequestOptions;
  /** Time for the connect command. Beyond, close 3008 or 3502. @default 10 s */
  readonly connectTimeoutMs?: number;
  /**
   * Time between pings. Less finds dead peers sooner, for a write each. `?cf_ws_frame_ping_pong=true` in
   * the URL asks for Ping frames.
   * @default 25 s
   */
  readonly pingIntervalMs?: number;
  /** Time to answer a ping. Beyond, close 3012. Less than `pingIntervalMs`. @default 8 s */
  readonly pongTimeoutMs?: number;
  /** Time in which a peer with bytes waiting must take some. Beyond, close 3008. @default 30 s */
  readonly stallTimeoutMs?: number;
  /** Time for a peer to answer a Close frame, or to take the end of a stream. @default 5 s */
  readonly closeTimeoutMs?: number;
  /**
   * Time for a hook or a method of the application. Beyond, error 100; for `authenticate` and
   * `onConnect`, close 3004.
   * @default 5 s
   */
  readonly hookTimeoutMs?: number;
  /**
   * Longest time until events lost on their way from the broker are noticed. Less costs the broker more.
   * @default 10 s
   */
  readonly positionCheckIntervalMs?: number;
  /** The newest entries of channels in use, kept in memory. Readers further behind read the log. */
  readonly ring?: RingOptions;
  /** Most channels in use at a time. Beyond, error 111. Each takes 1.5 KB. @default 1,000,000 */
  readonly maxOpenChannels?: number;
  /**
   * Percent of what users share that one may have once half is taken. Beyond, error 111. 100 lifts it.
   * @default 2
   */
  readonly maxUserPercent?: number;
  /**
   * Most bytes that wait for slow readers, in total. Beyond, the slowest are disconnected, and recover
   * later.
   * @default 256 MiB
   */
  readonly maxHeldBytes?: number;
  /**
   * Longest stretch of delivering before other work. More is a little faster and less even.
   * @default 4 ms
   */
  readonly deliverySliceMs?: number;
  /**
   * Lag of the event loop beyond which new and costly work is refused. New connections get close 3013,
   * commands error 111, requests 503. Users who have used little of `workPerSecond` are served on. `null`
   * for never.
   * @default 1 s
   */
  readonly shedAboveLagMs?: number | null;
}
