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
      more: "Publishes are refused beyond (temporary error 111).",
    }),
    maxChannels: integer({
      default: 1_000_000,
      doc: "Most channels with a log, empty ones included",
      more: "A log is created by its first publication. Empty, unused ones go after `store.metaTtlMs`, or at once where the store is nearly full; beyond, publishes in new channels are refused (temporary error 111).",
    }),
    maxPendingBytes: integer({
      default: 64 * MiB,
      doc: "Most bytes of publications in memory on their way to the index",
      more: "Publishes are refused beyond.",
    }),
    maxJournalBytes: integer({
      default: 32 * MiB,
      doc: "Size at which a new journal file is begun, in bytes",
      more: "A start reads up to about two of them.",
    }),
    checkpointDelayMs: milliseconds({
      default: 200,
      doc: "Time from a publication to the index",
      more: "More makes fewer and larger writes, and more to recover after a crash.",
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
    doc: "Most WebSockets and [streams](http.md), closing ones included",
    more: "Further ones get 503. Each costs about 5 KB idle, and more when it is slow.",
  }),
  maxWaitingRequests: integer({
    default: 20_000,
    orNull: noBound,
    doc: "Most [requests that wait](http-channels.md) for publications (`?wait=`)",
    more: "Further ones get 503. Each takes a TCP connection, or a stream of HTTP/2.",
  }),
  maxWaitMs: milliseconds({
    default: 60_000,
    doc: "Longest time that a request may wait for publications",
    more: "It is answered with nothing then. Less is for proxies that close silent connections.",
  }),
  maxUserConnections: integer({
    default: 200,
    orNull: noBound,
    doc: "Most connections of one user",
    more: "Further ones are closed with 3504, after which SDKs stay away. Anonymous clients do not count.",
  }),
  maxAddressConnections: integer({
    default: 2000,
    orNull: noBound,
    doc: "Most connections from [one address](#addresses)",
    more: "Further ones get 503. Less shuts out more of those who share an address, such as an office.",
  }),
  addressConnectionsPerSecond: integer({
    default: 100,
    orNull: noBound,
    doc: "Connections that one address may open a second",
    more: "Beyond, 429.",
  }),
  addressConnectionBurst: integer({
    // As many as may be open, so that all can come back at once.
    default: 2000,
    doc: "Connections that may be opened at once before that rate applies",
    more: "Enough for all of an address to come back after a restart.",
  }),
  maxAddressWaitingRequests: integer({
    default: 2000,
    orNull: noBound,
    doc: "Most requests of [one address](#addresses) that wait for publications",
    more: "Further ones get 503.",
  }),
  maxAddressSockets: integer({
    default: 5000,
    orNull: noBound,
    doc: "Most TCP connections from [one address](#addresses), whatever they do",
    more: "Further ones are closed at once.",
  }),
  maxAddressHandshakes: integer({
    default: 1000,
    orNull: noBound,
    doc: "Most TCP connections from one address that have not finished TLS or begun a request",
    more: "Further ones are closed at once.",
  }),
  maxHandshakes: integer({
    default: 4096,
    doc: "Most TCP connections that have not finished TLS or begun a request",
    more: "Beyond, the oldest of them are closed.",
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
    more: "Beyond, close 1009. Also the largest body of a request; beyond, 413.",
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
    doc: "Most channels that one connection may be subscribed to",
    more: "Beyond, error 106.",
  }),
  commandsPerSecond: integer({
    default: 1000,
    orNull: noBound,
    doc: "Commands of one connection a second",
    more: "Beyond, error 111, then close 3013. Requests of one address over plain HTTP, too; beyond, 429.",
  }),
  commandBurst: integer({
    default: 2000,
    doc: "Commands that may come at once before that rate applies",
  }),
  publishesPerSecond: integer({
    default: 500,
    orNull: noBound,
    doc: "Publications of one connection a second",
    more: "Beyond, error 111, then close 3013.",
  }),
  publishBurst: integer({
    default: 1000,
    doc: "Publications that may come at once before that rate applies",
  }),
  userPublishesPerSecond: integer({
    default: 1000,
    orNull: noBound,
    doc: "Publications of all connections of one user a second",
    more: "Beyond, error 111, and close 3013 for the connection that goes on regardless, not for those beside it. Anonymous clients are bound by their connection only.",
  }),
  userPublishBurst: integer({
    default: 2000,
    doc: "Publications of a user that may come at once before that rate applies",
  }),
  bytesPerSecond: integer({
    default: MiB,
    orNull: noBound,
    doc: "Bytes of messages that one connection may send a second, characters where they are text",
    more: "Beyond, its input is read no faster, and nothing else happens to it. The same holds, for itself, for what costs more than its bytes: a control frame, and a fragment of fewer than 64 bytes, count as 1 KiB there, a compressed message as what it expands to and 1 KiB, and after a Close frame whatever still comes.",
  }),
  byteBurst: integer({
    default: 4 * MiB,
    doc: "Bytes that may come at once before that rate applies",
  }),
  workPerSecond: integer({
    default: 2000,
    orNull: noBound,
    doc: "[Units of work](#work) that one user may cause a second, over all of its connections and requests",
    more: "An anonymous client is counted by its connection, or the address of its requests. Beyond, the next costly command waits, and requests get 429.",
  }),
  workBurst: integer({
    default: 4000,
    doc: "Units of work that may be spent at once before that rate applies",
  }),
  maxCommandsInFlight: integer({
    default: 16,
    doc: "Most commands of one connection that run at a time",
    more: "Others wait, and reading from the peer with them.",
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
    doc: "Most bytes of data and publishers' infos in one history reply",
    more: "It ends early then.",
  }),
  maxPresenceBytes: integer({
    default: 512 * KiB,
    doc: "Most bytes of infos in one presence reply",
    more: "A channel with more gets error 106.",
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
        more: "With HTTP/2 its streams, and with HTTP/1.1 those that follow each other unanswered. Beyond, the stream or the connection is reset.",
      }),
      maxPerAddress: integer({
        default: 2000,
        orNull: noBound,
        doc: "Most requests of [one address](#addresses) at work, without waiting ones and streams",
        more: "Further ones get 503.",
      }),
      maxTotal: integer({
        default: 10_000,
        orNull: noBound,
        doc: "Most requests at work, of all addresses",
        more: "Each costs some 20 KB.",
      }),
      maxConnectionBodyBytes: integer({
        default: 4 * MiB,
        doc: "Most bytes of bodies of one connection that are kept until they are answered, plus 12 KiB for each that is still coming",
        more: "Beyond, 503.",
      }),
      maxAddressBodyBytes: integer({
        default: 16 * MiB,
        doc: "Most bytes of bodies of one address, counted the same way",
      }),
      maxBodyBytes: integer({
        default: 64 * MiB,
        doc: "Most bytes of bodies of all addresses",
        more: "Beyond, those are refused that have been coming for longest.",
      }),
      maxConnectionAnswerBytes: integer({
        default: 16 * MiB,
        doc: "Most bytes of answers that one connection has not taken, plus 12 KiB for each but the first",
        more: "Beyond, answers are broken off.",
      }),
      maxAddressAnswerBytes: integer({
        default: 32 * MiB,
        doc: "Most bytes of answers that one address has not taken",
      }),
      maxAnswerBytes: integer({
        default: 128 * MiB,
        doc: "Most bytes of answers that were not taken, of all addresses",
        more: "Beyond, those are broken off that have been waiting for longest.",
      }),
      bodyTimeoutMs: milliseconds({
        default: 30_000,
        doc: "Time for a body to come",
        more: "Longer by what its bytes take at the minimum rate. Beyond, 408.",
      }),
      answerTimeoutMs: milliseconds({
        default: 60_000,
        doc: "Time for an answer to be taken",
        more: "Longer by what its bytes take at the minimum rate. Beyond, it is broken off. Of a stream, while it is behind.",
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
    doc: "Time for the connect command to come",
    more: "Beyond, close 3008, or 3502 where one was refused.",
  }),
  pingIntervalMs: milliseconds({
    default: 25_000,
    doc: "Time between pings; the first comes after half to a whole interval",
    more: "Less finds dead peers sooner and costs a write each time. A client that adds `?cf_ws_frame_ping_pong=true` to the URL gets Ping frames instead of the protocol's pings.",
  }),
  pongTimeoutMs: milliseconds({
    default: 8000,
    doc: "Time to answer a ping",
    more: "Beyond, close 3012. Must be less than `pingIntervalMs`.",
  }),
  stallTimeoutMs: milliseconds({
    default: 30_000,
    doc: "Time in which a peer with bytes waiting must take some",
    more: "Beyond, close 3008.",
  }),
  closeTimeoutMs: milliseconds({
    default: 5000,
    doc: "Time for a peer to answer a Close frame, or to take the end of a stream",
    more: "Beyond, its socket is closed.",
  }),
  hookTimeoutMs: milliseconds({
    default: 5000,
    doc: "Time for a hook or a method of the application",
    more: "Beyond, the one command fails with error 100. For `authenticate` and `onConnect`, the connection ends with 3004, after which SDKs come back.",
  }),
  positionCheckIntervalMs: milliseconds({
    default: 10_000,
    doc: "Longest time between two comparisons of a channel in use with the end of its log",
    more: "Events that got lost on their way from the broker are made up for within it. Less costs the broker more.",
  }),
} as const;

export const memoryOptions = {
  ring: group(
    "RingOptions",
    "The newest entries of channels in use, kept in memory. Readers further behind read the log.",
    {
      maxEntries: integer({
        default: 512,
        doc: "Newest entries of each channel in use that are kept in memory",
      }),
      maxBytes: integer({ default: MiB, doc: "Most bytes of these entries of one channel" }),
      maxTotalBytes: integer({
        default: 256 * MiB,
        doc: "Most bytes of these entries of all channels together",
        more: "Beyond, channels keep only their newest entry, and readers behind read the log.",
      }),
    },
  ),
  maxOpenChannels: integer({
    default: 1_000_000,
    doc: "Most channels in use at a time, whether they have a log or not",
    more: "Beyond, temporary error 111. Each takes about 1.5 KB.",
  }),
  maxUserPercent: integer({
    default: 2,
    max: 100,
    doc: "Percent of what all share that [one user](#what-users-share) may have once half of it is taken",
    more: "Of those without a user, one address. Channels in use and in the store, their bytes, presence and idempotency keys; beyond, temporary error 111. Less keeps more room for others when users are hostile, 100 lifts it.",
  }),
  maxHeldBytes: integer({
    default: 256 * MiB,
    doc: "Most bytes that wait for slow readers, of all connections",
    more: "Beyond, those that have been behind for longest are disconnected, and recover when they come back.",
  }),
  deliverySliceMs: integer({
    default: 4,
    doc: "Longest stretch of delivering before other work gets its turn",
    more: "More is a little faster and less even.",
  }),
  shedAboveLagMs: integer({
    default: 1000,
    orNull: "for never",
    doc: "Lag of the event loop beyond which new and costly work is refused for a moment",
    more: "New connections get close 3013, publications and costly commands error 111, and requests of channels 503 with `Retry-After`, so that connected clients are served and answered their pings. Users who have used little of `workPerSecond` lately are served on.",
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
