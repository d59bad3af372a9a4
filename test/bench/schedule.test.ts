import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dueBy, outcomeOf, scheduleOf } from "../../bench/support/schedule.js";

const schedule = scheduleOf({ startMs: 1000, perSecond: 200, seconds: 2, warmUpSeconds: 1 });

describe("schedule of publications", () => {
  it("has as many as the rate says, the warm-up first", () => {
    expect([schedule.count, schedule.warmUpCount]).toEqual([600, 200]);
  });

  it("has the first due at its start and the others evenly after it", () => {
    expect([999, 1000, 1004.9, 1005, 1010, 1e9].map((now) => dueBy(schedule, now))).toEqual([
      0, 1, 1, 2, 3, 600,
    ]);
  });

  it("has a publication due from its time on, at any rate", () => {
    const rate = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(rate, fc.integer({ min: 0, max: 10_000 }), (perSecond, index) => {
        const { timeOf, ...rest } = scheduleOf({ startMs: 0, perSecond, seconds: 1e6, warmUpSeconds: 0 });
        const time = timeOf(index);
        expect(dueBy({ timeOf, ...rest }, time + 1e-6)).toBeGreaterThanOrEqual(index + 1);
        expect(dueBy({ timeOf, ...rest }, time - 1e-6)).toBeLessThanOrEqual(index + 1);
      }),
    );
  });

  it("knows when a server keeps up, has fallen behind, and is hopeless", () => {
    expect([0, 60, 61, 400, 401].map((outstanding) => outcomeOf(schedule, outstanding))).toEqual([
      "kept up",
      "kept up",
      "fell behind",
      "fell behind",
      "hopeless",
    ]);
    const long = scheduleOf({ startMs: 0, perSecond: 200, seconds: 100, warmUpSeconds: 0 });
    expect([outcomeOf(long, 100), outcomeOf(long, 101)]).toEqual(["kept up", "fell behind"]);
  });
});
