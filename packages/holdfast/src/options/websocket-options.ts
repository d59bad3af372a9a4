// Written by `npm run docs` from websocket.ts; changes belong there.

/** Limits of one connection in the engine, without I/O. */
export interface ConnectionOptions {
  /** Maximum size of a message in bytes, decompressed. Beyond it, close 1009. @default 1 MiB */
  readonly maxMessageBytes?: number;
  /**
   * Maximum payload of a data frame in bytes, as sent. Beyond it, close 1009.
   * @default by `maxMessageBytes`
   */
  readonly maxFrameBytes?: number;
  /** Maximum frames in a message, including empty ones. Beyond it, close 1009. @default 131,072 */
  readonly maxFragments?: number;
  /** Source of masking keys: unpredictable unsigned 32-bit integers. @default secure random */
  readonly createMaskingKey?: () => number;
}

/** Limits of a WebSocket on a socket. */
export interface SocketOptions extends ConnectionOptions {
  /**
   * Idle time after which the peer is pinged. Shorter finds dead peers sooner, for a write and a read
   * each. `null` for no pings.
   * @default 30 s
   */
  readonly pingIntervalMs?: number | null;
  /** Time for any input after a ping. Beyond it, terminated. @default 10 s */
  readonly pongTimeoutMs?: number;
  /**
   * Time to receive a message. Beyond it, close 1008. Large messages over slow lines need more. `null`
   * for no limit.
   * @default 60 s
   */
  readonly messageTimeoutMs?: number | null;
  /**
   * Time without a message after which a connection is closed with 1001. `null` for never.
   * @default null
   */
  readonly idleTimeoutMs?: number | null;
  /**
   * Time in which a peer must read some of the bytes waiting for it. Beyond it, terminated. `null` for no
   * limit.
   * @default 30 s
   */
  readonly stallTimeoutMs?: number | null;
  /** Time for a peer to answer a Close frame. Beyond it, terminated. @default 5 s */
  readonly closeTimeoutMs?: number;
  /**
   * Maximum unsent bytes before a message is sent. Beyond it, close 1008 and terminated: watch
   * `bufferedAmount` or `onDrain`.
   * @default 16 MiB
   */
  readonly maxUnsentBytes?: number;
  /**
   * Unsent bytes beyond which reading from the peer pauses until it has read a write. `null` to keep
   * reading.
   * @default 64 KiB; clients `null`
   */
  readonly holdReadingAboveBytes?: number | null;
  /**
   * Work per second that a peer may cause beside plain messages, in bytes. Beyond it, it is read no
   * faster. Control frames and small fragments count as 1 KiB. `null` for no limit.
   * @default 16 MiB
   */
  readonly overheadBytesPerSecond?: number | null;
  /** Bytes of such work accepted in a burst. @default 64 MiB */
  readonly overheadByteBurst?: number;
}

/** Limits of a WebSocketServer as a whole. */
export interface WebSocketServerLimits {
  /** Maximum connections. Further ones get 503. `null` for no limit. @default 100,000 */
  readonly maxConnections?: number | null;
  /** Maximum connections that keep compression contexts. Others go without. @default 1,000 */
  readonly maxContexts?: number;
  /** Time for `authorize`, and to receive a request's headers. @default 10 s */
  readonly handshakeTimeoutMs?: number;
}

/** Limits of a WebSocket, the client. */
export interface WebSocketClientLimits {
  /** Time for the connection to open. @default 10 s */
  readonly handshakeTimeoutMs?: number;
}

/** Options of permessage-deflate (RFC 7692). */
export interface DeflateOptions {
  /** Messages with fewer bytes are sent uncompressed. Small ones hardly shrink. @default 1 KiB */
  readonly thresholdBytes?: number;
  /** zlib compression level, from 1 (fast) to 9 (small). @default 3 */
  readonly level?: number;
  /** zlib memory level, from 1 to 9. @default 8 */
  readonly memLevel?: number;
  /**
   * Context takeover: whether a message may refer to earlier ones. Small similar messages shrink more,
   * for some 300 KiB per connection; broadcasts are compressed for each.
   * @default false
   */
  readonly contextTakeover?: boolean;
  /** Maximum window of this side's compressor, from 8 to 15. @default 15 */
  readonly maxWindowBits?: number;
  /** Maximum window of the peer's compressor, where negotiable, from 8 to 15. @default 15 */
  readonly maxPeerWindowBits?: number;
}
