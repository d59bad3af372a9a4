/**
 * The side of a measured server that talks to the benchmark over IPC: says where it listens, answers what it is asked,
 * and ends with the benchmark. Everything else in the process is the server's own.
 */

export type Stats = Readonly<Record<string, number>>;

/** Processor time of the whole process so far, in microseconds, all threads included. */
export interface CpuTime {
  readonly user: number;
  readonly system: number;
}

/** Bytes, after a collection of garbage where the process runs with `--expose-gc`. */
export interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

export interface Answers {
  readonly usage: CpuTime;
  readonly memory: Memory;
  /** Bytes, with the garbage that has not been collected yet. */
  readonly rss: number;
  readonly stats: Stats;
}

export type Ask = keyof Answers;

export interface MeasuredServer {
  readonly port: number;
  /** Sizes of the tables the server keeps, all zero when nobody is connected. */
  stats(): Stats;
}

export function answerAsks(server: MeasuredServer): void {
  const answer: { [K in Ask]: () => Answers[K] } = {
    // Without a collection of garbage, which would count as the server's work.
    usage: () => process.cpuUsage(),
    memory: measureMemory,
    rss: () => process.memoryUsage.rss(),
    stats: () => server.stats(),
  };
  process.on("message", ({ ask }: { ask: Ask }) => {
    process.send?.({ ask, answer: answer[ask]() });
  });
  process.on("disconnect", () => process.exit());
  // Ctrl-C reaches the whole process group; the benchmark decides when its servers end.
  process.on("SIGINT", () => {});
  process.send?.({ port: server.port });
}

function measureMemory(): Memory {
  // What the first collection finalizes is free after the second.
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external };
}
