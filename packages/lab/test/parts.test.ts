import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ArrivalWatch } from "../src/arrival-watch.js";
import { fillerOf } from "../src/filler.js";
import { LatencyHistogram } from "../src/latency-histogram.js";
import { createData, epochIn, scanMessages } from "../src/payload.js";
import { ProgressClock } from "../src/progress-clock.js";
import { createRandom, exponential } from "../src/random.js";
import { LineSplitter } from "../src/readers/line-splitter.js";
import { type LabTransport, mostWarmUpMs } from "../src/report/index.js";
import { runTimesOf } from "../src/run-times.js";
import { scheduleOf } from "../src/schedule.js";
import { SequenceCheck } from "../src/sequence-check.js";
import { settings } from "./report/measurement.js";

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
});

describe("SequenceCheck", () => {
  it("counts what is missing, what came twice and what came late, as a plain list does", () => {
    const published = 12;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: published })), (arrivals) => {
        const check = new SequenceCheck();
        for (const each of arrivals) check.take(each);
        const distinct = new Set(arrivals);
        const firsts = [...distinct];
        const late = firsts.filter((each, i) => firsts.slice(0, i).some((before) => before > each));
        expect(check.missedOf(published)).toBe(published - distinct.size);
        expect(check.duplicates).toBe(arrivals.length - distinct.size);
        expect(check.outOfOrder).toBe(late.length);
      }),
    );
  });
});

describe("messages", () => {
  it("are as long as is asked for, and found in whatever is around them", () => {
    for (const bytes of [16, 100, 65_536]) {
      const data = createData(6_000_000, bytes);
      expect(Buffer.byteLength(data)).toBe(bytes);
      expect(JSON.parse(data)).toMatch(/^#6000000;[\w-]*$/);
      expect(createData(6_000_000, bytes)).toBe(data);
    }
    const found: number[] = [];
    const list = `{"epoch":"e1","offset":8,"publications":[{"data":${createData(7, 20)},"offset":7},{"data":${createData(8, 20)},"offset":8}]}`;
    expect(scanMessages(list, (sequence) => void found.push(sequence))).toBe(8);
    expect(found).toEqual([7, 8]);
    expect(epochIn(list)).toBe("e1");
    expect(scanMessages("{}", () => {})).toBeUndefined();
    expect(() => scanMessages('{"data":"#x;"}', () => {})).toThrow(/no number/);
  });
});

describe("fillers", () => {
  it.each([20, 100, 4000, 65_536, 300_000])("of %i letters hardly compress, alone or in a row", (length) => {
    const row = [1, 2, 3, 4, 5].map((sequence) => fillerOf(sequence, length));
    expect(row.map((each) => each.length)).toEqual(row.map(() => length));
    const text = row.join("");
    expect(gzipSync(text).length).toBeGreaterThan(text.length * 0.7);
  });
});

describe("scheduleOf", () => {
  it("has messages half a step from either end of the window, and some before it", () => {
    const schedule = scheduleOf({ perSecond: 2, windowStartMs: 1000, durationMs: 3000, warmUpMs: 1000 });
    expect([schedule.count, schedule.warmUpCount]).toEqual([8, 2]);
    expect([1, 3, 8].map(schedule.timeOf)).toEqual([250, 1250, 3750]);
    expect([0, 249, 250, 1249, 1250, 99_999].map(schedule.dueBy)).toEqual([0, 0, 1, 2, 3, 8]);
  });

  it("loses no message of a rate that does not divide evenly", () => {
    for (const perSecond of [0.1, 0.3, 3, 7, 9999]) {
      const { count } = scheduleOf({ perSecond, windowStartMs: 0, durationMs: 10_000, warmUpMs: 0 });
      expect(count).toBe(perSecond * 10);
    }
  });
});

describe("LineSplitter", () => {
  it("finds the same lines however the text is cut", () => {
    const text = "id: 1\ndata: a\n\n:\n\ndata: b\n\nrest";
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 })), (sizes) => {
        const lines: string[] = [];
        const splitter = new LineSplitter("\n\n");
        let at = 0;
        for (const size of sizes) {
          splitter.push(text.slice(at, at + size), (line) => void lines.push(line));
          at += size;
        }
        splitter.push(text.slice(at), (line) => void lines.push(line));
        expect(lines).toEqual(["id: 1\ndata: a", ":", "data: b"]);
      }),
    );
  });

  it("does not take a line without end", () => {
    expect(() => new LineSplitter().push("x".repeat(9 * 1024 * 1024), () => {})).toThrow(/longer than/);
  });
});

describe("random numbers", () => {
  it("are the same for a seed, spread evenly, and have the mean that is asked for", () => {
    const take = (seed: number) => Array.from({ length: 2000 }, createRandom(seed));
    expect(take(7)).toEqual(take(7));
    expect(take(7)).not.toEqual(take(8));
    expect(take(7).every((each) => each >= 0 && each < 1)).toBe(true);
    const random = createRandom(1);
    const sum = Array.from({ length: 20_000 }, () => exponential(random, 50)).reduce((a, b) => a + b);
    expect(sum / 20_000).toBeCloseTo(50, -1);
  });
});

describe("ProgressClock", () => {
  it("goes from nothing to all, and never back", () => {
    let now = 0;
    const clock = new ProgressClock(settings, "poll", () => now);
    const shares = [clock.read().progress];
    for (const phase of ["opening", "settling", "measuring", "draining"] as const) {
      clock.enter(phase);
      for (let i = 0; i < 20; i++) {
        now += 5000;
        shares.push(clock.read().progress);
      }
    }
    expect(shares[0]).toBe(0);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBeGreaterThan(0.99);
    expect(shares.at(-1)).toBeLessThan(1);
  });

  it("knows that slow polls take one interval before the window, and one after it", () => {
    const slow = { ...settings, intervalMs: 60_000, durationMs: 5000 };
    const secondsOf = (transport: LabTransport) =>
      new ProgressClock(slow, transport, () => 0).read().secondsLeft;
    expect(secondsOf("poll")).toBeGreaterThan(125);
    expect(secondsOf("sse")).toBeLessThan(15);
  });
});

describe("runTimesOf", () => {
  it("publishes for a whole interval of polls before the window, and waits for longer than that after it", () => {
    for (const intervalMs of [50, 1000, 30_000, 120_000, 600_000]) {
      const { warmUpMs, stallMs, mostDrainMs } = runTimesOf({ ...settings, intervalMs }, "poll");
      expect(warmUpMs).toBe(Math.min(mostWarmUpMs, Math.max(500, intervalMs)));
      expect(stallMs).toBeGreaterThan(intervalMs + 1000);
      expect(mostDrainMs).toBeGreaterThan(stallMs);
    }
    expect(runTimesOf({ ...settings, intervalMs: 600_000 }, "sse").warmUpMs).toBe(500);
  });
});

describe("ArrivalWatch", () => {
  it("counts only the time from the first user that a message reaches to the last", () => {
    const time = { idle: 0, active: 0 };
    const watch = new ArrivalWatch({ users: 2, read: () => ({ ...time }) });
    expect(watch.utilization()).toBe(0);
    time.idle += 1000;
    watch.take(1);
    time.active += 6;
    watch.take(2);
    time.idle += 2;
    watch.take(1);
    watch.take(2);
    time.idle += 1000;
    expect(watch.utilization()).toBe(0.75);
    watch.take(3);
    time.active += 8;
    // One that has not reached everybody yet counts as far as it has come.
    expect(watch.utilization()).toBe(0.875);
  });

  it("leaves out bursts that are over in a few milliseconds: few users are no load", () => {
    const time = { idle: 0, active: 0 };
    const watch = new ArrivalWatch({ users: 2, read: () => ({ ...time }) });
    for (let sequence = 1; sequence <= 10; sequence++) {
      watch.take(sequence);
      time.active += 2;
      watch.take(sequence);
      time.idle += 1000;
    }
    expect(watch.utilization()).toBe(0);
  });
});
