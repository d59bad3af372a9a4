/** Measurements that were made up, for tests of what is made of them. */
import type {
  LabMeasurement,
  LabResult,
  LabSettings,
  LabTraffic,
  LabTransport,
  LatencySummary,
} from "../../src/report/index.js";
import { defaultLabSettings, noTraffic } from "../../src/report/index.js";

export const settings: LabSettings = {
  ...defaultLabSettings,
  transports: ["poll", "sse", "websocket"],
  users: 100,
  durationMs: 60_000,
  delayMs: 20,
};

export interface Given {
  readonly users?: number;
  readonly opened?: number;
  readonly corePercent?: number;
  /** Of each user in the minute that the window is. */
  readonly bytesPerUser?: number;
  readonly p99Ms?: number | null;
  readonly missed?: number;
  readonly duplicates?: number;
  readonly outOfOrder?: number;
  readonly errors?: number;
  readonly isLoadBound?: boolean;
  readonly machineBusy?: number;
  readonly traffic?: Partial<LabTraffic>;
}

export function measured(transport: LabTransport, given: Given = {}): LabMeasurement {
  const { users = 100, corePercent = 10, bytesPerUser = 50_000, p99Ms = 50, errors = 0 } = given;
  const traffic = { ...noTraffic, bytesDown: bytesPerUser * users, ...given.traffic };
  return {
    transport,
    users,
    opened: given.opened ?? users,
    windowMs: 60_000,
    messages: 60,
    traffic,
    opening: { ...noTraffic, ms: 100, serverCpuMs: 50 },
    latency: latencyOf(p99Ms),
    server: {
      userMs: corePercent * 500,
      systemMs: corePercent * 100,
      corePercent,
      microsPerDelivery: 100,
      loopDelayP99Ms: 1,
      connections: users,
    },
    memory: {
      rssBefore: 7e7,
      rssWithUsers: 8e7,
      rssPeak: 9e7,
      heapBefore: 1e7,
      heapWithUsers: 2e7,
      heapPeak: 3e7,
      kibPerUser: 25,
    },
    sequences: {
      published: 60,
      expected: 60 * users,
      missed: given.missed ?? 0,
      duplicates: given.duplicates ?? 0,
      outOfOrder: given.outOfOrder ?? 0,
    },
    errors: { count: errors, first: errors > 0 ? ["<b>something & more</b>"] : [] },
    load: {
      loopUtilization: 0.2,
      arrivalUtilization: 0.3,
      corePercent: 20,
      lateP99Ms: 2,
      machineBusy: given.machineBusy ?? 0.4,
    },
    isLoadBound: given.isLoadBound ?? false,
  };
}

function latencyOf(p99Ms: number | null): LatencySummary {
  if (p99Ms === null) return { count: 0, p50Ms: null, p90Ms: null, p99Ms: null, maxMs: null, buckets: [] };
  return {
    count: 6000,
    p50Ms: p99Ms / 2,
    p90Ms: p99Ms * 0.9,
    p99Ms,
    maxMs: p99Ms * 1.1,
    buckets: [
      { fromMs: p99Ms / 4, toMs: p99Ms / 2, count: 3000 },
      { fromMs: p99Ms / 2, toMs: p99Ms * 1.1, count: 3000 },
    ],
  };
}

export function resultOf(
  measurements: readonly LabMeasurement[],
  more: Partial<LabSettings> = {},
): LabResult {
  return {
    version: "1.2.3",
    startedAt: "2026-01-01T00:00:00.000Z",
    machine: {
      cpu: "A <fast> one",
      cores: 2,
      memoryBytes: 8 * 2 ** 30,
      node: "v20.0.0",
      platform: "linux x64",
    },
    settings: { ...settings, ...more, transports: measurements.map(({ transport }) => transport) },
    measurements,
  };
}
