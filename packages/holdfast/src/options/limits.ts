/**
 * Options that bound what peers can make grow: connections, messages, rates, requests, times and memory. Imports nothing but
 * `option.ts`, so that parts that are used without a server take their defaults from here.
 */
import { group, integer, milliseconds, type SettingsOf } from "./option.js";

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const noBound = "for no limit";

export const storeOptions = {
  store: group("StoreOptions", "Limits of the store in `data`.", {
    maxBytes: integer({
      default: 16 * GiB,
      doc: "Maximum size of the index",
      more: "Beyond it, publishes are refused (temporary error 111).",
    }),
    maxChannels: integer({
      default: 1_000_000,
      doc: "Maximum channels with a log, empty ones included",
      more: "Beyond it, publishes in new channels are refused.",
    }),
    maxPendingBytes: integer({
      default: 64 * MiB,
      doc: "Maximum bytes of publications on their way to the index",
      more: "Beyond it, publishes are refused.",
    }),
    maxJournalBytes: integer({
      default: 32 * MiB,
      doc: "Size at which the journal is rotated, in bytes",
      more: "A start reads up to two.",
    }),
    checkpointDelayMs: milliseconds({
      default: 200,
      doc: "Maximum delay before a publication is written to the index",
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
    doc: "Maximum number of WebSockets and [streams](http.md), closing ones included",
    more: "Beyond it, 503. Each costs about 5 KB idle.",
  }),
  maxWaitingRequests: integer({
    default: 20_000,
    orNull: noBound,
    doc: "Maximum [waiting requests](http-channels.md) (`?wait=`)",
    more: "Beyond it, 503.",
  }),
  maxWaitMs: milliseconds({
    default: 60_000,
    doc: "Maximum time that a request may wait",
    more: "Less is for proxies that close silent connections.",
  }),
  maxUserConnections: integer({
    default: 200,
    orNull: noBound,
    doc: "Maximum connections per user",
    more: "Beyond it, close 3504, and SDKs do not reconnect. Anonymous clients do not count.",
  }),
  maxAddressConnections: integer({
    default: 2000,
    orNull: noBound,
    doc: "Maximum connections from [one address](#addresses)",
    more: "Beyond it, 503. Low limits lock out offices behind one address.",
  }),
  addressConnectionsPerSecond: integer({
    default: 100,
    orNull: noBound,
    doc: "Connections per second from one address",
    more: "Beyond it, 429.",
  }),
  addressConnectionBurst: integer({
    // As many as may be open, so that all can come back at once.
    default: 2000,
    doc: "Connections accepted in a burst",
  }),
  maxAddressWaitingRequests: integer({
    default: 2000,
    orNull: noBound,
    doc: "Maximum waiting requests from [one address](#addresses)",
    more: "Beyond it, 503.",
  }),
  maxAddressSockets: integer({
    default: 5000,
    orNull: noBound,
    doc: "Maximum TCP connections from [one address](#addresses)",
    more: "Beyond it, closed at once.",
  }),
  maxAddressHandshakes: integer({
    default: 1000,
    orNull: noBound,
    doc: "Maximum TCP connections from one address that have not started a request",
    more: "Beyond it, closed at once.",
  }),
  maxHandshakes: integer({
    default: 4096,
    doc: "Maximum TCP connections that have not started a request",
    more: "Beyond it, the oldest are closed.",
  }),
  handshakeTimeoutMs: milliseconds({
    default: 10_000,
    doc: "Time to complete TLS, and to receive a request's headers",
    more: "Beyond it, 408.",
  }),
  maxHandshakeBytes: integer({
    default: 16 * KiB,
    min: 1024,
    doc: "Maximum size of a request's headers",
    more: "Beyond it, 431.",
  }),
} as const;

export const messageOptions = {
  maxMessageBytes: integer({
    default: 64 * KiB,
    doc: "Maximum size of a message from a client",
    more: "Beyond it, close 1009. Also of a request's body: 413.",
  }),
  maxFragments: integer({
    default: 1024,
    doc: "Maximum frames in a message from a client",
    more: "Beyond it, close 1009.",
  }),
  messageTimeoutMs: milliseconds({
    default: 60_000,
    doc: "Time to receive a message",
    more: "Beyond it, close 1008.",
  }),
  maxConnectionChannels: integer({
    default: 128,
    doc: "Maximum channels per connection",
    more: "Beyond it, error 106.",
  }),
  commandsPerSecond: integer({
    default: 1000,
    orNull: noBound,
    doc: "Commands per second from one connection",
    more: "Beyond it, error 111, then close 3013. Also HTTP requests of one address: 429.",
  }),
  commandBurst: integer({
    default: 2000,
    doc: "Commands accepted in a burst",
  }),
  publishesPerSecond: integer({
    default: 500,
    orNull: noBound,
    doc: "Publications per second from one connection",
    more: "Beyond it, error 111, then close 3013.",
  }),
  publishBurst: integer({
    default: 1000,
    doc: "Publications accepted in a burst",
  }),
  userPublishesPerSecond: integer({
    default: 1000,
    orNull: noBound,
    doc: "Publications per second from one user",
    more: "Beyond it, error 111, then close 3013. Anonymous clients do not count.",
  }),
  userPublishBurst: integer({
    default: 2000,
    doc: "Publications of a user accepted in a burst",
  }),
  bytesPerSecond: integer({
    default: MiB,
    orNull: noBound,
    doc: "Message bytes per second from one connection",
    more: "Beyond it, it is read no faster. Overhead, such as control frames, is counted apart, the same way.",
  }),
  byteBurst: integer({
    default: 4 * MiB,
    doc: "Bytes accepted in a burst",
  }),
  workPerSecond: integer({
    default: 2000,
    orNull: noBound,
    doc: "[Units of work](#work) per second for one user",
    more: "Beyond it, costly commands wait, and requests get 429.",
  }),
  workBurst: integer({
    default: 4000,
    doc: "Units of work available in a burst",
  }),
  maxCommandsInFlight: integer({
    default: 16,
    doc: "Maximum concurrent commands per connection",
    more: "Others wait.",
  }),
  maxUnsentBytes: integer({
    default: 256 * KiB,
    doc: "Maximum bytes of unsent replies to a peer",
    more: "Beyond it, its input is not read.",
  }),
  maxHistoryEntries: integer({
    default: 300,
    doc: "Maximum publications in a history reply",
  }),
  maxHistoryBytes: integer({
    default: 128 * KiB,
    doc: "Maximum bytes in a history reply",
  }),
  maxPresenceBytes: integer({
    default: 512 * KiB,
    doc: "Maximum bytes in a presence reply",
    more: "Beyond it, error 106.",
  }),
} as const;

export const requestOptions = {
  requests: group(
    "RequestOptions",
    "Bounds of [requests](#requests): how many, their bodies, their answers, and their time.",
    {
      maxPerConnection: integer({
        default: 256,
        doc: "Maximum concurrent requests per connection",
        more: "Beyond it, the stream or connection is reset.",
      }),
      maxPerAddress: integer({
        default: 2000,
        orNull: noBound,
        doc: "Maximum active requests per [address](#addresses), excluding waiting requests and streams",
        more: "Beyond it, 503.",
      }),
      maxTotal: integer({
        default: 10_000,
        orNull: noBound,
        doc: "Maximum active requests in total",
        more: "Each costs about 20 KB.",
      }),
      maxConnectionBodyBytes: integer({
        default: 4 * MiB,
        doc: "Maximum bytes of request bodies per connection, plus 12 KiB for each incomplete one",
        more: "Beyond it, 503.",
      }),
      maxAddressBodyBytes: integer({
        default: 16 * MiB,
        doc: "Maximum bytes of request bodies per address",
      }),
      maxBodyBytes: integer({
        default: 64 * MiB,
        doc: "Maximum bytes of request bodies in total",
        more: "Beyond it, the oldest are refused.",
      }),
      maxConnectionResponseBytes: integer({
        default: 16 * MiB,
        doc: "Maximum bytes of unread responses per connection",
        more: "Beyond it, responses are aborted.",
      }),
      maxAddressResponseBytes: integer({
        default: 32 * MiB,
        doc: "Maximum bytes of unread responses per address",
      }),
      maxResponseBytes: integer({
        default: 128 * MiB,
        doc: "Maximum bytes of unread responses in total",
        more: "Beyond it, the oldest are aborted.",
      }),
      bodyTimeoutMs: milliseconds({
        default: 30_000,
        doc: "Time to receive a body",
        more: "Extended at the minimum rate. Beyond it, 408.",
      }),
      responseTimeoutMs: milliseconds({
        default: 60_000,
        doc: "Time for a response to be read",
        more: "Extended at the minimum rate. Beyond it, it is aborted.",
      }),
      minBytesPerSecond: integer({
        default: 1024,
        doc: "Minimum rate of bodies and responses",
      }),
    },
  ),
} as const;

export const timeOptions = {
  connectTimeoutMs: milliseconds({
    default: 10_000,
    doc: "Time to receive the connect command",
    more: "Beyond it, close 3008 or 3502.",
  }),
  pingIntervalMs: milliseconds({
    default: 25_000,
    doc: "Time between pings",
    more: "Less finds dead peers sooner, for a write each. `?cf_ws_frame_ping_pong=true` in the URL asks for Ping frames.",
  }),
  pongTimeoutMs: milliseconds({
    default: 8000,
    doc: "Time to answer a ping",
    more: "Beyond it, close 3012. Less than `pingIntervalMs`.",
  }),
  stallTimeoutMs: milliseconds({
    default: 30_000,
    doc: "Time in which a peer must read some of the bytes waiting for it",
    more: "Beyond it, close 3008.",
  }),
  closeTimeoutMs: milliseconds({
    default: 5000,
    doc: "Time for a peer to answer a Close frame, or to read the end of a stream",
  }),
  drainPerSecond: integer({
    default: 500,
    doc: "Clients per second that are told to reconnect when the server [drains](../howto/operate.md#deploys)",
    more: "More ends sooner, and loads the nodes that they come to.",
  }),
  drainTimeoutMs: milliseconds({
    default: 20_000,
    doc: "Maximum time to drain",
    more: "Beyond it, all clients that are left are told at once, and requests are not waited for.",
  }),
  hookTimeoutMs: milliseconds({
    default: 5000,
    doc: "Time limit for a hook or method of the application",
    more: "Beyond it, error 100; for `authenticate` and `onConnect`, close 3004.",
  }),
  positionCheckIntervalMs: milliseconds({
    default: 10_000,
    doc: "Maximum time between checks of an active channel against the end of its log",
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
        doc: "Number of recent entries kept in memory per active channel",
      }),
      maxBytes: integer({ default: MiB, doc: "Maximum bytes of these entries per channel" }),
      maxTotalBytes: integer({
        default: 256 * MiB,
        doc: "Maximum bytes of these entries in total",
        more: "Beyond it, readers behind read the log.",
      }),
    },
  ),
  maxOpenChannels: integer({
    default: 1_000_000,
    doc: "Maximum active channels",
    more: "Beyond it, error 111. Each takes 1.5 KB.",
  }),
  maxUserPercent: integer({
    default: 2,
    max: 100,
    doc: "Percentage of shared resources that [one user](#what-users-share) may take once half is in use",
    more: "Beyond it, error 111. 100 lifts it.",
  }),
  maxTrackedKeys: integer({
    default: 1_000_000,
    doc: "Maximum keys that clients track in [polled channels](../howto/applications.md#polled-channels), counted per client",
    more: "Beyond it, error 111. Each takes about 250 bytes.",
  }),
  maxPolledBytes: integer({
    default: 256 * MiB,
    min: MiB,
    doc: "Maximum bytes of the values of these keys",
    more: "Beyond it, new keys get error 111, and new values are not taken, which is reported.",
  }),
  maxHeldBytes: integer({
    default: 256 * MiB,
    doc: "Maximum unsent bytes for slow readers, over all connections",
    more: "Beyond it, those that have been slow for longest are disconnected, and recover later.",
  }),
  maxRecorderBytes: integer({
    default: 64 * MiB,
    min: MiB,
    orNull: "to record nothing",
    doc: "Maximum memory of the [flight recorder](../howto/debug.md), which `holdfast why` asks",
    more: "Taken as needed. More reaches further back: about 1.2 KB per connection that opens, subscribes and closes.",
  }),
  deliverySliceMs: integer({
    default: 4,
    doc: "Maximum time of delivery before other work",
    more: "More is a little faster and less even.",
  }),
  shedAboveLagMs: integer({
    default: 1000,
    orNull: "for never",
    doc: "Event loop lag beyond which new and costly work is briefly refused",
    more: "New connections get close 3013, commands error 111, requests 503.",
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
