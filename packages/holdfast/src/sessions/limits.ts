/** What bounds one session, of the options of a server, and how long its presence outlives its node. */
import type { LimitSettings } from "../options/limits.js";

export type SessionLimits = Pick<
  LimitSettings,
  | "maxConnectionChannels"
  | "commandsPerSecond"
  | "commandBurst"
  | "publishesPerSecond"
  | "publishBurst"
  | "userPublishesPerSecond"
  | "userPublishBurst"
  | "maxUserConnections"
  | "bytesPerSecond"
  | "byteBurst"
  | "workPerSecond"
  | "workBurst"
  | "maxCommandsInFlight"
  | "maxUnsentBytes"
  | "maxHistoryEntries"
  | "maxHistoryBytes"
  | "maxPresenceBytes"
>;

export type SessionTimes = Pick<
  LimitSettings,
  "connectTimeoutMs" | "pingIntervalMs" | "pongTimeoutMs" | "stallTimeoutMs" | "hookTimeoutMs"
>;

const minPresenceLeaseMs = 60_000;

/**
 * How long a presence entry outlives a node that has died, in milliseconds: a minute by default. It is renewed each
 * time a session's keepalive comes round, and lasts for one and a half of the longest rounds.
 */
export function presenceLeaseMs({ pingIntervalMs, pongTimeoutMs, stallTimeoutMs }: SessionTimes): number {
  const longestRoundMs = pongTimeoutMs + Math.max(pingIntervalMs, stallTimeoutMs);
  return Math.max(minPresenceLeaseMs, 1.5 * longestRoundMs);
}
