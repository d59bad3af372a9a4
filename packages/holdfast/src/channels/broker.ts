/**
 * The contract of a broker, which keeps a server's channels: a log, a presence store and a cluster under one name, opened and
 * closed together. docs/architecture.md says how to add one.
 * log.ts and cluster.ts have the contracts of the first and the last.
 *
 * A presence store has who is in a channel, as entries with leases, and announcements of joins and leaves. It knows nothing about logs.
 * For every presence store:
 * - Calls for one channel MUST take effect in the order they are made.
 * - An entry MUST expire when its lease ends, whether or not its node is alive: entries of a node that died are gone within the
 *   lease.
 * - A node that died or that the others cannot reach MUST be gone from lists within its lease, and the other nodes MUST announce a leave
 *   of each of its clients, once, to their own readers. Where a node cannot be asked, `list` and `stats` MUST reject with
 *   HF_BROKER_UNAVAILABLE rather than leave it out.
 * - A channel without entries MUST leave nothing behind.
 * - What users can fill is bounded in total and per owner (quota.ts).
 * - An announcement MUST reach every node that has subscribed to the channel in the broker's log, in the order of one node's
 *   calls, unless it is lost. It is not stored.
 */
import type { ClientInfo } from "../wire/messages.js";
import type { Cluster, ClusterEvents, ClusterNode } from "./cluster.js";
import type { Durability, Log, LogEvents } from "./log.js";

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
  /** Where the server logs failures in the background. */
  readonly onError?: (error: unknown, context: { readonly stage: string }) => void;
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

export interface PresenceStats {
  readonly numClients: number;
  /** Distinct user ids; anonymous clients together count as one. */
  readonly numUsers: number;
}

/** What a presence store reports to its node. Calls MUST NOT throw. */
export interface PresenceEvents {
  onJoin(channel: string, info: ClientInfo): void;
  onLeave(channel: string, info: ClientInfo): void;
}

export interface PresenceMove {
  /** Id of the node that it comes from. */
  readonly from: string;
  /** As for an entry that is added; undefined for a client without one. */
  readonly leaseMs: number | undefined;
  readonly owner: string | undefined;
}

export interface PresenceStore {
  /** Called once, before anything else. */
  open(events: PresenceEvents): Promise<void>;
  /** Ends everything; later calls reject with HF_BROKER_CLOSED. */
  close(): Promise<void>;

  /**
   * Adds or renews a client's entry, which expires `leaseMs` after its last renewal.
   * @param owner who is charged, as with a publication
   * @throws HF_BROKER_FULL if there is no room for another entry
   */
  add(channel: string, info: ClientInfo, leaseMs: number, owner?: string): Promise<void>;
  remove(channel: string, client: string): Promise<void>;
  list(channel: string): Promise<readonly ClientInfo[]>;
  stats(channel: string): Promise<PresenceStats>;
  /**
   * A client that another node has had is this node's now; nobody is told of a leave or a join. Stores that only one process uses have
   * no such node.
   */
  move?(channel: string, info: ClientInfo, move: PresenceMove): Promise<void>;
  /** Tells every subscribed node that a client has joined or left. */
  announce(channel: string, kind: "join" | "leave", info: ClientInfo): Promise<void>;
}
