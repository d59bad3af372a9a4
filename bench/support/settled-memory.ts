/** Memory of a measured server once it has come to rest. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Memory, Stats } from "../servers/answer-asks.js";
import type { ServerProcess } from "./server-process.js";

const intervalMs = 1000;
const mostAttempts = 60;
/** Two measurements are alike when they differ by less than this. */
const tolerance = { bytes: 512 * 1024, fraction: 0.005 };

/** Measures until it finds the same three times. @throws Error when that does not come to pass */
export async function settledMemory(server: ServerProcess): Promise<Memory> {
  let last = await server.ask("memory");
  let alike = 1;
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    await sleep(intervalMs);
    const memory = await server.ask("memory");
    alike = isAlike(memory.rss, last.rss) && isAlike(heapOf(memory), heapOf(last)) ? alike + 1 : 1;
    last = memory;
    if (alike === 3) return memory;
  }
  throw new Error(`the server's memory does not settle: ${JSON.stringify(last)}`);
}

/** What JavaScript holds: objects, and buffers outside the heap. */
export function heapOf({ heapUsed, external }: Memory): number {
  return heapUsed + external;
}

/** Waits for the server's tables to become empty. @returns what they hold when it stops waiting, all zero if all is well */
export async function emptiedStats(server: ServerProcess): Promise<Stats> {
  let stats = await server.ask("stats");
  for (let attempt = 0; attempt < mostAttempts && !isEmpty(stats); attempt++) {
    await sleep(intervalMs / 4);
    stats = await server.ask("stats");
  }
  return stats;
}

export function isEmpty(stats: Stats): boolean {
  return Object.values(stats).every((size) => size === 0);
}

function isAlike(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.max(tolerance.bytes, tolerance.fraction * b);
}
