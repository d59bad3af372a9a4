import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LatencyHistogram } from "../../src/load/latency-histogram.js";

function histogramOf(milliseconds: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const each of milliseconds) histogram.record(each);
  return histogram;
}

describe("LatencyHistogram", () => {
  it("has percentiles that are never too low, and too high by less than 1 %", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60_000_000 }), { minLength: 1 }), (micros) => {
        const histogram = new LatencyHistogram();
        for (const each of micros) histogram.record(each / 1000);
        const sorted = [...micros].sort((a, b) => a - b);
        for (const percentile of [50, 90, 99, 100]) {
          const exact = (sorted[Math.ceil((percentile / 100) * sorted.length) - 1] as number) / 1000;
          const found = histogram.percentileMs(percentile) as number;
          expect(found).toBeGreaterThanOrEqual(exact);
          expect(found).toBeLessThanOrEqual(exact * 1.01);
        }
      }),
    );
  });

  it("draws buckets that hold all there is, ascending and apart", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e5, noNaN: true })), (all) => {
        const histogram = new LatencyHistogram();
        for (const each of all) histogram.record(each);
        const { buckets, count } = histogram.summary();
        expect(count).toBe(all.length);
        expect(buckets.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(all.length);
        for (const [i, bucket] of buckets.entries())
          expect(bucket.fromMs).toBeGreaterThanOrEqual(buckets[i - 1]?.toMs ?? 0);
      }),
    );
  });

  it("knows nothing of nothing", () => {
    expect(new LatencyHistogram().summary()).toEqual({
      count: 0,
      p50Ms: null,
      p90Ms: null,
      p99Ms: null,
      maxMs: null,
      buckets: [],
    });
  });

  it("is exact for short latencies", () => {
    const histogram = histogramOf(Array.from({ length: 100 }, (_, i) => (i + 1) / 1000));
    expect(histogram.summary()).toMatchObject({ count: 100, p50Ms: 0.05, p99Ms: 0.099, maxMs: 0.1 });
    expect(histogram.percentileMs(99.9)).toBe(0.1);
  });

  it("counts a latency as often as it is told", () => {
    const histogram = new LatencyHistogram();
    histogram.record(0.01, 98);
    histogram.record(0.2, 2);
    expect([histogram.count, histogram.percentileMs(98), histogram.percentileMs(99)]).toEqual([
      100, 0.01, 0.2,
    ]);
  });

  it("keeps what is negative or beyond its range at its ends", () => {
    const histogram = histogramOf([-1, 1e12]);
    expect(histogram.percentileMs(50)).toBe(0);
    expect(histogram.percentileMs(100)).toBe((2 ** 31 - 1) / 1000);
  });

  it("is never too low, and too high by less than 1 %, over its whole range", () => {
    const micros = fc.integer({ min: 0, max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(fc.array(micros, { minLength: 1 }), fc.integer({ min: 0, max: 100 }), (values, percent) => {
        const sorted = values.toSorted((a, b) => a - b);
        const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
        const exact = sorted[rank - 1] as number;
        const found =
          (histogramOf(values.map((value) => value / 1000)).percentileMs(percent) as number) * 1000;
        expect(found).toBeGreaterThanOrEqual(exact - 1e-6 * exact);
        expect(found).toBeLessThanOrEqual(exact * 1.01);
      }),
    );
  });
});
