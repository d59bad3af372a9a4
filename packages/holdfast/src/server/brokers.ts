/** The broker of a server, by its options. */
import { createEpoch } from "../brokers/epochs.js";
import type { Inspection } from "../brokers/inspection.js";
import { LmdbBroker } from "../brokers/lmdb/lmdb-broker.js";
import { MemoryBroker } from "../brokers/memory/memory-broker.js";
import { inspectNats } from "../brokers/nats/inspect-nats.js";
import { createNatsBroker } from "../brokers/nats/nats-broker.js";
import { inspectRedis } from "../brokers/redis/inspect-redis.js";
import { RedisBroker } from "../brokers/redis/redis-broker.js";
import { SharedBroker } from "../brokers/shared/shared-broker.js";
import type { Broker, BrokerNeeds } from "../channels/broker.js";
import type { StoreMeter } from "../observe/meters.js";
import type { brokerSchemes, ServerSettings } from "../options/schema.js";
import { systemClock } from "../sockets/system-clock.js";

export { findOpenToOthers } from "../brokers/lmdb/store-folder.js";
export type { Inspection };

export interface BrokerSettings {
  /** A broker, or its URL. */
  readonly broker: Broker | string | undefined;
  /** Folder of a store; `null` for memory. */
  readonly data: string | null;
  readonly repairData: boolean;
  readonly store: ServerSettings["store"];
  readonly maxUserPercent: number;
  /** Counts what the store in `data` writes. */
  readonly meter: StoreMeter;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

function storeOptionsOf(folder: string, settings: BrokerSettings) {
  const { repairData: repair, store, maxUserPercent: userPercent, meter, onError } = settings;
  const schedule = (run: () => void) => void setImmediate(run);
  return { ...store, folder, clock: systemClock, createEpoch, schedule, repair, userPercent, meter, onError };
}

type BrokerOfUrl = (url: string, settings: BrokerSettings) => Broker;

const redis: BrokerOfUrl = (url, { onError, maxUserPercent: userPercent }) =>
  new RedisBroker(
    { url },
    { clock: systemClock, schedule: (run) => void setImmediate(run), onError, userPercent },
  );

const nats: BrokerOfUrl = (url, { maxUserPercent: userPercent, onError }) =>
  createNatsBroker({ url }, { clock: systemClock, userPercent, onError });

/** Brokers by the scheme of their URL. They import their client library when they are opened. */
const byScheme: Record<(typeof brokerSchemes)[number], BrokerOfUrl> = {
  redis,
  rediss: redis,
  "redis-sentinel": redis,
  "rediss-sentinel": redis,
  "redis-cluster": redis,
  "rediss-cluster": redis,
  nats,
  tls: nats,
  // A store that no other process may use.
  lmdb: (url, settings) => new LmdbBroker(storeOptionsOf(url.slice("lmdb://".length), settings)),
};

/**
 * The application's broker, or the one in its settings: by URL, the store in `data`, or memory.
 * @throws HF_OPTION_INVALID if the URL is invalid
 */
export function createBroker(settings: BrokerSettings): Broker {
  const { broker, data } = settings;
  if (typeof broker === "string")
    return byScheme[broker.slice(0, broker.indexOf(":")) as keyof typeof byScheme](broker, settings);
  if (broker) return broker;
  if (data !== null) return new SharedBroker(storeOptionsOf(data, settings));
  return new MemoryBroker({ clock: systemClock, createEpoch, userPercent: settings.maxUserPercent });
}

/**
 * What is to be said of a broker by its URL; undefined for a store that no other process uses.
 * @param isConnecting false looks at the URL only
 * @throws HF_OPTION_INVALID if the URL is invalid
 */
export async function inspectBroker(
  url: string,
  needs: BrokerNeeds,
  isConnecting: boolean,
): Promise<Inspection | undefined> {
  if (/^rediss?[:-]/.test(url)) return await inspectRedis({ url }, needs, systemClock, isConnecting);
  if (/^(nats|tls):/.test(url)) return await inspectNats({ url }, needs, systemClock, isConnecting);
  return undefined;
}
