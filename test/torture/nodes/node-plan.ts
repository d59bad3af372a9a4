/** The part of a plan that is about nodes and their store. Each kind of trouble in turn, so that short runs have all of them. */
import { quietChannels } from "../channels.js";
import type { Fault, PlannedFault } from "../plan.js";
import type { Random } from "../random.js";
import { type BrokerName, type BrokerTraits, type StoreFaultKind, traitsOfBroker } from "./brokers.js";

/** What happens to all connections between a node and the store, and to those that open meanwhile. */
export type Partition =
  /** They are reset. */
  | { readonly kind: "cut" }
  /** What is sent arrives when it is over, as after lost packets. */
  | { readonly kind: "hold" }
  /** What is sent vanishes, and the connection with it. */
  | { readonly kind: "swallow" }
  | { readonly kind: "delay"; readonly delayMs: number };

export type NodeFault =
  | { readonly kind: "nodeKill"; readonly node: number; readonly downMs: number }
  /** Its clients are told, and it ends. */
  | { readonly kind: "nodeClose"; readonly node: number; readonly downMs: number }
  | { readonly kind: "nodeSuspend"; readonly node: number; readonly ms: number }
  | { readonly kind: "nodeClock"; readonly node: number; readonly stepMs: number }
  | { readonly kind: "partition"; readonly node: number; readonly ms: number; readonly partition: Partition }
  | StoreFault;

/** What happens to a server of the store. Which one leads is up to the store: `onLeader` picks it when the time comes. */
export type StoreFault =
  | {
      readonly kind: "storeKill";
      readonly server: number;
      readonly onLeader: boolean;
      readonly downMs: number;
    }
  | {
      readonly kind: "storeSuspend";
      readonly server: number;
      readonly onLeader: boolean;
      readonly ms: number;
    }
  /** The replica gets nothing for a time, then the primary is killed, or paused, and comes back later. */
  | {
      readonly kind: "failover";
      readonly behindMs: number;
      readonly isKilled: boolean;
      readonly downMs: number;
    }
  /** The server is cut off from the others of the store, and not from the nodes. */
  | { readonly kind: "isolate"; readonly server: number; readonly onLeader: boolean; readonly ms: number };

export interface NodePlanOptions {
  readonly seconds: number;
  readonly nodes: number;
  readonly broker: BrokerName;
  readonly channels: readonly string[];
  /** Times that a node is ended; one of four is closed, and the others are killed. */
  readonly kills: number;
  readonly troublesPerMinute: number;
  /** Faults of other kinds are left out, and those of these kinds stay as they are. @default all */
  readonly nodeFaults?: readonly NodeFaultKind[];
}

export type NodeFaultKind = NodeFault["kind"];

export const nodeFaultKinds: readonly NodeFaultKind[] = [
  "nodeKill",
  "nodeClose",
  "nodeSuspend",
  "nodeClock",
  "partition",
  "storeKill",
  "storeSuspend",
  "failover",
  "isolate",
];

interface PlannedNodeFault {
  readonly atMs: number;
  readonly fault: NodeFault;
}

/** Into a fault, when something is published in a quiet channel. */
const whisperDelayMs = 300;

/** Right before a node ends, so much is published at once that some of it is under way then. */
const burst = { kind: "burst", count: 150, bytes: 100 } as const;
const maxBurstLeadMs = 100;

/**
 * Nodes and their store fail. While they do, something is published that nothing follows for long, and right before they are killed
 * much at once.
 */
export function createNodePlan(random: Random, options: NodePlanOptions): PlannedFault[] {
  const wanted = options.nodeFaults ?? nodeFaultKinds;
  const ofBursts = random.fork();
  const faults = createNodeFaults(random.fork(), options).filter(({ fault }) => wanted.includes(fault.kind));
  const whispers = faults.map(({ atMs }, i): PlannedFault => {
    const channel = quietChannels[i % quietChannels.length] as string;
    return {
      atMs: Math.min(atMs + whisperDelayMs, options.seconds * 1000),
      fault: { kind: "whisper", channel },
    };
  });
  const kept = options.channels.filter((channel) => /^(process|disk):/.test(channel));
  const kills = faults.filter(({ fault }) => fault.kind === "nodeKill" || fault.kind === "storeKill");
  const bursts = (kept.length > 0 ? kills : []).map(({ atMs }, i): PlannedFault => {
    const channel = kept[i % kept.length] as string;
    const leadMs = ofBursts.integer(0, maxBurstLeadMs);
    return { atMs: Math.max(0, atMs - leadMs), fault: { ...burst, channel } };
  });
  return [...faults, ...whispers, ...bursts].sort((a, b) => a.atMs - b.atMs);
}

function createNodeFaults(random: Random, options: NodePlanOptions): PlannedNodeFault[] {
  const { seconds, nodes, broker, kills } = options;
  const ofEnds = random.fork();
  const ofTroubles = random.fork();
  const wholeMs = seconds * 1000;
  const plan: PlannedNodeFault[] = [];
  for (let i = 0; i < kills; i++) {
    // One in each of as many slices of the time, with room at both ends.
    const atMs = Math.round(wholeMs * (0.05 + (0.9 * (i + ofEnds.next() * 0.8)) / kills));
    const kind = i % 4 === 3 ? "nodeClose" : "nodeKill";
    const downMs = ofEnds.chance(0.5) ? 0 : ofEnds.integer(50, 2000);
    plan.push({ atMs, fault: { kind, node: ofEnds.integer(0, nodes - 1), downMs } });
  }
  const kinds = createTurns(traitsOfBroker(broker));
  const troubles = Math.round((seconds * options.troublesPerMinute) / 60);
  for (let i = 0; i < troubles; i++) {
    const kind = kinds[i % kinds.length] as TroubleKind;
    // Spread over the time, since most of them last.
    const atMs = Math.round((wholeMs * (i + ofTroubles.next())) / troubles);
    plan.push({ atMs, fault: createTrouble(ofTroubles, kind, options) });
  }
  return plan;
}

export function isNodeFault(fault: Fault): fault is NodeFault {
  return (nodeFaultKinds as readonly string[]).includes(fault.kind);
}

type TroubleKind = "nodeSuspend" | "nodeClock" | "partition" | StoreFaultKind;

/** A fault of the store, or a partition from it, every other time. */
function createTurns({ storeFaults, isRemote }: BrokerTraits): TroubleKind[] {
  const ofNodes: TroubleKind[] = ["nodeSuspend", "nodeClock"];
  const ofStore = isRemote ? storeFaults.flatMap((kind): TroubleKind[] => [kind, "partition"]) : [];
  if (ofStore.length === 0) return ofNodes;
  return ofStore.flatMap((kind, i) => (i % 2 === 0 ? [kind] : [kind, ofNodes[(i >> 1) % 2] as TroubleKind]));
}

function createTrouble(random: Random, kind: TroubleKind, options: NodePlanOptions): NodeFault {
  const node = random.integer(0, options.nodes - 1);
  const { storeServers } = traitsOfBroker(options.broker);
  const server = random.integer(0, Math.max(0, storeServers - 1));
  const onLeader = random.chance(0.6);
  // At times for longer than a client may take to answer a ping.
  const pauseMs = random.chance(0.4) ? random.integer(2500, 6000) : random.integer(100, 1500);
  switch (kind) {
    case "nodeSuspend":
      return { kind, node, ms: pauseMs };
    case "nodeClock":
      return { kind, node, stepMs: random.pick([-1, 1]) * random.integer(500, 4000) };
    case "partition":
      return { kind, node, ms: random.integer(300, 5000), partition: createPartition(random) };
    case "storeKill":
      return { kind, server, onLeader, downMs: random.chance(0.4) ? 0 : random.integer(100, 3000) };
    case "storeSuspend":
      return { kind, server, onLeader, ms: pauseMs };
    case "failover":
      return {
        kind,
        // Sentinel promotes no replica that was away for longer than ten times its patience, half a second.
        behindMs: random.integer(100, 2500),
        isKilled: random.chance(0.7),
        downMs: random.integer(2000, 4000),
      };
    case "isolate":
      return { kind, server, onLeader, ms: random.integer(1000, 6000) };
  }
}

function createPartition(random: Random): Partition {
  const kind = random.pick(["cut", "hold", "swallow", "delay"] as const);
  return kind === "delay" ? { kind, delayMs: random.integer(20, 400) } : { kind };
}
