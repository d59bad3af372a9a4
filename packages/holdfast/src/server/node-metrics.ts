/**
 * The metrics of a server, as text for `/metrics`. Workers of one port (node:cluster) cannot be asked one by one, so each answers for
 * all: it asks the others by a query of the cluster, and labels what each counts with its process id.
 */
import cluster from "node:cluster";
import { hostname } from "node:os";
import { performance } from "node:perf_hooks";
import type { Cluster } from "../channels/cluster.js";
import { type Exposed, formatExposition } from "../observe/exposition.js";
import type { Meters } from "../observe/meters.js";
import type { NodeSizes, ProcessUse } from "../observe/metric.js";
import { type Readings, readMetrics } from "../observe/metrics.js";
import type { Clock } from "../time/clock.js";

export interface NodeMetricsOptions {
  readonly meters: Meters;
  readonly cluster: Pick<Cluster, "id" | "nodes" | "send">;
  readonly clock: Pick<Clock, "elapsed" | "setTimer">;
  readonly sizes: () => NodeSizes;
  /** Which processes answer for each other; undefined for one that answers for itself alone. */
  readonly group: string | undefined;
  /** Names this process among them. */
  readonly worker: string;
}

/** What a worker answers others with. */
interface WorkerReadings {
  readonly worker: string;
  readonly readings: Readings;
}

const lagIntervalMs = 500;

/** The workers of one primary process on one machine. Those of several would be counted by each one's scrape. */
export function workerGroup(): string | undefined {
  return cluster.isWorker ? `${hostname()}:${process.ppid}` : undefined;
}

export class NodeMetrics {
  readonly #options: NodeMetricsOptions;
  #nodes = 1;
  #scraping: Promise<string> | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(options: NodeMetricsOptions) {
    this.#options = options;
  }

  /** Starts measuring the lag of the event loop. */
  start(): void {
    const { clock, meters } = this.#options;
    const dueAt = clock.elapsed() + lagIntervalMs;
    this.#cancelTimer = clock.setTimer((asOf) => {
      meters.loopLag.observeMs(Math.max(0, asOf - dueAt));
      this.start();
    }, lagIntervalMs);
  }

  stop(): void {
    this.#cancelTimer?.();
  }

  /** Answers another process. @returns null for one of another group */
  answer(group: string): WorkerReadings | null {
    return group === this.#options.group ? { worker: this.#options.worker, readings: this.#read() } : null;
  }

  /** All metrics, in the exposition format of Prometheus. Those who ask at the same time get the same text. */
  scrape(): Promise<string> {
    this.#scraping ??= this.#scrape().finally(() => {
      this.#scraping = undefined;
    });
    return this.#scraping;
  }

  async #scrape(): Promise<string> {
    const { cluster: nodes, group, worker } = this.#options;
    this.#nodes = await nodes.nodes().then(
      ({ length }) => length,
      // Metrics are needed most when the broker cannot be reached.
      () => this.#nodes,
    );
    const own: Exposed = { worker: group && worker, readings: this.#read() };
    return formatExposition(group === undefined ? [own] : [own, ...(await this.#readOthers(group))]);
  }

  /** A worker that does not answer is left out. */
  async #readOthers(group: string): Promise<readonly Exposed[]> {
    const { cluster: nodes } = this.#options;
    const answer = await nodes.send({ kind: "metrics", group }).catch(() => undefined);
    return [...(answer?.outcomes ?? [])].flatMap(([id, { data }]) => {
      const found = data as WorkerReadings | null | undefined;
      return id === nodes.id || !found ? [] : [found];
    });
  }

  #read(): Readings {
    const { meters, sizes } = this.#options;
    return readMetrics({ meters, sizes: sizes(), use: processUse(), nodes: this.#nodes });
  }
}

function processUse(): ProcessUse {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: rss,
    heapBytes: heapUsed,
    externalBytes: external,
    loopUtilization: performance.eventLoopUtilization().utilization,
  };
}
