/** What lies between one node and the store: a proxy for each port of the store, and the partitions in them. */
import { setTimeout as sleep } from "node:timers/promises";
import { FaultProxy } from "../fault-proxy.js";
import type { LinkFault } from "../plan.js";
import type { Partition } from "./node-plan.js";

export class NodeLinks {
  /** Port of the store → port of the proxy before it. */
  readonly routes: ReadonlyMap<number, number>;
  readonly #proxies: readonly FaultProxy[];

  private constructor(ports: readonly number[], proxies: readonly FaultProxy[]) {
    this.#proxies = proxies;
    this.routes = new Map(ports.map((port, i) => [port, (proxies[i] as FaultProxy).port]));
  }

  static async create(ports: readonly number[]): Promise<NodeLinks> {
    return new NodeLinks(ports, await Promise.all(ports.map((port) => FaultProxy.listen(() => port))));
  }

  /** Resolves when it is over. */
  async partition(partition: Partition, ms: number): Promise<void> {
    if (partition.kind === "delay") await this.#delay(partition.delayMs, ms);
    else {
      for (const proxy of this.#proxies) proxy.applyToAll(toLinkFault(partition.kind, ms));
      await sleep(ms);
    }
    this.heal();
  }

  heal(): void {
    for (const proxy of this.#proxies) proxy.heal();
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
  }

  /** What comes is held again and again. */
  async #delay(delayMs: number, ms: number): Promise<void> {
    const end = Date.now() + ms;
    while (Date.now() < end) {
      for (const proxy of this.#proxies) proxy.applyToAll(toLinkFault("hold", delayMs));
      await sleep(delayMs + 10);
      this.heal();
    }
  }
}

function toLinkFault(kind: Exclude<Partition["kind"], "delay">, ms: number): LinkFault {
  if (kind === "cut") return { kind: "reset" };
  return kind === "swallow" ? { kind: "halfOpen" } : { kind: "stall", direction: "both", ms };
}
