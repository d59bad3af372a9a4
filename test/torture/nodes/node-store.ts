/** What nodes share: a store, and the servers of it, if it has any of its own. */
import { setTimeout as sleep } from "node:timers/promises";
import type { StoreServer } from "../../support/store-servers.js";
import type { StoreFault } from "./node-plan.js";

export interface NodeStore {
  /** For the nodes: a data folder, or the URL of a broker. */
  readonly data?: string;
  readonly broker?: string;
  /** Ports that nodes may connect to. */
  readonly ports: readonly number[];
  start(): Promise<void>;
  /** Resolves when the fault is over. @throws Error when the store does not come back */
  carryOut(fault: StoreFault): Promise<void>;
  /** No more faults. Resolves when all of it runs. */
  heal(): Promise<void>;
  /** Kills it and starts it again, where it promises to keep everything. */
  restart(): Promise<void>;
  /** How it has broken what it promises, once everything is at rest. */
  findFault?(): Promise<string | undefined>;
  stop(): Promise<void>;
}

/** The nodes' own: a folder on the disk. */
export class FolderStore implements NodeStore {
  readonly ports = [];
  readonly data: string;

  constructor(data: string) {
    this.data = data;
  }

  async start(): Promise<void> {}

  async carryOut({ kind }: StoreFault): Promise<void> {
    throw new Error(`a folder has no ${kind}`);
  }

  async heal(): Promise<void> {}
  async restart(): Promise<void> {}
  async stop(): Promise<void> {}
}

export async function killFor(server: StoreServer, downMs: number): Promise<void> {
  await server.kill();
  await sleep(downMs);
  await server.start();
}

export async function pauseFor(server: StoreServer, ms: number): Promise<void> {
  server.pause();
  await sleep(ms);
  server.resume();
}

/** @throws Error naming what did not come in time */
export async function waitUntil(
  what: string,
  timeoutMs: number,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isSo().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`${what} within ${timeoutMs} ms`);
    await sleep(50);
  }
}
