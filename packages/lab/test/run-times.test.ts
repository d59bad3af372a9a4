import { describe, expect, it } from "vitest";
import { type LabTransport, maxWarmUpMs } from "../src/report/index.js";
import { ProgressClock, runTimes } from "../src/run-times.js";
import { settings } from "./report/measurement.js";

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

describe("runTimes", () => {
  it("publishes for a whole interval of polls before the window, and waits for longer than that after it", () => {
    for (const intervalMs of [50, 1000, 30_000, 120_000, 600_000]) {
      const { warmUpMs, stallMs, maxDrainMs } = runTimes({ ...settings, intervalMs }, "poll");
      expect(warmUpMs).toBe(Math.min(maxWarmUpMs, Math.max(500, intervalMs)));
      expect(stallMs).toBeGreaterThan(intervalMs + 1000);
      expect(maxDrainMs).toBeGreaterThan(stallMs);
    }
    expect(runTimes({ ...settings, intervalMs: 600_000 }, "sse").warmUpMs).toBe(500);
  });
});
