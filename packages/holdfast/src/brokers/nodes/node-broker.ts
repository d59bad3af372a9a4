/**
 * The common part of brokers for several nodes: a log and a bus, which the store provides, and on them the cluster and the presence store
 * that are the same for all.
 */
import type { Broker, BrokerEvents, BrokerStart } from "../../channels/broker.js";
import type { ClusterCounts } from "../../channels/cluster.js";
import type { Log } from "../../channels/log.js";
import type { Clock } from "../../time/clock.js";
import type { NodeBus } from "./node-bus.js";
import { NodeCluster } from "./node-cluster.js";
import { NodeMessages, type NodeMessagesOptions } from "./node-messages.js";
import { NodePresence } from "./node-presence.js";
import { NodeRequests } from "./node-requests.js";

/** A log that knows which channels this node is subscribed to: from the call of `subscribe` until that of `unsubscribe`. */
export interface NodeLog extends Log {
  isSubscribed(channel: string): boolean;
  subscribedChannels(): Iterable<string>;
}

export interface NodeBrokerOptions extends NodeMessagesOptions {
  readonly clock: Clock;
  /** Most presence entries of this node's clients. @default 1,000,000 */
  readonly maxEntries?: number;
  /** Percent of `maxEntries` that one user may have once half of it is used. @default 2 */
  readonly userPercent?: number;
  /** How long answers to commands are waited for. @default 3000 */
  readonly commandTimeoutMs?: number;
  /** How long `list` and `stats` of presence wait for the other nodes. @default 2000 */
  readonly queryTimeoutMs?: number;
  /** Most clients of other nodes whose leaves can be announced when their node dies. @default 200,000 */
  readonly maxRemoteClients?: number;
  /** Counts that the store keeps for all nodes. */
  readonly counts?: ClusterCounts;
}

export class NodeBroker<L extends NodeLog = NodeLog> implements Broker {
  readonly name: string;
  readonly log: L;
  readonly presence: NodePresence;
  readonly cluster: NodeCluster;
  readonly #messages: NodeMessages;
  #closed: Promise<void> | undefined;

  /** @param bus opened after the log, and closed before it */
  constructor(name: string, log: L, bus: NodeBus, options: NodeBrokerOptions) {
    this.name = name;
    this.log = log;
    this.#messages = new NodeMessages(bus, options);
    const requests = new NodeRequests(this.#messages, options);
    const isSubscribed = (channel: string) => log.isSubscribed(channel);
    this.presence = new NodePresence(this.#messages, requests, { ...options, isSubscribed });
    const subscribedChannels = () => log.subscribedChannels();
    this.cluster = new NodeCluster(this.#messages, requests, { ...options, subscribedChannels });
  }

  /** Of what it keeps of other nodes, and presence. */
  get sizes(): NodePresence["sizes"] & NodeMessages["sizes"] {
    return { ...this.presence.sizes, ...this.#messages.sizes };
  }

  /** @throws what opening the log or the bus throws; nothing stays open then */
  async open({ log, presence, cluster }: BrokerEvents, { node }: BrokerStart): Promise<void> {
    try {
      await this.log.open(log);
      if (this.#closed) return;
      await this.presence.open(presence);
      await this.cluster.open(cluster, node);
    } catch (error) {
      await this.close().catch(() => {});
      throw error;
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** The log last, since the bus may use its connections. */
  async #close(): Promise<void> {
    const closed = [this.presence.close(), this.cluster.close()];
    try {
      await Promise.all(closed);
    } finally {
      await this.log.close();
    }
  }
}
