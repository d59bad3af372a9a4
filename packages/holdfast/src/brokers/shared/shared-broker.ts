/** The broker for all processes of one machine on one store. */
import type { Broker, BrokerEvents, BrokerStart } from "../../channels/broker.js";
import { LocalCluster } from "../local-cluster.js";
import { LocalPresence } from "../local-presence.js";
import { SharedStore, type SharedStoreOptions } from "./shared-store.js";

export class SharedBroker implements Broker {
  readonly name = "shared";
  readonly log: SharedStore;
  readonly presence: LocalPresence;
  readonly cluster = new LocalCluster();

  constructor(options: SharedStoreOptions) {
    this.log = new SharedStore(options);
    this.presence = new LocalPresence({ ...options, isSubscribed: () => true });
  }

  async open(events: BrokerEvents, { node }: BrokerStart): Promise<void> {
    await this.log.open(events.log);
    await this.log.bus.open(node.id, { onMessage() {}, onConnect() {}, onDisconnect() {} });
    await this.presence.open(events.presence);
    await this.cluster.open(events.cluster, node);
  }

  async close(): Promise<void> {
    await Promise.all([this.log.close(), this.presence.close(), this.cluster.close()]);
  }
}
