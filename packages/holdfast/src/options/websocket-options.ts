// Written by `npm run docs` from websocket.ts; changes belong there.

/** Limits of one connection in the engine, without I/O. */
export interface ConnectionOptions {
  /** Largest message, expanded, in bytes. Beyond, close 1009. @default 1 MiB */
  readonly maxMessageBytes?: number;
  /** Largest payload of one data frame. Beyond, close 1009. @default by `maxMessageBytes` */
  readonly maxFrameBytes?: number;
  /** Most frames of one message; empty ones count. Beyond, close 1009. @default 131,072 */
  readonly maxFragments?: number;
  /**
   * Source of masking keys: unpredictable unsigned 32-bit integers (RFC 6455 §10.3).
   * @default secure random
   */
  readonly createMaskingKey?: () => number;
}

/** Limits of a WebSocket on a socket. */
export interface SocketOptions extends ConnectionOptions {
  /**
   * Silence after which a peer is pinged. Shorter finds dead peers sooner, for a write and a read each.
   * `null` for no pings.
   * @default 30 s
   */
  readonly pingIntervalMs?: number | null;
  /** Time for any sign of life after a ping. Beyond, terminated. @default 10 s */
  readonly pongTimeoutMs?: number;
  /**
   * Time for a message from its first byte to its last. Beyond, close 1008. Large messages over slow
   * lines need more. `null` for no bound.
   * @default 60 s
   */
  readonly messageTimeoutMs?: number | null;
  /**
   * Time without a message after which a connection is closed with 1001. `null` for never.
   * @default null
   */
  readonly idleTimeoutMs?: number | null;
  /**
   * Time in which a peer with bytes waiting must take some. Beyond, terminated. `null` for no bound.
   * @default 30 s
   */
  readonly stallTimeoutMs?: number | null;
  /** Time for a peer to answer a Close frame. Beyond, terminated. @default 5 s */
  readonly closeTimeoutMs?: number;
  /**
   * Bytes that may wait for a peer before a message is sent. Beyond, close 1008 and terminated: watch
   * `bufferedAmount` or `onDrain`.
   * @default 16 MiB
   */
  readonly maxUnsentBytes?: number;
  /** Unsent bytes beyond which the peer is not read. `null` to read on. @default 64 KiB; clients `null` */
  readonly holdReadingAboveBytes?: number | null;
  /**
   * Work that a peer may cause a second beside plain messages, in bytes. Beyond, it is read no faster. A
   * control frame or a small fragment counts as 1 KiB, a compressed message as what it expands to. `null`
   * for no bound.
   * @default 16 MiB
   */
  readonly overheadBytesPerSecond?: number | null;
  /** Bytes of such work that may come at once. @default 64 MiB */
  readonly overheadByteBurst?: number;
}

/** Limits of a WebSocketServer as a whole. */
export interface WebSocketServerLimits {
  /** Most connections. Further ones get 503. `null` for no bound. @default 100,000 */
  readonly maxConnections?: number | null;
  /** Most connections that keep compression contexts. Others go without. @default 1,000 */
  readonly maxContexts?: number;
  /** Time for `authorize`, and for a request's head. @default 10 s */
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
  /** From 1 (fast) to 9 (small). @default 3 */
  readonly level?: number;
  /** Memory of a compressor, 1 to 9. @default 8 */
  readonly memLevel?: number;
  /**
   * Whether a message may refer to the ones before it. Small similar messages shrink more, for some 300
   * KiB per connection; broadcasts are compressed for each.
   * @default false
   */
  readonly contextTakeover?: boolean;
  /** Largest window of this side's compressor, 8 to 15. @default 15 */
  readonly maxWindowBits?: number;
  /** Largest window of the peer's compressor, 8 to 15. @default 15 */
  readonly maxPeerWindowBits?: number;
}
