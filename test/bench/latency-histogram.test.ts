import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LatencyHistogram } from "../../bench/support/latency-histogram.js";

function histogramOf(milliseconds: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const each of milliseconds) histogram.record(each);
  return histogram;
}

describe("histogram of latencies", () => {
  it("has no percentiles while it is empty", () => {
    const { p50Ms, mostMs, count } = new LatencyHistogram().summary();
    expect([p50Ms, mostMs, count]).toEqual([Number.NaN, Number.NaN, 0]);
  });

  it("is exact for short latencies", () => {
    const histogram = histogramOf(Array.from({ length: 100 }, (_, i) => (i + 1) / 1000));
    expect(histogram.summary()).toEqual({
      count: 100,
      p50Ms: 0.05,
      p99Ms: 0.099,
      p999Ms: 0.1,
      mostMs: 0.1,
    });
  });

  it("counts a latency as often as it is told", () => {
    const histogram = new LatencyHistogram();
    histogram.record(0.01, 98);
    histogram.record(0.2, 2);
    expect([histogram.count, histogram.percentileMs(98), histogram.percentileMs(99)]).toEqual([
      100, 0.01, 0.2,
    ]);
  });

  it("starts afresh when it is cleared", () => {
    const histogram = histogramOf([5000]);
    histogram.clear();
    histogram.record(0.003);
    expect(histogram.summary()).toMatchObject({ count: 1, p999Ms: 0.003, mostMs: 0.003 });
  });

  it("keeps what is negative or beyond its range at its ends", () => {
    const histogram = histogramOf([-1, 1e12]);
    expect(histogram.percentileMs(50)).toBe(0);
    expect(histogram.percentileMs(100)).toBe((2 ** 31 - 1) / 1000);
  });

  it("is never too low, and too high by less than 1 %", () => {
    const micros = fc.integer({ min: 0, max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(fc.array(micros, { minLength: 1 }), fc.integer({ min: 0, max: 100 }), (values, percent) => {
        const sorted = values.toSorted((a, b) => a - b);
        const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
        const exact = sorted[rank - 1] as number;
        const found = histogramOf(values.map((value) => value / 1000)).percentileMs(percent) * 1000;
        expect(found).toBeGreaterThanOrEqual(exact - 1e-6 * exact);
        expect(found).toBeLessThanOrEqual(exact * 1.01);
      }),
    );
  });
});
