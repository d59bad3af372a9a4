/** The common part of brokers for a single process: a log, with presence in memory and a cluster of one node, whose handler is called at once. */
import type { Broker, BrokerEvents, BrokerStart } from "../channels/broker.js";
import type {
  Cluster,
  ClusterAnswer,
  ClusterCommand,
  ClusterEvents,
  ClusterNode,
} from "../channels/cluster.js";
import type { Log } from "../channels/log.js";
import { HoldfastError } from "../errors.js";
import { LocalPresence, type LocalPresenceOptions } from "./local-presence.js";

/** A log that knows which channels its only node is subscribed to. */
export interface LocalLog extends Log {
  isSubscribed(channel: string): boolean;
}

export class LocalBroker<L extends LocalLog> implements Broker {
  readonly name: string;
  readonly log: L;
  readonly presence: LocalPresence;
  readonly cluster = new LocalCluster();
  #closed: Promise<void> | undefined;

  constructor(name: string, log: L, options: Omit<LocalPresenceOptions, "isSubscribed">) {
    this.name = name;
    this.log = log;
    const { clock, ...bounds } = options;
    this.presence = new LocalPresence({
      clock,
      ...bounds,
      isSubscribed: (channel) => log.isSubscribed(channel),
    });
  }

  /** @throws what opening the log throws */
  async open({ log, presence, cluster }: BrokerEvents, start?: BrokerStart): Promise<void> {
    await this.log.open(log);
    if (this.#closed) return;
    await this.presence.open(presence);
    await this.cluster.open(cluster, start?.node);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([this.log.close(), this.presence.close(), this.cluster.close()]);
  }
}

class LocalCluster implements Cluster {
  #node: ClusterNode = Object.freeze({ id: "local", name: "local", version: "", startedAt: 0 });
  #events: ClusterEvents | undefined;

  get id(): string {
    return this.#node.id;
  }

  async open(events: ClusterEvents, node = this.#node): Promise<void> {
    this.#node = node;
    this.#events = events;
  }

  async close(): Promise<void> {
    this.#events = undefined;
  }

  async nodes(): Promise<readonly ClusterNode[]> {
    this.#opened();
    return [this.#node];
  }

  async send(command: ClusterCommand, node = this.id): Promise<ClusterAnswer> {
    const events = this.#opened();
    if (node !== this.id) return { outcomes: new Map(), silent: [node] };
    const outcome = await events.onCommand(command);
    return { outcomes: new Map([[this.id, outcome]]), silent: [] };
  }

  async announceHistoryRemoved(channel: string): Promise<void> {
    this.#opened().onHistoryRemoved(channel);
  }

  #opened(): ClusterEvents {
    if (this.#events === undefined) throw new HoldfastError("HF_BROKER_CLOSED");
    return this.#events;
  }
}
