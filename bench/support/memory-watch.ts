/** Samples of a server's memory while something else goes on. */
import type { RunningServer } from "./running-server.js";

export interface MemoryPoint {
  readonly seconds: number;
  readonly rssBytes: number;
  /** What the server itself counts as waiting for its peers; undefined where it does not. */
  readonly unsentBytes: number | undefined;
  readonly connections: number | undefined;
}

const intervalMs = 500;

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
  }, intervalMs);
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
