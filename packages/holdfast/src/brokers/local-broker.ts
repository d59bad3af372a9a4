/** The common part of brokers for a single process: a log, with presence and cluster in memory. */
import type { Broker, BrokerEvents, BrokerStart } from "../channels/broker.js";
import type { Log } from "../channels/log.js";
import { LocalCluster } from "./local-cluster.js";
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
