/**
 * The metrics of a server, as text for `/metrics`. Workers of one port (node:cluster) cannot be asked one by one, so each answers for
 * all: it asks the others by a query of the cluster, and labels what each counts with its process id.
 */
import cluster from "node:cluster";
import { hostname } from "node:os";
import { performance } from "node:perf_hooks";
import type { Cluster, LoadSample, NodeHealth, StoreUse } from "../channels/cluster.js";
import { type Exposed, formatExposition } from "../observe/exposition.js";
import type { Meters, StoreMeter } from "../observe/meters.js";
import type { NodeSizes, ProcessUse } from "../observe/metric.js";
import { type Readings, readMetrics } from "../observe/metrics.js";
import { RecentLoad, sampleIntervalMs, sumsOf } from "../observe/recent-load.js";
import type { Clock } from "../time/clock.js";

export interface NodeMetricsOptions {
  readonly meters: Meters;
  readonly cluster: Pick<Cluster, "id" | "nodes" | "send">;
  readonly clock: Pick<Clock, "elapsed" | "now" | "setTimer">;
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
const lagsPerSample = sampleIntervalMs / lagIntervalMs;

/** The workers of one primary process on one machine. Those of several would be counted by each one's scrape. */
export function workerGroup(): string | undefined {
  return cluster.isWorker ? `${hostname()}:${process.ppid}` : undefined;
}

export class NodeMetrics {
  readonly #options: NodeMetricsOptions;
  readonly #recent = new RecentLoad();
  #lags = 0;
  /** Since the last sample. */
  #longestLagMs = 0;
  #nodes = 1;
  #scraping: Promise<string> | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(options: NodeMetricsOptions) {
    this.#options = options;
  }

  /** Starts measuring the lag of the event loop, and taking samples. */
  start(): void {
    const { clock } = this.#options;
    const dueAt = clock.elapsed() + lagIntervalMs;
    this.#cancelTimer = clock.setTimer((asOf) => {
      this.#lagged(Math.max(0, asOf - dueAt));
      this.start();
    }, lagIntervalMs);
  }

  #lagged(lagMs: number): void {
    const { clock, meters, sizes } = this.#options;
    meters.loopLag.observeMs(lagMs);
    this.#longestLagMs = Math.max(this.#longestLagMs, lagMs);
    this.#lags++;
    if (this.#lags % lagsPerSample > 0) return;
    const { behind } = sizes();
    this.#recent.add({ at: clock.now(), ...sumsOf(meters), behind, loopLagMs: this.#longestLagMs });
    this.#longestLagMs = 0;
  }

  /** What the node did lately. @param after Unix milliseconds */
  load(after: number): readonly LoadSample[] {
    return this.#recent.after(after);
  }

  /** The node's process, broker and store at the moment. @param broker its name */
  health(broker: string): NodeHealth {
    const { meters, sizes } = this.#options;
    const { heldBytes, ringBytes } = sizes();
    const { residentBytes, heapBytes, cpuSeconds } = processUse();
    const { errors, isBrokerReachable, brokerDisconnects, positionRepairs, recovered, notRecovered } = meters;
    const process = { residentBytes, heapBytes, cpuSeconds, heldBytes, ringBytes, errors };
    const store = storeUse(meters.store);
    return {
      ...process,
      ...{ broker, isBrokerReachable, brokerDisconnects, positionRepairs, recovered, notRecovered },
      ...(store && { store }),
    };
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

function storeUse({
  sizes,
  committed: publications,
  commits: { distribution },
}: StoreMeter): StoreUse | undefined {
  if (sizes === undefined) return undefined;
  const commits = distribution.counts.reduce((sum, count) => sum + count, 0);
  return { ...sizes, publications, commits, commitSeconds: distribution.sum };
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
