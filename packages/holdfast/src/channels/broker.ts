/**
 * The contract of a broker, which keeps a server's channels: a log, a presence store and a cluster under one name, opened and
 * closed together. To add one: a folder in brokers/, a line in server/brokers.ts, and its name in the configuration.
 */
import type { Cluster, ClusterEvents } from "./cluster.js";
import type { Log, LogEvents } from "./log.js";
import type { PresenceEvents, PresenceStore } from "./presence-store.js";

/** What each part reports to its node. */
export interface BrokerEvents {
  readonly log: LogEvents;
  readonly presence: PresenceEvents;
  readonly cluster: ClusterEvents;
}

export interface Broker {
  readonly name: string;
  readonly log: Log;
  readonly presence: PresenceStore;
  readonly cluster: Cluster;
  /** Opens all three. Called once, before anything else. */
  open(events: BrokerEvents): Promise<void>;
  /** Ends everything; later calls reject with HF_BROKER_CLOSED. */
  close(): Promise<void>;
}
