/** Options of WebSockets below any server of Holdfast: what `holdfast/websocket` takes. */
import { code, integer, milliseconds, toggle } from "./option.js";

const KiB = 1024;
const MiB = 1024 * KiB;
const noBound = "for no bound";

/** Of the engine, which knows neither sockets nor time. */
export const connectionEntries = {
  maxMessageBytes: integer({
    default: MiB,
    doc: "Largest message, expanded, in bytes",
    more: "Beyond, close 1009.",
  }),
  maxFrameBytes: integer({
    default: undefined,
    shownDefault: "by `maxMessageBytes`",
    doc: "Largest payload of one data frame",
    more: "Beyond, close 1009.",
  }),
  maxFragments: integer({
    default: 131_072,
    doc: "Most frames of one message; empty ones count",
    more: "Beyond, close 1009.",
  }),
  createMaskingKey: code<(() => number) | undefined>({
    type: "() => number",
    default: undefined,
    shownDefault: "secure random",
    accepts: "a function",
    isValid: (value) => typeof value === "function",
    doc: "Source of masking keys: unpredictable unsigned 32-bit integers (RFC 6455 §10.3)",
  }),
} as const;

/** Of WebSockets on sockets. */
export const socketEntries = {
  pingIntervalMs: milliseconds({
    default: 30_000,
    orNull: "for no pings",
    doc: "Silence after which a peer is pinged",
    more: "Shorter finds dead peers sooner, for a write and a read each.",
  }),
  pongTimeoutMs: milliseconds({
    default: 10_000,
    doc: "Time for any sign of life after a ping",
    more: "Beyond, terminated.",
  }),
  messageTimeoutMs: milliseconds({
    default: 60_000,
    orNull: noBound,
    doc: "Time for a message from its first byte to its last",
    more: "Beyond, close 1008. Large messages over slow lines need more.",
  }),
  idleTimeoutMs: milliseconds({
    default: null,
    orNull: "for never",
    doc: "Time without a message after which a connection is closed with 1001",
  }),
  stallTimeoutMs: milliseconds({
    default: 30_000,
    orNull: noBound,
    doc: "Time in which a peer with bytes waiting must take some",
    more: "Beyond, terminated.",
  }),
  closeTimeoutMs: milliseconds({
    default: 5000,
    doc: "Time for a peer to answer a Close frame",
    more: "Beyond, terminated.",
  }),
  maxUnsentBytes: integer({
    default: 16 * MiB,
    doc: "Bytes that may wait for a peer before a message is sent",
    more: "Beyond, close 1008 and terminated: watch `bufferedAmount` or `onDrain`.",
  }),
  holdReadingAboveBytes: integer({
    default: 64 * KiB,
    orNull: "to read on",
    shownDefault: "64 KiB; clients `null`",
    doc: "Unsent bytes beyond which the peer is not read",
  }),
  overheadBytesPerSecond: integer({
    default: 16 * MiB,
    orNull: noBound,
    doc: "Work that a peer may cause a second beside plain messages, in bytes",
    more: "Beyond, it is read no faster. A control frame or a small fragment counts as 1 KiB, a compressed message as what it expands to.",
  }),
  overheadByteBurst: integer({
    default: 64 * MiB,
    doc: "Bytes of such work that may come at once",
  }),
} as const;

/** Of a `WebSocketServer`, beside its functions. */
export const webSocketServerEntries = {
  maxConnections: integer({
    default: 100_000,
    orNull: noBound,
    doc: "Most connections",
    more: "Further ones get 503.",
  }),
  maxContexts: integer({
    default: 1000,
    doc: "Most connections that keep compression contexts",
    more: "Others go without.",
  }),
  handshakeTimeoutMs: milliseconds({
    default: 10_000,
    doc: "Time for `authorize`, and for a request's head",
  }),
} as const;

/** Of a `WebSocket`, the client. */
export const webSocketClientEntries = {
  handshakeTimeoutMs: milliseconds({
    default: 10_000,
    doc: "Time for the connection to open",
  }),
} as const;

/** permessage-deflate (RFC 7692). */
export const compressionEntries = {
  thresholdBytes: integer({
    default: 1024,
    min: 0,
    doc: "Messages with fewer bytes are sent uncompressed",
    more: "Small ones hardly shrink.",
  }),
  level: integer({ default: 3, max: 9, doc: "From 1 (fast) to 9 (small)" }),
  memLevel: integer({
    default: 8,
    max: 9,
    doc: "Memory of a compressor, 1 to 9",
  }),
  contextTakeover: toggle({
    default: false,
    doc: "Whether a message may refer to the ones before it",
    more: "Small similar messages shrink more, for some 300 KiB per connection; broadcasts are compressed for each.",
  }),
  maxWindowBits: integer({
    default: 15,
    min: 8,
    max: 15,
    doc: "Largest window of this side's compressor, 8 to 15",
  }),
  maxPeerWindowBits: integer({
    default: 15,
    min: 8,
    max: 15,
    doc: "Largest window of the peer's compressor, 8 to 15",
  }),
} as const;
