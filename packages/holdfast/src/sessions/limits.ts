/** Bounds and times of one session, with their defaults. Whoever makes a session says them; options describe them. */

export interface SessionLimits {
  /** Most channels one connection may be subscribed to. @default 128 */
  readonly maxChannels: number;
  /** Commands one connection may send a second; error 111 beyond, then close 3013; `null` for no bound. @default 1,000 */
  readonly commandsPerSecond: number | null;
  /** Commands that may come at once before the rate counts. @default 2,000 */
  readonly commandBurst: number;
  /** Publications one connection may send a second; error 111 beyond, then close 3013; `null` for no bound. @default 500 */
  readonly publishesPerSecond: number | null;
  /** Publications that may come at once before that rate counts. @default 1,000 */
  readonly publishBurst: number;
  /**
   * The same for all connections of a user together; anonymous clients are bound by their connections' rates only. The
   * connection that goes on regardless is closed, and not those beside it. `null` for no bound. @default 1,000
   */
  readonly userPublishesPerSecond: number | null;
  /** @default 2,000 */
  readonly userPublishBurst: number;
  /** Connections of one user; further ones are closed with 3504; `null` for no bound. Anonymous ones do not count. @default 200 */
  readonly maxUserConnections: number | null;
  /**
   * Bytes of messages one connection may send a second, characters where they are text; beyond, its input is read no
   * faster than that. `null` for no bound. @default 1 MiB
   */
  readonly bytesPerSecond: number | null;
  /** Bytes that may come at once before that rate counts. @default 4 MiB */
  readonly byteBurst: number;
  /**
   * Work units that a user may cause a second over all of its connections and requests, an anonymous client over its
   * connection or address: a unit is about 0.1 ms, or 2 KiB of an answer beyond the first KiB; cheap commands cost none.
   * Beyond, the next costly command waits, and requests are answered 429. `null` for no bound. @default 2,000
   */
  readonly workPerSecond: number | null;
  /** Work units that may be spent at once before that rate counts. @default 4,000 */
  readonly workBurst: number;
  /** Commands of one connection in flight at a time; further ones wait, and reading from the peer with them. @default 16 */
  readonly maxCommandsInFlight: number;
  /** Bytes of answers that may wait for a peer that does not read; beyond, nothing more is read from it. @default 256 KiB */
  readonly maxUnsentBytes: number;
  /** Publications in one history reply. @default 300 */
  readonly maxHistoryEntries: number;
  /** Bytes of data and publishers' infos in one history reply; it ends early then. @default 128 KiB */
  readonly maxHistoryBytes: number;
  /** Bytes of infos in one presence reply; a channel with more is refused with error 106. @default 512 KiB */
  readonly maxPresenceBytes: number;
}

export const defaultSessionLimits: SessionLimits = Object.freeze({
  maxChannels: 128,
  commandsPerSecond: 1000,
  commandBurst: 2000,
  publishesPerSecond: 500,
  publishBurst: 1000,
  userPublishesPerSecond: 1000,
  userPublishBurst: 2000,
  maxUserConnections: 200,
  bytesPerSecond: 1024 * 1024,
  byteBurst: 4 * 1024 * 1024,
  workPerSecond: 2000,
  workBurst: 4000,
  maxCommandsInFlight: 16,
  maxUnsentBytes: 256 * 1024,
  maxHistoryEntries: 300,
  maxHistoryBytes: 128 * 1024,
  maxPresenceBytes: 512 * 1024,
});

/** Times of one session, in milliseconds. */
export interface SessionTimes {
  /** For the connect command to come. @default 10 s */
  readonly connectTimeoutMs: number;
  /** Between pings; the first comes after half to a whole interval. @default 25 s */
  readonly pingIntervalMs: number;
  /** For the answer to a ping. @default 8 s */
  readonly pongTimeoutMs: number;
  /** For a peer that reads too slowly to take anything at all. @default 30 s */
  readonly stallTimeoutMs: number;
  /** For an application's hook or method; its command fails beyond. @default 5 s */
  readonly hookTimeoutMs: number;
}

export const defaultSessionTimes: SessionTimes = Object.freeze({
  connectTimeoutMs: 10_000,
  pingIntervalMs: 25_000,
  pongTimeoutMs: 8000,
  stallTimeoutMs: 30_000,
  hookTimeoutMs: 5000,
});

const minPresenceLeaseMs = 60_000;

/**
 * How long a presence entry outlives a node that has died, in milliseconds: a minute by default. It is renewed each
 * time a session's keepalive comes round, and lasts for one and a half of the longest rounds.
 */
export function presenceLeaseMs({ pingIntervalMs, pongTimeoutMs, stallTimeoutMs }: SessionTimes): number {
  const longestRoundMs = pongTimeoutMs + Math.max(pingIntervalMs, stallTimeoutMs);
  return Math.max(minPresenceLeaseMs, 1.5 * longestRoundMs);
}
