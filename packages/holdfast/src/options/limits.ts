/**
 * Options that bound what peers can make grow: connections, messages, rates, requests, times and memory. Imports nothing but
 * `option.ts`, so that parts that are used without a server take their defaults from here.
 */
import { group, integer, milliseconds, type SettingsOf } from "./option.js";

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const noBound = "for no bound";

export const storeOptions = {
  store: group("StoreOptions", "Bounds of the store in `data`.", {
    maxBytes: integer({
      default: 16 * GiB,
      doc: "Largest size of the index, in bytes",
      more: "Beyond, publishes are refused (temporary error 111).",
    }),
    maxChannels: integer({
      default: 1_000_000,
      doc: "Most channels with a log, empty ones included",
      more: "Beyond, publishes in new channels are refused.",
    }),
    maxPendingBytes: integer({
      default: 64 * MiB,
      doc: "Most bytes of publications on their way to the index",
      more: "Beyond, publishes are refused.",
    }),
    maxJournalBytes: integer({
      default: 32 * MiB,
      doc: "Size at which a new journal file is begun",
      more: "A start reads up to two.",
    }),
    checkpointDelayMs: milliseconds({
      default: 200,
      doc: "Time from a publication to the index",
      more: "More makes larger writes, and slower recovery.",
    }),
    metaTtlMs: milliseconds({
      default: 24 * 3_600_000,
      doc: "How long an empty, unused channel keeps its epoch and offset",
    }),
  }),
} as const;

export const connectionOptions = {
  maxConnections: integer({
    default: 50_000,
    orNull: noBound,
    doc: "Most WebSockets and [streams](http.md)",
    more: "Beyond, 503. Each costs about 5 KB idle.",
  }),
  maxWaitingRequests: integer({
    default: 20_000,
    orNull: noBound,
    doc: "Most [waiting requests](http-channels.md) (`?wait=`)",
    more: "Beyond, 503.",
  }),
  maxWaitMs: milliseconds({
    default: 60_000,
    doc: "Longest time that a request may wait",
    more: "Less is for proxies that close silent connections.",
  }),
  maxUserConnections: integer({
    default: 200,
    orNull: noBound,
    doc: "Most connections of one user",
    more: "Beyond, close 3504, and SDKs stay away. Anonymous clients do not count.",
  }),
  maxAddressConnections: integer({
    default: 2000,
    orNull: noBound,
    doc: "Most connections from [one address](#addresses)",
    more: "Beyond, 503. Less shuts out offices behind one address.",
  }),
  addressConnectionsPerSecond: integer({
    default: 100,
    orNull: noBound,
    doc: "New connections of one address a second",
    more: "Beyond, 429.",
  }),
  addressConnectionBurst: integer({
    // As many as may be open, so that all can come back at once.
    default: 2000,
    doc: "Connections that may be opened at once",
  }),
  maxAddressWaitingRequests: integer({
    default: 2000,
    orNull: noBound,
    doc: "Most requests of [one address](#addresses) that wait",
    more: "Beyond, 503.",
  }),
  maxAddressSockets: integer({
    default: 5000,
    orNull: noBound,
    doc: "Most TCP connections from [one address](#addresses)",
    more: "Beyond, closed at once.",
  }),
  maxAddressHandshakes: integer({
    default: 1000,
    orNull: noBound,
    doc: "Most of these that have not begun a request",
    more: "Beyond, closed at once.",
  }),
  maxHandshakes: integer({
    default: 4096,
    doc: "Most TCP connections that have not begun a request",
    more: "Beyond, the oldest are closed.",
  }),
  handshakeTimeoutMs: milliseconds({
    default: 10_000,
    doc: "Time for TLS, and for the head of a request",
    more: "Beyond, 408.",
  }),
  maxHandshakeBytes: integer({
    default: 16 * KiB,
    min: 1024,
    doc: "Largest head of a request, in bytes",
    more: "Beyond, 431.",
  }),
} as const;

export const messageOptions = {
  maxMessageBytes: integer({
    default: 64 * KiB,
    doc: "Largest message from a client, in bytes",
    more: "Beyond, close 1009. Also of a request's body: 413.",
  }),
  maxFragments: integer({
    default: 1024,
    doc: "Most frames of one message from a client",
    more: "Beyond, close 1009.",
  }),
  messageTimeoutMs: milliseconds({
    default: 60_000,
    doc: "Time for a message from its first byte to its last",
    more: "Beyond, close 1008.",
  }),
  maxConnectionChannels: integer({
    default: 128,
    doc: "Most subscriptions of one connection",
    more: "Beyond, error 106.",
  }),
  commandsPerSecond: integer({
    default: 1000,
    orNull: noBound,
    doc: "Commands of one connection a second",
    more: "Beyond, error 111, then close 3013. Also HTTP requests of one address: 429.",
  }),
  commandBurst: integer({
    default: 2000,
    doc: "Commands that may come at once",
  }),
  publishesPerSecond: integer({
    default: 500,
    orNull: noBound,
    doc: "Publications of one connection a second",
    more: "Beyond, error 111, then close 3013.",
  }),
  publishBurst: integer({
    default: 1000,
    doc: "Publications that may come at once",
  }),
  userPublishesPerSecond: integer({
    default: 1000,
    orNull: noBound,
    doc: "Publications of one user a second",
    more: "Beyond, error 111, then close 3013. Anonymous clients do not count.",
  }),
  userPublishBurst: integer({
    default: 2000,
    doc: "Publications of a user that may come at once",
  }),
  bytesPerSecond: integer({
    default: MiB,
    orNull: noBound,
    doc: "Bytes of messages of one connection a second",
    more: "Beyond, it is read no faster. Apart, the same for overhead: 1 KiB per control frame or small fragment, and what compressed messages expand to.",
  }),
  byteBurst: integer({
    default: 4 * MiB,
    doc: "Bytes that may come at once",
  }),
  workPerSecond: integer({
    default: 2000,
    orNull: noBound,
    doc: "[Units of work](#work) of one user a second",
    more: "Beyond, costly commands wait, and requests get 429.",
  }),
  workBurst: integer({
    default: 4000,
    doc: "Units that may be spent at once",
  }),
  maxCommandsInFlight: integer({
    default: 16,
    doc: "Most commands of one connection that run at a time",
    more: "Others wait.",
  }),
  maxUnsentBytes: integer({
    default: 256 * KiB,
    doc: "Bytes of answers that may wait for a peer",
    more: "Beyond, its input is not read.",
  }),
  maxHistoryEntries: integer({
    default: 300,
    doc: "Most publications in one history reply",
  }),
  maxHistoryBytes: integer({
    default: 128 * KiB,
    doc: "Most bytes in one history reply",
  }),
  maxPresenceBytes: integer({
    default: 512 * KiB,
    doc: "Most bytes in one presence reply",
    more: "Beyond, error 106.",
  }),
} as const;

export const requestOptions = {
  requests: group(
    "RequestOptions",
    "Bounds of [requests](#requests): how many, their bodies, their answers, and their time.",
    {
      maxPerConnection: integer({
        default: 256,
        doc: "Most requests of one connection at a time",
        more: "Beyond, the stream or connection is reset.",
      }),
      maxPerAddress: integer({
        default: 2000,
        orNull: noBound,
        doc: "Most requests of [one address](#addresses), without waiting ones and streams",
        more: "Beyond, 503.",
      }),
      maxTotal: integer({
        default: 10_000,
        orNull: noBound,
        doc: "Most requests in total",
        more: "Each costs some 20 KB.",
      }),
      maxConnectionBodyBytes: integer({
        default: 4 * MiB,
        doc: "Most bytes of bodies of one connection, plus 12 KiB for each that is still coming",
        more: "Beyond, 503.",
      }),
      maxAddressBodyBytes: integer({
        default: 16 * MiB,
        doc: "Most bytes of bodies of one address",
      }),
      maxBodyBytes: integer({
        default: 64 * MiB,
        doc: "Most bytes of bodies in total",
        more: "Beyond, the oldest are refused.",
      }),
      maxConnectionAnswerBytes: integer({
        default: 16 * MiB,
        doc: "Most unread bytes of answers of one connection",
        more: "Beyond, answers are broken off.",
      }),
      maxAddressAnswerBytes: integer({
        default: 32 * MiB,
        doc: "Most unread bytes of answers of one address",
      }),
      maxAnswerBytes: integer({
        default: 128 * MiB,
        doc: "Most unread bytes of answers in total",
        more: "Beyond, the oldest are broken off.",
      }),
      bodyTimeoutMs: milliseconds({
        default: 30_000,
        doc: "Time for a body to come",
        more: "Longer at the minimum rate. Beyond, 408.",
      }),
      answerTimeoutMs: milliseconds({
        default: 60_000,
        doc: "Time for an answer to be taken",
        more: "Longer at the minimum rate. Beyond, it is broken off.",
      }),
      minBytesPerSecond: integer({
        default: 1024,
        doc: "Minimum rate of bodies and answers, in bytes per second",
      }),
    },
  ),
} as const;

export const timeOptions = {
  connectTimeoutMs: milliseconds({
    default: 10_000,
    doc: "Time for the connect command",
    more: "Beyond, close 3008 or 3502.",
  }),
  pingIntervalMs: milliseconds({
    default: 25_000,
    doc: "Time between pings",
    more: "Less finds dead peers sooner, for a write each. `?cf_ws_frame_ping_pong=true` in the URL asks for Ping frames.",
  }),
  pongTimeoutMs: milliseconds({
    default: 8000,
    doc: "Time to answer a ping",
    more: "Beyond, close 3012. Less than `pingIntervalMs`.",
  }),
  stallTimeoutMs: milliseconds({
    default: 30_000,
    doc: "Time in which a peer with bytes waiting must take some",
    more: "Beyond, close 3008.",
  }),
  closeTimeoutMs: milliseconds({
    default: 5000,
    doc: "Time for a peer to answer a Close frame, or to take the end of a stream",
  }),
  hookTimeoutMs: milliseconds({
    default: 5000,
    doc: "Time for a hook or a method of the application",
    more: "Beyond, error 100; for `authenticate` and `onConnect`, close 3004.",
  }),
  positionCheckIntervalMs: milliseconds({
    default: 10_000,
    doc: "Longest time until events lost on their way from the broker are noticed",
    more: "Less costs the broker more.",
  }),
} as const;

export const memoryOptions = {
  ring: group(
    "RingOptions",
    "The newest entries of channels in use, kept in memory. Readers further behind read the log.",
    {
      maxEntries: integer({
        default: 512,
        doc: "Newest entries of each channel kept in memory",
      }),
      maxBytes: integer({ default: MiB, doc: "Most bytes of these" }),
      maxTotalBytes: integer({
        default: 256 * MiB,
        doc: "Most bytes of these in total",
        more: "Beyond, readers behind read the log.",
      }),
    },
  ),
  maxOpenChannels: integer({
    default: 1_000_000,
    doc: "Most channels in use at a time",
    more: "Beyond, error 111. Each takes 1.5 KB.",
  }),
  maxUserPercent: integer({
    default: 2,
    max: 100,
    doc: "Percent of [what users share](#what-users-share) that one may have once half is taken",
    more: "Beyond, error 111. 100 lifts it.",
  }),
  maxHeldBytes: integer({
    default: 256 * MiB,
    doc: "Most bytes that wait for slow readers, in total",
    more: "Beyond, the slowest are disconnected, and recover later.",
  }),
  deliverySliceMs: integer({
    default: 4,
    doc: "Longest stretch of delivering before other work",
    more: "More is a little faster and less even.",
  }),
  shedAboveLagMs: integer({
    default: 1000,
    orNull: "for never",
    doc: "Lag of the event loop beyond which new and costly work is refused",
    more: "New connections get close 3013, commands error 111, requests 503. Users who have used little of `workPerSecond` are served on.",
  }),
} as const;

export const limitOptions = {
  ...storeOptions,
  ...connectionOptions,
  ...messageOptions,
  ...requestOptions,
  ...timeOptions,
  ...memoryOptions,
} as const;

/** Limits that are in force: each part takes its own of them. */
export type LimitSettings = SettingsOf<typeof limitOptions>;
