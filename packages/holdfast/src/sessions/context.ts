/** What all sessions of a node share: the node's parts, and the options that bound a session. Created by the server. */
import type { Broker } from "../channels/broker.js";
import type { Channels } from "../channels/channels.js";
import type { Delivery } from "../channels/delivery.js";
import type { Log } from "../observe/log.js";
import type { Meters } from "../observe/meters.js";
import type { LimitSettings } from "../options/limits.js";
import type { Clock } from "../time/clock.js";
import type { Deadlines } from "../time/deadlines.js";
import type { TokenBuckets } from "../time/token-bucket.js";
import type { Application } from "./application.js";
import type { DataAccess } from "./data-access.js";
import type { HeldBytes } from "./flow-control.js";
import type { Polls } from "./polls.js";
import type { PresenceLists } from "./presence.js";
import type { Recorder } from "./recorder.js";
import type { Work } from "./work.js";

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

export interface SessionContext {
  readonly broker: Broker;
  readonly channels: Channels;
  readonly delivery: Delivery;
  readonly deadlines: Deadlines;
  readonly held: HeldBytes;
  readonly lists: PresenceLists;
  readonly access: DataAccess;
  readonly clock: Clock;
  readonly application: Application;
  readonly recorder: Recorder;
  readonly limits: SessionLimits;
  readonly times: SessionTimes;
  /** How fast users publish, over all of their connections; undefined for no limit. */
  readonly userPublishes: TokenBuckets | undefined;
  /** Channels whose values this node asks for. */
  readonly polls: Polls;
  /** Schedules the costly work of all clients. */
  readonly work: Work;
  readonly meters: Meters;
  /** @default nothing is logged */
  readonly eventLog?: Log;
  /** Shown to clients in the connect reply. */
  readonly version: string;
  /** An unguessable connection id. */
  readonly createId: () => string;
  /** The key under which an address is counted; empty for one that many clients may share. @default the address */
  readonly addressKey?: (address: string) => string;
  /** From 0 up to 1; spreads first pings. */
  readonly random: () => number;
  /** Gets every failure in the background. */
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

const minPresenceLeaseMs = 60_000;

/**
 * How long a presence entry outlives a node that has died, in milliseconds: a minute by default. It is renewed each
 * time a session's keepalive comes round, and lasts for one and a half of the longest rounds.
 */
export function presenceLeaseMs({ pingIntervalMs, pongTimeoutMs, stallTimeoutMs }: SessionTimes): number {
  const longestRoundMs = pongTimeoutMs + Math.max(pingIntervalMs, stallTimeoutMs);
  return Math.max(minPresenceLeaseMs, 1.5 * longestRoundMs);
}
