/**
 * The contract of a broker, which keeps a server's channels: a log, a presence store and a cluster under one name, opened and
 * closed together. To add one: a folder in brokers/, a line in server/brokers.ts, and its name in the configuration.
 */
import type { Cluster, ClusterEvents, ClusterNode } from "./cluster.js";
import type { Durability, Log, LogEvents } from "./log.js";
import type { PresenceEvents, PresenceStore } from "./presence-store.js";

/** What each part reports to its node. */
export interface BrokerEvents {
  readonly log: LogEvents;
  readonly presence: PresenceEvents;
  readonly cluster: ClusterEvents;
}

/** What the channels of an application need of a broker, as far as it is known at the start. */
export interface BrokerNeeds {
  readonly hasMaps: boolean;
  /** The strongest that a channel has. */
  readonly durability: Durability;
}

/** What a node tells its broker when it opens it. */
export interface BrokerStart {
  /** This node. */
  readonly node: ClusterNode;
  readonly needs: BrokerNeeds;
}

export interface Broker {
  readonly name: string;
  readonly log: Log;
  readonly presence: PresenceStore;
  readonly cluster: Cluster;
  /**
   * Opens all three. Called once, before anything else.
   * @throws HF_BROKER_UNSUPPORTED if it cannot keep what is needed, HF_BROKER_UNAVAILABLE if the store cannot be reached
   */
  open(events: BrokerEvents, start: BrokerStart): Promise<void>;
  /** Ends everything; later calls reject with HF_BROKER_CLOSED. */
  close(): Promise<void>;
}
