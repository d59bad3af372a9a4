/** The broker for all processes of one machine on one store: logs and messages by the store, cluster and presence of several nodes. */
import { NodeBroker, type NodeBrokerOptions } from "../nodes/node-broker.js";
import { SharedStore, type SharedStoreOptions } from "./shared-store.js";

export type SharedBrokerOptions = SharedStoreOptions & Omit<NodeBrokerOptions, "counts">;

export class SharedBroker extends NodeBroker<SharedStore> {
  constructor(options: SharedBrokerOptions) {
    const store = new SharedStore(options);
    super("shared", store, store.bus, { ...options, counts: store.counts });
  }
}
