/** Options of WebSockets below any server of Holdfast: what `holdfast/websocket` takes. */
import {
  code,
  defaultsOf,
  integer,
  milliseconds,
  pickOptions,
  resolveOptions,
  type SettingsOf,
  toggle,
} from "./option.js";
import type { ConnectionOptions, DeflateOptions, SocketOptions } from "./websocket-options.js";

const KiB = 1024;
const MiB = 1024 * KiB;
const noBound = "for no limit";

/** Of the engine, which knows neither sockets nor time. */
export const connectionEntries = {
  maxMessageBytes: integer({
    default: MiB,
    doc: "Maximum size of a message in bytes, decompressed",
    more: "Beyond it, close 1009.",
  }),
  maxFrameBytes: integer({
    default: undefined,
    shownDefault: "by `maxMessageBytes`",
    doc: "Maximum payload of a data frame in bytes, as sent",
    more: "Beyond it, close 1009.",
  }),
  maxFragments: integer({
    default: 131_072,
    doc: "Maximum frames in a message, including empty ones",
    more: "Beyond it, close 1009.",
  }),
  createMaskingKey: code<(() => number) | undefined>({
    type: "() => number",
    default: undefined,
    shownDefault: "secure random",
    accepts: "a function",
    isValid: (value) => typeof value === "function",
    doc: "Source of masking keys: unpredictable unsigned 32-bit integers",
  }),
} as const;

/** Of WebSockets on sockets. */
export const socketEntries = {
  pingIntervalMs: milliseconds({
    default: 30_000,
    orNull: "for no pings",
    doc: "Idle time after which the peer is pinged",
    more: "Shorter finds dead peers sooner, for a write and a read each.",
  }),
  pongTimeoutMs: milliseconds({
    default: 10_000,
    doc: "Time for any input after a ping",
    more: "Beyond it, terminated.",
  }),
  messageTimeoutMs: milliseconds({
    default: 60_000,
    orNull: noBound,
    doc: "Time to receive a message",
    more: "Beyond it, close 1008. Large messages over slow lines need more.",
  }),
  idleTimeoutMs: milliseconds({
    default: null,
    orNull: "for never",
    doc: "Time without a message after which a connection is closed with 1001",
  }),
  stallTimeoutMs: milliseconds({
    default: 30_000,
    orNull: noBound,
    doc: "Time in which a peer must read some of the bytes waiting for it",
    more: "Beyond it, terminated.",
  }),
  closeTimeoutMs: milliseconds({
    default: 5000,
    doc: "Time for a peer to answer a Close frame",
    more: "Beyond it, terminated.",
  }),
  maxUnsentBytes: integer({
    default: 16 * MiB,
    doc: "Maximum unsent bytes before a message is sent",
    more: "Beyond it, close 1008 and terminated: watch `bufferedAmount` or `onDrain`.",
  }),
  holdReadingAboveBytes: integer({
    default: 64 * KiB,
    orNull: "to keep reading",
    shownDefault: "64 KiB; clients `null`",
    doc: "Unsent bytes beyond which reading from the peer pauses until it has read a write",
  }),
  overheadBytesPerSecond: integer({
    default: 16 * MiB,
    orNull: noBound,
    doc: "Work per second that a peer may cause beside plain messages, in bytes",
    more: "Beyond it, it is read no faster. Control frames and small fragments count as 1 KiB.",
  }),
  overheadByteBurst: integer({
    default: 64 * MiB,
    doc: "Bytes of such work accepted in a burst",
  }),
} as const;

/** Of a `WebSocketServer`, beside its functions. */
export const webSocketServerEntries = {
  maxConnections: integer({
    default: 100_000,
    orNull: noBound,
    doc: "Maximum connections",
    more: "Further ones get 503.",
  }),
  maxContexts: integer({
    default: 1000,
    doc: "Maximum connections that keep compression contexts",
    more: "Others go without.",
  }),
  handshakeTimeoutMs: milliseconds({
    default: 10_000,
    doc: "Time for `authorize`, and to receive a request's headers",
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
  level: integer({ default: 3, max: 9, doc: "zlib compression level, from 1 (fast) to 9 (small)" }),
  memLevel: integer({
    default: 8,
    max: 9,
    doc: "zlib memory level, from 1 to 9",
  }),
  contextTakeover: toggle({
    default: false,
    doc: "Context takeover: whether a message may refer to earlier ones",
    more: "Small similar messages shrink more, for some 300 KiB per connection; broadcasts are compressed for each.",
  }),
  maxWindowBits: integer({
    default: 15,
    min: 8,
    max: 15,
    doc: "Maximum window of this side's compressor, from 8 to 15",
  }),
  maxPeerWindowBits: integer({
    default: 15,
    min: 8,
    max: 15,
    doc: "Maximum window of the peer's compressor, where negotiable, from 8 to 15",
  }),
} as const;

/** Resolved options of a WebSocket on a socket: its limits in time and size, and those of the engine below it. */
export type SocketSettings = SettingsOf<typeof socketEntries> & { readonly connection: ConnectionOptions };

/** Their defaults. */
export const defaultSocketSettings = defaultsOf(socketEntries);

/** Every option of a WebSocket, those of its connection included. */
export const socketOptionNames: readonly string[] = Object.keys({ ...socketEntries, ...connectionEntries });

/**
 * Picks the options of sockets out of larger options, with defaults.
 * @throws HF_OPTION_INVALID naming the option, what is accepted and what came
 */
export function resolveSocketOptions(options: SocketOptions): SocketSettings {
  const connection = pickOptions(connectionEntries, options);
  // Refused now rather than at the first connection.
  resolveOptions(connectionEntries, connection);
  const settings = resolveOptions(socketEntries, pickOptions(socketEntries, options));
  return Object.freeze({ ...settings, connection });
}

/** Resolved options of permessage-deflate. */
export type DeflateSettings = SettingsOf<typeof compressionEntries>;

/** Their defaults. */
export const defaultDeflateSettings: DeflateSettings = defaultsOf(compressionEntries);

/** @throws HF_OPTION_INVALID naming the option, what is accepted and what came */
export function resolveDeflate(options: DeflateOptions = {}): DeflateSettings {
  return resolveOptions(compressionEntries, options, "compression");
}
