import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSchedule } from "../../src/load/schedule.js";

describe("createSchedule", () => {
  it("has messages half a step from either end of the window, and some before it", () => {
    const schedule = createSchedule({
      ratePerSecond: 2,
      windowStartMs: 1000,
      durationMs: 3000,
      warmUpMs: 1000,
    });
    expect([schedule.count, schedule.warmUpCount]).toEqual([8, 2]);
    expect([1, 3, 8].map(schedule.timeOf)).toEqual([250, 1250, 3750]);
    expect([0, 249, 250, 1249, 1250, 99_999].map(schedule.dueBy)).toEqual([0, 0, 1, 2, 3, 8]);
  });

  it("loses no message of a rate that does not divide evenly", () => {
    for (const ratePerSecond of [0.1, 0.3, 3, 7, 9999]) {
      const { count } = createSchedule({ ratePerSecond, windowStartMs: 0, durationMs: 10_000, warmUpMs: 0 });
      expect(count).toBe(ratePerSecond * 10);
    }
  });

  it("has a message due from its time on, at any rate", () => {
    const rate = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(rate, fc.integer({ min: 1, max: 10_000 }), (ratePerSecond, sequence) => {
        const { timeOf, dueBy } = createSchedule({
          ratePerSecond,
          windowStartMs: 0,
          durationMs: 1e9,
          warmUpMs: 0,
        });
        const time = timeOf(sequence);
        expect(dueBy(time + 1e-6)).toBeGreaterThanOrEqual(sequence);
        expect(dueBy(time - 1e-6)).toBeLessThanOrEqual(sequence);
      }),
    );
  });
});
