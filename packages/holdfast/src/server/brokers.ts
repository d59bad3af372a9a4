/** The broker of a server, by its options. */
import { createEpoch } from "../brokers/epochs.js";
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

/** Brokers by name. */
const brokers = {
  memory: ({ maxUserPercent: userPercent }: BrokerSettings) =>
    new MemoryBroker({ clock: systemClock, createEpoch, userPercent }),
  lmdb: ({ data, repairData, store, maxUserPercent: userPercent, onError }) =>
    new LmdbBroker({
      ...store,
      folder: data,
      clock: systemClock,
      createEpoch,
      schedule: (run) => void setImmediate(run),
      repair: repairData,
      userPercent,
      onError,
    }),
} satisfies Record<string, (settings: BrokerSettings & { readonly data: string }) => Broker>;

/** The application's broker, or the one in its settings: the store in `data`, or memory. */
export function createBroker(settings: BrokerSettings): Broker {
  const { broker, data } = settings;
  if (broker) return broker;
  return data === null ? brokers.memory(settings) : brokers.lmdb({ ...settings, data });
}
