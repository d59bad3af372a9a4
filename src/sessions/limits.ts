/** Bounds of one session. */

export interface SessionLimits {
  /** Most channels one connection may be subscribed to. @default 128 */
  readonly maxChannels: number;
  /** Commands one connection may send a second; error 111 beyond, then close 3013; `null` for no bound. @default 1,000 */
  readonly commandsPerSecond: number | null;
  /** Commands that may come at once before the rate counts. @default 2,000 */
  readonly commandBurst: number;
  /** Commands of one connection under way at a time; further ones wait, and reading from the peer with them. @default 16 */
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

const leastPresenceLeaseMs = 60_000;

/**
 * How long a presence entry outlives a node that has died, in milliseconds: a minute by default. It is renewed each
 * time a session's keepalive comes round, and lasts for one and a half of the longest rounds.
 */
export function presenceLeaseMs({ pingIntervalMs, pongTimeoutMs, stallTimeoutMs }: SessionTimes): number {
  const longestRoundMs = pongTimeoutMs + Math.max(pingIntervalMs, stallTimeoutMs);
  return Math.max(leastPresenceLeaseMs, 1.5 * longestRoundMs);
}
