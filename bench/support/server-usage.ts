/** Processor time and memory of a measured server: while something runs, over time, and once it has settled. */

import { setTimeout as sleep } from "node:timers/promises";
import { busyTimes } from "@holdfast/lab/node";
import type { Memory, Stats } from "../servers/answer-asks.js";
import { percent } from "./report.js";
import type { RunningServer } from "./running-server.js";
import type { ServerProcess } from "./server-process.js";

/** Utilisations are fractions of one core. */
export interface Usage {
  readonly serverCpuMicros: number;
  readonly serverUtilisation: number;
  readonly loadUtilisation: number;
  /** Of all other processes on the machine. */
  readonly othersUtilisation: number;
}

/** What other processes may take of a core before the numbers are doubtful. */
const toleratedOthers = 0.15;

/** @param run tells for how long it ran */
export async function measureUsage<T extends { readonly seconds: number }>(
  server: Pick<RunningServer, "ask">,
  run: () => Promise<T>,
): Promise<T & Usage> {
  const serverBefore = await server.ask("usage");
  const busyBefore = busyTimes().busyMs / 1000;
  const loadBefore = process.cpuUsage();
  const result = await run();
  const load = process.cpuUsage(loadBefore);
  const busy = busyTimes().busyMs / 1000 - busyBefore;
  const serverAfter = await server.ask("usage");
  const loadMicros = load.user + load.system;
  const serverCpuMicros = serverAfter.user + serverAfter.system - serverBefore.user - serverBefore.system;
  return {
    ...result,
    serverCpuMicros,
    serverUtilisation: serverCpuMicros / 1e6 / result.seconds,
    loadUtilisation: loadMicros / 1e6 / result.seconds,
    othersUtilisation: Math.max(0, busy - (serverCpuMicros + loadMicros) / 1e6) / result.seconds,
  };
}

/** A sentence for when others took so much that the numbers are doubtful. */
export function noteOnOthers(samples: readonly Pick<Usage, "othersUtilisation">[]): string {
  const most = Math.max(0, ...samples.map(({ othersUtilisation }) => othersUtilisation));
  if (most <= toleratedOthers) return "";
  return `\nThe machine was not quiet: other processes took up to ${percent(most)} of a core.`;
}

export interface MemoryPoint {
  readonly seconds: number;
  readonly rssBytes: number;
  /** What the server itself counts as waiting for its peers; undefined where it does not. */
  readonly unsentBytes: number | undefined;
  readonly connections: number | undefined;
}

const memoryIntervalMs = 500;

/** @returns what `run` resolves with, and a sample every half second from its beginning to its end */
export async function watchMemory<T>(
  server: RunningServer,
  run: () => Promise<T>,
): Promise<readonly [T, readonly MemoryPoint[]]> {
  const points: MemoryPoint[] = [];
  const start = performance.now();
  const sample = async () => {
    const rssBytes = await server.ask("rss");
    const { unsentBytes, connections } = await server.ask("stats");
    points.push({ seconds: (performance.now() - start) / 1000, rssBytes, unsentBytes, connections });
  };
  await sample();
  let pending = Promise.resolve();
  const timer = setInterval(() => {
    pending = pending.then(sample);
  }, memoryIntervalMs);
  try {
    const result = await run();
    clearInterval(timer);
    await pending;
    await sample();
    return [result, points];
  } finally {
    clearInterval(timer);
  }
}

const settleIntervalMs = 1000;
const maxAttempts = 60;
/** Two measurements are alike when they differ by less than this. */
const tolerance = { bytes: 512 * 1024, fraction: 0.005 };

/** Measures until it finds the same three times. @throws Error when that does not come to pass */
export async function settledMemory(server: ServerProcess): Promise<Memory> {
  let last = await server.ask("memory");
  let alike = 1;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    await sleep(settleIntervalMs);
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
  for (let attempt = 0; attempt < maxAttempts && !isEmpty(stats); attempt++) {
    await sleep(settleIntervalMs / 4);
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
