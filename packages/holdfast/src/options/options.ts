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
   * Largest size of the index, in bytes. Publishes are refused beyond (temporary error 111).
   * @default 16 GiB
   */
  readonly maxBytes?: number;
  /**
   * Most channels with a log, empty ones included. A log is created by its first publication. Empty,
   * unused ones go after `store.metaTtlMs`, or at once where the store is nearly full; beyond, publishes
   * in new channels are refused (temporary error 111).
   * @default 1,000,000
   */
  readonly maxChannels?: number;
  /**
   * Most bytes of publications in memory on their way to the index. Publishes are refused beyond.
   * @default 64 MiB
   */
  readonly maxPendingBytes?: number;
  /**
   * Size at which a new journal file is begun, in bytes. A start reads up to about two of them.
   * @default 32 MiB
   */
  readonly maxJournalBytes?: number;
  /**
   * Time from a publication to the index. More makes fewer and larger writes, and more to recover after a
   * crash.
   * @default 200 ms
   */
  readonly checkpointDelayMs?: number;
  /** How long an empty, unused channel keeps its epoch and offset. @default 24 hours */
  readonly metaTtlMs?: number;
}

/** How messages are compressed. */
export interface CompressionOptions {
  /**
   * Messages with fewer bytes are sent uncompressed. Small ones hardly shrink, and every compression
   * costs time.
   * @default 1 KiB
   */
  readonly thresholdBytes?: number;
  /** How hard zlib tries, from 1 (fast) to 9 (small). @default 3 */
  readonly level?: number;
  /** Memory of a compressor, from 1 to 9: 2 ** (memLevel + 9) bytes beside its window. @default 8 */
  readonly memLevel?: number;
  /** Largest window of this side's compressor, as a power of two from 8 to 15. @default 15 */
  readonly maxWindowBits?: number;
  /**
   * Largest window that the peer may use, where it lets us choose, as a power of two from 8 to 15.
   * @default 15
   */
  readonly maxPeerWindowBits?: number;
}

/** Bounds of requests: how many, their bodies, their answers, and their time. */
export interface RequestOptions {
  /**
   * Most requests of one connection at a time. With HTTP/2 its streams, and with HTTP/1.1 those that
   * follow each other unanswered. Beyond, the stream or the connection is reset.
   * @default 256
   */
  readonly maxPerConnection?: number;
  /**
   * Most requests of one address at work, without waiting ones and streams. Further ones get 503. `null`
   * for no bound.
   * @default 2,000
   */
  readonly maxPerAddress?: number | null;
  /**
   * Most requests at work, of all addresses. Each costs some 20 KB. `null` for no bound.
   * @default 10,000
   */
  readonly maxTotal?: number | null;
  /**
   * Most bytes of bodies of one connection that are kept until they are answered, plus 12 KiB for each
   * that is still coming. Beyond, 503.
   * @default 4 MiB
   */
  readonly maxConnectionBodyBytes?: number;
  /** Most bytes of bodies of one address, counted the same way. @default 16 MiB */
  readonly maxAddressBodyBytes?: number;
  /**
   * Most bytes of bodies of all addresses. Beyond, those are refused that have been coming for longest.
   * @default 64 MiB
   */
  readonly maxBodyBytes?: number;
  /**
   * Most bytes of answers that one connection has not taken, plus 12 KiB for each but the first. Beyond,
   * answers are broken off.
   * @default 16 MiB
   */
  readonly maxConnectionAnswerBytes?: number;
  /** Most bytes of answers that one address has not taken. @default 32 MiB */
  readonly maxAddressAnswerBytes?: number;
  /**
   * Most bytes of answers that were not taken, of all addresses. Beyond, those are broken off that have
   * been waiting for longest.
   * @default 128 MiB
   */
  readonly maxAnswerBytes?: number;
  /**
   * Time for a body to come. Longer by what its bytes take at the minimum rate. Beyond, 408.
   * @default 30 s
   */
  readonly bodyTimeoutMs?: number;
  /**
   * Time for an answer to be taken. Longer by what its bytes take at the minimum rate. Beyond, it is
   * broken off. Of a stream, while it is behind.
   * @default 60 s
   */
  readonly answerTimeoutMs?: number;
  /** Minimum rate of bodies and answers, in bytes per second. @default 1 KiB */
  readonly minBytesPerSecond?: number;
}

/** The newest entries of channels in use, kept in memory. Readers further behind read the log. */
export interface RingOptions {
  /** Newest entries of each channel in use that are kept in memory. @default 512 */
  readonly maxEntries?: number;
  /** Most bytes of these entries of one channel. @default 1 MiB */
  readonly maxBytes?: number;
  /**
   * Most bytes of these entries of all channels together. Beyond, channels keep only their newest entry,
   * and readers behind read the log.
   * @default 256 MiB
   */
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
   * Unix socket to listen on instead of host and port. For a proxy on the same machine, which
   * `trustedProxies` then names as `unix`. A file that a server has left behind is replaced.
   * @default null
   */
  readonly unixSocket?: string | null;
  /**
   * Prefix such as `/rt` that all paths may begin with, the WebSocket's too. For a proxy that leaves it
   * there, and for a server that this one is attached to. Paths without it are still answered.
   * @default none
   */
  readonly basePath?: string;
  /**
   * Certificate and key (`cert`, `key`) to serve `https:` and `wss:` with. Flags and configurations take
   * PEM files, which are read again on `SIGHUP`; programs call `server.setCertificate`.
   * @default null
   */
  readonly tls?: TlsOptions | null;
  /**
   * With `tls`, how long browsers must come by `https:` only (`Strict-Transport-Security`, RFC 6797). It
   * holds for all ports of the host. Requests by a name of this machine are not told. `null` for no such
   * header.
   * @default 180 days
   */
  readonly hstsSeconds?: number | null;
  /**
   * HTTP/2 on the same port, and WebSockets over it (RFC 8441). With TLS for browsers, without for
   * proxies. `false` leaves HTTP/1.1 only.
   * @default true
   */
  readonly http2?: boolean;
  /**
   * Folder of static files to serve. Read into memory at the start. Scripts must be files of their own: a
   * `Content-Security-Policy` forbids inline ones, and anything from other hosts. A page whose scripts
   * connect elsewhere says where: `<meta name="holdfast-connect-src" content="https://api.example
   * wss://api.example">`. Without a folder, `/` shows browsers a page with the server's addresses.
   * @default null
   */
  readonly pages?: string | null;
  /**
   * Function `(request, response, path) => boolean` for paths of the application's own, such as a login.
   * Returns true for those that it answers; `path` is without `basePath`. Called after the server's own
   * paths and before the pages, only where the server itself listens.
   * @default none
   */
  readonly routes?: OwnRoutes;
  /**
   * Folder of the store that keeps logs; `null` (`memory` in flags) keeps them in memory until the server
   * ends. Made where there is none. One server may use a folder at a time.
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
   * Keys for `POST /api/…`, of at least 16 characters; without any, none is accepted. Strings, which are
   * for everything, or `{ key, scope }` with the scope `read`, `publish` or `admin`. `sha256:` and the
   * digest of a key in hexadecimal digits may stand in its place (`printf %s "$KEY" | sha256sum`), so
   * that the configuration holds no key. Wrong keys are told to the audit, and beyond 25 from an address
   * it gets 429.
   * @default none
   */
  readonly apiKeys?: readonly (string | ApiKey)[];
  /** Accepts such a key as `?api_key=`, too. Proxies write URLs to their logs. @default false */
  readonly apiKeyInQuery?: boolean;
  /** Finds out who a client is, from the token and data of its connect command. @default `insecureAuth` */
  readonly authenticate?: Authenticate;
  /**
   * Rules per channel: kind, durability, retention, presence, joins and leaves; no rules, no channel.
   * @default `openRules` for all
   */
  readonly rulesFor?: RulesFor;
  /**
   * Pages of other origins that may connect, or `*`. Pages from this machine always may; pages of the
   * server's own host may unless it listens on a loopback address only, where any name could be made to
   * point.
   * @default none
   */
  readonly allowedOrigins?: AllowedOrigins;
  /**
   * Proxies whose `X-Forwarded-For` and `Forwarded` (RFC 7239) are believed. Addresses, networks such as
   * `10.0.0.0/8`, or the words `loopback`, `private` and `unix` (peers on a Unix socket).
   * @default none
   */
  readonly trustedProxies?: readonly string[];
  /**
   * A line to standard error for refused tokens, API keys and origins, revocations, and calls of admin
   * methods. `false` for none, or a function that is given entries.
   * @default true
   */
  readonly audit?: boolean | AuditFunction;
  /** Called for every failure in the background. @default a line to standard error */
  readonly onError?: (error: unknown, context: { readonly stage: string }) => void;
  /**
   * permessage-deflate (RFC 7692) for clients that offer it: `true`, or an object of its options. A batch
   * for many is compressed once; when it pays.
   * @default false
   */
  readonly compression?: boolean | CompressionOptions;
  /**
   * Most WebSockets and streams, closing ones included. Further ones get 503. Each costs about 5 KB idle,
   * and more when it is slow. `null` for no bound.
   * @default 50,000
   */
  readonly maxConnections?: number | null;
  /**
   * Most requests that wait for publications (`?wait=`). Further ones get 503. Each takes a TCP
   * connection, or a stream of HTTP/2. `null` for no bound.
   * @default 20,000
   */
  readonly maxWaitingRequests?: number | null;
  /**
   * Longest time that a request may wait for publications. It is answered with nothing then. Less is for
   * proxies that close silent connections.
   * @default 60 s
   */
  readonly maxWaitMs?: number;
  /**
   * Most connections of one user. Further ones are closed with 3504, after which SDKs stay away.
   * Anonymous clients do not count. `null` for no bound.
   * @default 200
   */
  readonly maxUserConnections?: number | null;
  /**
   * Most connections from one address. Further ones get 503. Less shuts out more of those who share an
   * address, such as an office. `null` for no bound.
   * @default 2,000
   */
  readonly maxAddressConnections?: number | null;
  /** Connections that one address may open a second. Beyond, 429. `null` for no bound. @default 100 */
  readonly addressConnectionsPerSecond?: number | null;
  /**
   * Connections that may be opened at once before that rate applies. Enough for all of an address to come
   * back after a restart.
   * @default 2,000
   */
  readonly addressConnectionBurst?: number;
  /**
   * Most requests of one address that wait for publications. Further ones get 503. `null` for no bound.
   * @default 2,000
   */
  readonly maxAddressWaitingRequests?: number | null;
  /**
   * Most TCP connections from one address, whatever they do. Further ones are closed at once. `null` for
   * no bound.
   * @default 5,000
   */
  readonly maxAddressSockets?: number | null;
  /**
   * Most TCP connections from one address that have not finished TLS or begun a request. Further ones are
   * closed at once. `null` for no bound.
   * @default 1,000
   */
  readonly maxAddressHandshakes?: number | null;
  /**
   * Most TCP connections that have not finished TLS or begun a request. Beyond, the oldest of them are
   * closed.
   * @default 4,096
   */
  readonly maxHandshakes?: number;
  /** Time for TLS, and for the head of a request. Beyond, 408. @default 10 s */
  readonly handshakeTimeoutMs?: number;
  /** Largest head of a request, in bytes. Beyond, 431. @default 16 KiB */
  readonly maxHandshakeBytes?: number;
  /**
   * Largest message from a client, in bytes. Beyond, close 1009. Also the largest body of a request;
   * beyond, 413.
   * @default 64 KiB
   */
  readonly maxMessageBytes?: number;
  /** Most frames of one message from a client. Beyond, close 1009. @default 1,024 */
  readonly maxFragments?: number;
  /** Time for a message from its first byte to its last. Beyond, close 1008. @default 60 s */
  readonly messageTimeoutMs?: number;
  /** Most channels that one connection may be subscribed to. Beyond, error 106. @default 128 */
  readonly maxConnectionChannels?: number;
  /**
   * Commands of one connection a second. Beyond, error 111, then close 3013. Requests of one address over
   * plain HTTP, too; beyond, 429. `null` for no bound.
   * @default 1,000
   */
  readonly commandsPerSecond?: number | null;
  /** Commands that may come at once before that rate applies. @default 2,000 */
  readonly commandBurst?: number;
  /**
   * Publications of one connection a second. Beyond, error 111, then close 3013. `null` for no bound.
   * @default 500
   */
  readonly publishesPerSecond?: number | null;
  /** Publications that may come at once before that rate applies. @default 1,000 */
  readonly publishBurst?: number;
  /**
   * Publications of all connections of one user a second. Beyond, error 111, and close 3013 for the
   * connection that goes on regardless, not for those beside it. Anonymous clients are bound by their
   * connection only. `null` for no bound.
   * @default 1,000
   */
  readonly userPublishesPerSecond?: number | null;
  /** Publications of a user that may come at once before that rate applies. @default 2,000 */
  readonly userPublishBurst?: number;
  /**
   * Bytes of messages that one connection may send a second, characters where they are text. Beyond, its
   * input is read no faster, and nothing else happens to it. The same holds, for itself, for what costs
   * more than its bytes: a control frame, and a fragment of fewer than 64 bytes, count as 1 KiB there, a
   * compressed message as what it expands to and 1 KiB, and after a Close frame whatever still comes.
   * `null` for no bound.
   * @default 1 MiB
   */
  readonly bytesPerSecond?: number | null;
  /** Bytes that may come at once before that rate applies. @default 4 MiB */
  readonly byteBurst?: number;
  /**
   * Units of work that one user may cause a second, over all of its connections and requests. An
   * anonymous client is counted by its connection, or the address of its requests. Beyond, the next
   * costly command waits, and requests get 429. `null` for no bound.
   * @default 2,000
   */
  readonly workPerSecond?: number | null;
  /** Units of work that may be spent at once before that rate applies. @default 4,000 */
  readonly workBurst?: number;
  /**
   * Most commands of one connection that run at a time. Others wait, and reading from the peer with
   * them.
   * @default 16
   */
  readonly maxCommandsInFlight?: number;
  /** Bytes of answers that may wait for a peer. Beyond, its input is not read. @default 256 KiB */
  readonly maxUnsentBytes?: number;
  /** Most publications in one history reply. @default 300 */
  readonly maxHistoryEntries?: number;
  /**
   * Most bytes of data and publishers' infos in one history reply. It ends early then.
   * @default 128 KiB
   */
  readonly maxHistoryBytes?: number;
  /** Most bytes of infos in one presence reply. A channel with more gets error 106. @default 512 KiB */
  readonly maxPresenceBytes?: number;
  /** Bounds of requests: how many, their bodies, their answers, and their time. */
  readonly requests?: RequestOptions;
  /**
   * Time for the connect command to come. Beyond, close 3008, or 3502 where one was refused.
   * @default 10 s
   */
  readonly connectTimeoutMs?: number;
  /**
   * Time between pings; the first comes after half to a whole interval. Less finds dead peers sooner and
   * costs a write each time. A client that adds `?cf_ws_frame_ping_pong=true` to the URL gets Ping frames
   * instead of the protocol's pings.
   * @default 25 s
   */
  readonly pingIntervalMs?: number;
  /** Time to answer a ping. Beyond, close 3012. Must be less than `pingIntervalMs`. @default 8 s */
  readonly pongTimeoutMs?: number;
  /** Time in which a peer with bytes waiting must take some. Beyond, close 3008. @default 30 s */
  readonly stallTimeoutMs?: number;
  /**
   * Time for a peer to answer a Close frame, or to take the end of a stream. Beyond, its socket is
   * closed.
   * @default 5 s
   */
  readonly closeTimeoutMs?: number;
  /**
   * Time for a hook or a method of the application. Beyond, the one command fails with error 100. For
   * `authenticate` and `onConnect`, the connection ends with 3004, after which SDKs come back.
   * @default 5 s
   */
  readonly hookTimeoutMs?: number;
  /**
   * Longest time between two comparisons of a channel in use with the end of its log. Events that got
   * lost on their way from the broker are made up for within it. Less costs the broker more.
   * @default 10 s
   */
  readonly positionCheckIntervalMs?: number;
  /** The newest entries of channels in use, kept in memory. Readers further behind read the log. */
  readonly ring?: RingOptions;
  /**
   * Most channels in use at a time, whether they have a log or not. Beyond, temporary error 111. Each
   * takes about 1.5 KB.
   * @default 1,000,000
   */
  readonly maxOpenChannels?: number;
  /**
   * Percent of what all share that one user may have once half of it is taken. Of those without a user,
   * one address. Channels in use and in the store, their bytes, presence and idempotency keys; beyond,
   * temporary error 111. Less keeps more room for others when users are hostile, 100 lifts it.
   * @default 2
   */
  readonly maxUserPercent?: number;
  /**
   * Most bytes that wait for slow readers, of all connections. Beyond, those that have been behind for
   * longest are disconnected, and recover when they come back.
   * @default 256 MiB
   */
  readonly maxHeldBytes?: number;
  /**
   * Longest stretch of delivering before other work gets its turn. More is a little faster and less
   * even.
   * @default 4 ms
   */
  readonly deliverySliceMs?: number;
  /**
   * Lag of the event loop beyond which new and costly work is refused for a moment. New connections get
   * close 3013, publications and costly commands error 111, and requests of channels 503 with
   * `Retry-After`, so that connected clients are served and answered their pings. Users who have used
   * little of `workPerSecond` lately are served on. `null` for never.
   * @default 1 s
   */
  readonly shedAboveLagMs?: number | null;
}
