/** The brokers that several nodes are tortured on, each with its store: what that keeps, and what may happen to it. */
import { clusterNats, type StoreProgram } from "../../support/store-servers.js";
import type { Store } from "../channels.js";

export interface BrokerTraits {
  /** What its channels promise. */
  readonly store: Store;
  readonly hasMaps: boolean;
  /** Servers of the store that may fail by themselves. */
  readonly storeServers: number;
  /** What may happen to a server of the store, in turn. */
  readonly storeFaults: readonly StoreFaultKind[];
  /** Whether nodes reach the store over TCP, and so can be partitioned from it. */
  readonly isRemote: boolean;
  /** Programs that must be installed. */
  readonly programs: readonly StoreProgram[];
  readonly help: string;
}

export type StoreFaultKind = "storeKill" | "storeSuspend" | "failover" | "isolate";

export const brokers = {
  shared: {
    store: "disk",
    hasMaps: true,
    storeServers: 0,
    storeFaults: [],
    isRemote: false,
    programs: [],
    help: "one store on disk for all nodes, which one of them owns",
  },
  redis: {
    store: "disk",
    hasMaps: true,
    storeServers: 1,
    storeFaults: ["storeKill", "storeSuspend"],
    isRemote: true,
    programs: ["redis-server"],
    help: "Redis with appendfsync always; killed and paused",
  },
  "redis-everysec": {
    store: "process",
    hasMaps: true,
    storeServers: 1,
    storeFaults: ["storeKill", "storeSuspend"],
    isRemote: true,
    programs: ["redis-server"],
    help: "Redis with appendfsync everysec, which may forget the end of its log when it is killed",
  },
  "redis-sentinel": {
    store: "process",
    hasMaps: true,
    storeServers: 2,
    storeFaults: ["failover", "storeSuspend"],
    isRemote: true,
    programs: ["redis-server", "redis-sentinel"],
    help: "a primary and a replica under Sentinel; the replica falls behind and is promoted",
  },
  nats: {
    store: "process",
    hasMaps: false,
    storeServers: 1,
    storeFaults: ["storeKill", "storeSuspend"],
    isRemote: true,
    programs: ["nats-server"],
    help: "one JetStream server; killed and paused",
  },
  "nats-cluster": {
    store: "process",
    hasMaps: false,
    storeServers: 3,
    storeFaults: ["storeKill", "isolate", "storeSuspend"],
    isRemote: true,
    programs: [clusterNats],
    help: "three JetStream servers with three replicas; killed, paused, cut off from each other",
  },
} as const satisfies Record<string, BrokerTraits>;

export type BrokerName = keyof typeof brokers;
export const brokerNames = Object.keys(brokers) as BrokerName[];

export function traitsOfBroker(name: BrokerName): BrokerTraits {
  return brokers[name];
}
