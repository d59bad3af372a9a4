// Written by `npm run docs` from websocket.ts; changes belong there.

/** Limits of one connection in the engine, without I/O. */
export interface ConnectionOptions {
  /**
   * Largest message, all fragments together, also after it is expanded, in bytes. Beyond, close 1009.
   * @default 1 MiB
   */
  readonly maxMessageBytes?: number;
  /**
   * Largest payload of one data frame, in bytes as they travel. Refused by its header, before any of it
   * is kept; close 1009.
   * @default by `maxMessageBytes`
   */
  readonly maxFrameBytes?: number;
  /** Most frames of one message; empty ones count. Beyond, close 1009. @default 131,072 */
  readonly maxFragments?: number;
  /**
   * Source of a client's masking keys: unpredictable unsigned 32-bit integers (RFC 6455 §10.3).
   * @default secure random
   */
  readonly createMaskingKey?: () => number;
}

/** Limits of a WebSocket on a socket. */
export interface SocketOptions extends ConnectionOptions {
  /**
   * Silence after which a peer is pinged. Shorter finds dead peers sooner, and costs a write and a read
   * each time. `null` for no pings.
   * @default 30 s
   */
  readonly pingIntervalMs?: number | null;
  /** Time for any sign of life after a ping. Beyond, the connection is terminated. @default 10 s */
  readonly pongTimeoutMs?: number;
  /**
   * Time for a message from its first byte to its last. Beyond, close 1008. Stops peers that send a byte
   * now and then; large messages over slow lines need more. `null` for no bound.
   * @default 60 s
   */
  readonly messageTimeoutMs?: number | null;
  /**
   * Time without a message after which a connection is closed with 1001. `null` for never.
   * @default null
   */
  readonly idleTimeoutMs?: number | null;
  /**
   * Time in which a peer with bytes waiting must take some. Beyond, the connection is terminated. `null`
   * for no bound.
   * @default 30 s
   */
  readonly stallTimeoutMs?: number | null;
  /**
   * Time for a peer to answer a Close frame, and for the system to send what is left. Beyond, the
   * connection is terminated.
   * @default 5 s
   */
  readonly closeTimeoutMs?: number;
  /**
   * Bytes that may wait for a peer before a message is sent. Beyond, 1008, and the connection is
   * terminated. It costs this much and one message at most. Watch `bufferedAmount`, or wait for
   * `onDrain`, to stay below.
   * @default 16 MiB
   */
  readonly maxUnsentBytes?: number;
  /**
   * Unsent bytes beyond which nothing more is read from the peer until it has taken a write. So that a
   * peer that does not take its answers cannot ask for more. Pings are answered in any case. `null` to
   * read on.
   * @default 64 KiB; clients `null`
   */
  readonly holdReadingAboveBytes?: number | null;
  /**
   * Work that a peer may cause a second beside plain messages, in bytes. Beyond, it is read no faster. A
   * control frame, and a fragment of fewer than 64 bytes, count as 1 KiB; a compressed message as what it
   * expands to and 1 KiB; after a Close frame, whatever still comes. `null` for no bound.
   * @default 16 MiB
   */
  readonly overheadBytesPerSecond?: number | null;
  /** Bytes of such work that may come at once before that rate applies. @default 64 MiB */
  readonly overheadByteBurst?: number;
}

/** Limits of a WebSocketServer as a whole. */
export interface WebSocketServerLimits {
  /** Most connections. Further ones get 503. `null` for no bound. @default 100,000 */
  readonly maxConnections?: number | null;
  /** Most connections that keep compression contexts. Others go without. @default 1,000 */
  readonly maxContexts?: number;
  /** Time for `authorize`, and for the head of a request where this server listens. @default 10 s */
  readonly handshakeTimeoutMs?: number;
}

/** Limits of a WebSocket, the client. */
export interface WebSocketClientLimits {
  /** Time for the connection to open. @default 10 s */
  readonly handshakeTimeoutMs?: number;
}

/** Options of permessage-deflate (RFC 7692). */
export interface DeflateOptions {
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
  /**
   * Whether a message may refer to the ones before it. Similar small messages shrink much more, but each
   * connection then keeps a compressor and a decompressor (some 300 KiB), and a broadcast is compressed
   * once per connection.
   * @default false
   */
  readonly contextTakeover?: boolean;
  /** Largest window of this side's compressor, as a power of two from 8 to 15. @default 15 */
  readonly maxWindowBits?: number;
  /**
   * Largest window that the peer may use, where it lets us choose, as a power of two from 8 to 15.
   * @default 15
   */
  readonly maxPeerWindowBits?: number;
}
