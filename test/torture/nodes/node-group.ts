/**
 * Several nodes on one store as what is tortured. A fault that finds its node in another one goes to the next node; where all are, or
 * the store is, it is skipped.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort } from "../../../packages/holdfast/test/support/free-port.js";
import type { Recorder } from "../history.js";
import type { SystemFault } from "../plan.js";
import { ServerProcess, type ServerProcessOptions } from "../server-process.js";
import type { System } from "../system.js";
import { type BrokerName, traitsOfBroker } from "./brokers.js";
import { NatsStore } from "./nats-store.js";
import { NodeLinks } from "./node-links.js";
import { isNodeFault, type NodeFault } from "./node-plan.js";
import { FolderStore, type NodeStore } from "./node-store.js";
import { RedisStore, SentinelStore } from "./redis-store.js";

export interface NodeGroupOptions
  extends Pick<ServerProcessOptions, "apiKey" | "shiftMs" | "mutation" | "onFailure"> {
  readonly count: number;
  readonly broker: BrokerName;
  /** For data of the store. */
  readonly folder: string;
  readonly recorder: Recorder;
}

const startTimeoutMs = 120_000;
const startDelayMs = 200;

type FaultOfNode = Extract<NodeFault, { node: number }>;

export class NodeGroup implements System {
  readonly ports: readonly number[];
  readonly #nodes: readonly ServerProcess[];
  readonly #links: readonly NodeLinks[];
  readonly #store: NodeStore;
  readonly #recorder: Recorder;
  /** Nodes, and the store, that are in a fault. */
  readonly #busy = new Set<number | "store">();
  readonly #counts = new Map<NodeFault["kind"] | "skipped", number>();

  private constructor(
    nodes: readonly ServerProcess[],
    ports: readonly number[],
    links: readonly NodeLinks[],
    store: NodeStore,
    recorder: Recorder,
  ) {
    this.#nodes = nodes;
    this.ports = ports;
    this.#links = links;
    this.#store = store;
    this.#recorder = recorder;
  }

  static async create(options: NodeGroupOptions): Promise<NodeGroup> {
    const { count, broker, folder, recorder, apiKey, shiftMs, mutation } = options;
    const store = await createStore(broker, join(folder, "store"), recorder);
    const ports: number[] = [];
    const links: NodeLinks[] = [];
    const nodes: ServerProcess[] = [];
    for (let i = 0; i < count; i++) {
      const port = await findFreePort();
      const link = await NodeLinks.create(store.ports);
      ports.push(port);
      links.push(link);
      nodes.push(
        new ServerProcess({
          port,
          data: store.data,
          ...(store.broker !== undefined && { broker: store.broker }),
          ...(store.ports.length > 0 && { routes: link.routes }),
          store: traitsOfBroker(broker).store,
          flushLog: undefined,
          apiKey,
          shiftMs,
          mutation,
          ignoredErrors: ["HF_BROKER_UNAVAILABLE"],
          onFailure: (text) => options.onFailure(`node ${i}: ${text}`),
        }),
      );
    }
    return new NodeGroup(nodes, ports, links, store, recorder);
  }

  get numEnds(): number {
    return (this.#counts.get("nodeKill") ?? 0) + (this.#counts.get("nodeClose") ?? 0);
  }

  async start(): Promise<void> {
    await this.#store.start();
    await Promise.all(this.#nodes.map((node) => startPatiently(node)));
  }

  async carryOut(fault: SystemFault): Promise<void> {
    if (!isNodeFault(fault)) throw new Error(`nodes have no ${fault.kind}`);
    const subject = "node" in fault ? this.#findFreeNode(fault.node) : "store";
    if (subject === undefined || this.#busy.has(subject)) {
      this.#count("skipped");
      return;
    }
    this.#count(fault.kind);
    this.#busy.add(subject);
    try {
      if ("node" in fault) await this.#carryOutOnNode(fault, subject as number);
      else await this.#store.carryOut(fault);
    } finally {
      this.#busy.delete(subject);
    }
  }

  /** Faults are over by themselves before that. */
  async heal(): Promise<void> {
    for (const links of this.#links) links.heal();
    await this.#store.heal();
  }

  async restart(): Promise<boolean> {
    await Promise.all(this.#nodes.map((node) => node.kill()));
    await this.#store.restart();
    await Promise.all(this.#nodes.map((node) => startPatiently(node)));
    return true;
  }

  async findStoreFault(): Promise<string | undefined> {
    return await this.#store.findFault?.();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.kill()));
    await Promise.all(this.#links.map((links) => links.close()));
    await this.#store.stop();
  }

  describe(): string[] {
    const count = (kind: NodeFault["kind"]) => this.#counts.get(kind) ?? 0;
    return [
      `nodes: ${count("nodeKill")} kills, ${count("nodeClose")} closed, ${count("nodeSuspend")} pauses, ` +
        `${count("nodeClock")} steps of the clock, ${count("partition")} partitions from the store`,
      `store: ${count("storeKill")} kills, ${count("storeSuspend")} pauses, ${count("failover")} failovers, ` +
        `${count("isolate")} servers cut off from the others`,
      `skipped: ${this.#counts.get("skipped") ?? 0} faults of what was in another fault`,
    ];
  }

  /** That node, or the next. */
  #findFreeNode(first: number): number | undefined {
    const numbers = this.#nodes.map((_, i) => (first + i) % this.#nodes.length);
    return numbers.find((number) => !this.#busy.has(number));
  }

  async #carryOutOnNode(fault: FaultOfNode, number: number): Promise<void> {
    const node = this.#nodes[number] as ServerProcess;
    switch (fault.kind) {
      case "nodeKill":
        await node.kill();
        this.#recorder.end("kill");
        await sleep(fault.downMs);
        await startPatiently(node);
        break;
      case "nodeClose":
        await node.close();
        await sleep(fault.downMs);
        await startPatiently(node);
        break;
      case "nodeSuspend":
        node.suspend(fault.ms);
        await sleep(fault.ms);
        break;
      case "nodeClock":
        node.stepClock(fault.stepMs);
        break;
      case "partition":
        await this.#links[number]?.partition(fault.partition, fault.ms);
    }
  }

  #count(kind: NodeFault["kind"] | "skipped"): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }
}

/** A node that finds its store away or silent when it starts ends, and is started again, as a process manager does it. */
async function startPatiently(node: ServerProcess): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    try {
      await node.start();
      return;
    } catch (error) {
      const isTemporary = /HF_BROKER_UNAVAILABLE|HF_STORE_IN_USE/.test(String(error));
      if (!isTemporary || Date.now() > deadline) throw error;
      await sleep(startDelayMs);
    }
  }
}

async function createStore(broker: BrokerName, folder: string, recorder: Recorder): Promise<NodeStore> {
  switch (broker) {
    case "shared":
      return new FolderStore(folder);
    case "redis":
      return RedisStore.create(folder, recorder, "always");
    case "redis-everysec":
      return RedisStore.create(folder, recorder, "everysec");
    case "redis-sentinel":
      return SentinelStore.create(folder, recorder);
    case "nats":
      return NatsStore.create(folder, recorder, 1);
    case "nats-cluster":
      return NatsStore.create(folder, recorder, 3);
  }
}
