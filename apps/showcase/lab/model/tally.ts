/** What one browser reader counted, and the measurement that it becomes together with its server's figures. */
import { LatencyHistogram, SequenceCheck } from "@holdfast/lab/load";
import {
  defaultLabSettings,
  type LabMeasurement,
  type LabSettings,
  type LabTransport,
  noTraffic,
} from "@holdfast/lab/report";
import type { BenchMessage, LineUsage } from "../server/protocol.js";

export interface ArrivalPoint {
  /** Unix milliseconds of this browser. */
  readonly at: number;
  readonly latencyMs: number;
}

const maxPoints = 4000;
const maxErrors = 3;

export class Tally {
  requests = 0;
  responses = 0;
  emptyResponses = 0;
  frames = 0;
  deliveries = 0;
  cuts = 0;
  reconnects = 0;
  errors = 0;
  readonly firstErrors: string[] = [];
  readonly check = new SequenceCheck();
  readonly latency = new LatencyHistogram();
  readonly points: ArrivalPoint[] = [];
  readonly #now: () => number;
  /** By so much is the server's clock ahead of this browser's, in milliseconds. */
  readonly #measureClockAheadMs: number;

  constructor(now: () => number, measureClockAheadMs: number) {
    this.#now = now;
    this.#measureClockAheadMs = measureClockAheadMs;
  }

  /** From here on everything counts anew. Nothing has been published before. */
  begin(): void {
    for (const name of [
      "requests",
      "responses",
      "emptyResponses",
      "frames",
      "deliveries",
      "cuts",
      "reconnects",
    ] as const)
      this[name] = 0;
  }

  /** An answer to a read, complete, with so many messages in it. */
  answer(messages: number): void {
    this.responses += 1;
    if (messages === 0) this.emptyResponses += 1;
  }

  take({ n, at }: BenchMessage): void {
    this.deliveries += 1;
    if (this.check.take(n) === "duplicate") return;
    const now = this.#now();
    // Clocks that were compared over a network may be a little off.
    const latencyMs = Math.max(0, now + this.#measureClockAheadMs - at);
    this.latency.record(latencyMs);
    this.points.push({ at: now, latencyMs });
    if (this.points.length > maxPoints) this.points.shift();
  }

  fail(message: string): void {
    this.errors += 1;
    if (this.firstErrors.length < maxErrors) this.firstErrors.push(message);
  }
}

export interface Counted {
  readonly transport: LabTransport;
  readonly tally: Tally;
  readonly use: LineUsage;
  readonly published: number;
  readonly windowMs: number;
  readonly isOpen: boolean;
}

/** Where the browser is the load, nothing is known of how busy it was. */
const unknownLoad = {
  loopUtilization: 0,
  arrivalUtilization: 0,
  corePercent: 0,
  lateP99Ms: 0,
  machineBusy: 0,
};

export function toMeasurement({
  transport,
  tally,
  use,
  published,
  windowMs,
  isOpen,
}: Counted): LabMeasurement {
  const { requests, responses, emptyResponses, frames, deliveries, cuts, reconnects, check } = tally;
  const { bytesUp, bytesDown, connections, userMs, systemMs, cpuMs, rss, rssBefore, heapUsed } = use;
  return {
    transport,
    users: 1,
    opened: isOpen ? 1 : 0,
    windowMs,
    messages: published,
    traffic: {
      ...{ requests, responses, emptyResponses, frames, deliveries, cuts, reconnects },
      ...{ bytesUp, bytesDown, connections },
    },
    opening: { ...noTraffic, ms: 0, serverCpuMs: 0 },
    latency: tally.latency.summary(),
    server: {
      ...{ userMs, systemMs },
      corePercent: windowMs > 0 ? (cpuMs / windowMs) * 100 : 0,
      microsPerDelivery: deliveries > 0 ? (cpuMs * 1000) / deliveries : null,
      loopDelayP99Ms: use.loopDelayP99Ms,
      connections: 1,
    },
    memory: {
      rssBefore,
      rssWithUsers: rss,
      rssPeak: rss,
      heapBefore: heapUsed,
      heapWithUsers: heapUsed,
      heapPeak: heapUsed,
      kibPerUser: Math.max(0, rss - rssBefore) / 1024,
    },
    sequences: {
      published,
      expected: published,
      missed: Math.max(0, check.missedOf(published)),
      duplicates: check.duplicates,
      outOfOrder: check.outOfOrder,
    },
    errors: { count: tally.errors, first: tally.firstErrors },
    load: unknownLoad,
    isLoadBound: false,
  };
}

/** The settings of a run in a browser, by which it is judged. */
export function toSettings(request: Partial<LabSettings> & Pick<LabSettings, "transports">): LabSettings {
  return { ...defaultLabSettings, users: 1, durationMs: 15_000, waitMs: 20_000, ...request };
}
