import { describe, expect, it } from "vitest";
import { draw } from "../../bench/reports/drawings.js";
import type { Measurements } from "../../bench/reports/measurements.js";

const machine = {
  date: "2026-01-02T03:04:05.678Z",
  node: "v20.19.0",
  platform: "linux x64",
  cpu: "Some CPU",
  cores: 2,
};

const latencies = { count: 10, p50Ms: 0.5, p99Ms: 12.3, p999Ms: 20, maxMs: 30 };
const usage = {
  serverCpuMicros: 1e6,
  serverUtilisation: 0.5,
  loadUtilisation: 0.5,
  othersUtilisation: 0,
};

const half = { ...latencies, ...usage, deliveriesPerSecond: 50_000, published: 50, seconds: 1, others: 100 };

/** One or two samples of each benchmark, as its file has them. */
const samples: Readonly<Record<string, readonly object[]>> = {
  publish: ["holdfast", "ws"].map((contender) => ({
    ...latencies,
    ...usage,
    contender,
    shape: "1 publisher on 1 connection, 1 channel",
    publishers: 1,
    connections: 1,
    channels: 1,
    round: 1,
    published: 1000,
    seconds: 1,
    publishesPerSecond: 1000,
    serverCpuMicrosEach: 20,
  })),
  fanout: ["holdfast", "ws"].map((contender) => ({
    ...usage,
    contender,
    shape: "10 channels of 10 subscribers",
    channels: 10,
    subscribers: 100,
    window: 1,
    round: 1,
    published: 100,
    deliveries: 1000,
    seconds: 1,
    deliveriesPerSecond: 1000,
    publishesPerSecond: 100,
    serverCpuMicrosPerDelivery: 10,
    serverCpuMicrosPerMessage: 9,
  })),
  recovery: [1, 2].map((round) => ({
    durability: "process",
    round,
    clients: 10,
    live: 10,
    downMs: 500,
    sinceKill: { first: 600, p50: 700, p99: 800, last: 800 + round },
    gaps: 0,
    duplicates: 0,
    curve: [
      [600, 1],
      [801, 10],
    ],
  })),
  slow: ["holdfast", "socket.io"].map((contender) => ({
    contender,
    round: 1,
    stalled: 100,
    without: half,
    with: half,
    bytesToEachStalled: 1e6,
    memory: [
      { seconds: 0, rssBytes: 1e8 },
      { seconds: 1, rssBytes: 2e8 },
    ],
  })),
  latency: [100, 1000].map((rate) => ({
    ...latencies,
    ...usage,
    contender: "ws",
    round: 1,
    rate,
    subscribers: 100,
    seconds: 1,
    published: 100,
    lateP99Ms: 0.1,
    isSaturated: false,
  })),
};

function drawn(bench: string, isSaturated = false): string | undefined {
  const those = (samples[bench] ?? []).map((sample) => ({ ...sample, ...(isSaturated && { isSaturated }) }));
  const measured = { bench, machine, settings: { rounds: 1, missing: ["nchan"] }, samples: those };
  return draw(measured as Measurements<unknown>);
}

describe("plots", () => {
  it.each(Object.keys(samples))("draws %s without a figure that is none", (bench) => {
    const svg = drawn(bench) ?? "";
    expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 720 /);
    expect(svg).toContain("2026-01-02, 2 cores of Some CPU, Node.js 20.19.0, one round.");
    expect(svg).not.toMatch(/NaN|undefined|Infinity|null/);
  });

  it("says what was not installed", () => {
    expect(drawn("publish")).toContain("not installed");
  });

  it("draws no line for a server that never kept up", () => {
    expect(drawn("latency")?.match(/<polyline/g)).toHaveLength(2);
    expect(drawn("latency", true)).not.toContain("<polyline");
    expect(drawn("latency", true)).not.toMatch(/NaN|Infinity/);
  });

  it("has none of a benchmark that it does not know", () => {
    expect(drawn("idle")).toBeUndefined();
  });
});
