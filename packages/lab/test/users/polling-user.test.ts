import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextDueMs } from "../../src/users/polling-user.js";

describe("nextDueMs", () => {
  it("is on the grid, after the last time, not over yet, and not further than it must be", () => {
    const times = fc.integer({ min: 0, max: 10_000 });
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 1000 }), times, (lastMs, intervalMs, nowMs) => {
        const due = nextDueMs(lastMs, intervalMs, nowMs);
        expect((due - lastMs) % intervalMs).toBe(0);
        expect(due).toBeGreaterThan(lastMs);
        expect(due).toBeGreaterThanOrEqual(nowMs);
        expect(due - intervalMs <= lastMs || due - intervalMs < nowMs).toBe(true);
      }),
    );
  });

  it("does not give one time twice where a timer was early", () => {
    expect(nextDueMs(1000, 100, 999.4)).toBe(1100);
  });
});
