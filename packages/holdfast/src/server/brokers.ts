/** The broker of a server, by its options. */
import { createEpoch } from "../brokers/create-epoch.js";
import { LmdbBroker } from "../brokers/lmdb/lmdb-broker.js";
import { MemoryBroker } from "../brokers/memory/memory-broker.js";
import type { Broker } from "../channels/broker.js";
import type { ServerSettings } from "../options/schema.js";
import { systemClock } from "../sockets/system-clock.js";

export { findOpenToOthers } from "../brokers/lmdb/store-folder.js";

export interface BrokerSettings {
  readonly broker: Broker | undefined;
  /** Folder of a store; `null` for memory. */
  readonly data: string | null;
  readonly repairData: boolean;
  readonly store: ServerSettings["store"];
  readonly maxUserPercent: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

export function createBroker(settings: BrokerSettings): Broker {
  const { broker, data, repairData, store, maxUserPercent: userPercent, onError } = settings;
  if (broker) return broker;
  if (data === null) return new MemoryBroker({ clock: systemClock, createEpoch, userPercent });
  return new LmdbBroker({
    ...store,
    folder: data,
    clock: systemClock,
    createEpoch,
    schedule: (run) => void setImmediate(run),
    repair: repairData,
    userPercent,
    onError,
  });
}
