import { describe, expect, it } from "vitest";
import { LoopLag } from "../../src/time/clock.js";
import { FakeClock } from "../support/fake-clock.js";

describe("lag of the event loop", () => {
  it("is none while timers are in time", () => {
    const clock = new FakeClock();
    const lag = new LoopLag(clock);
    expect(lag.lagMs).toBe(0);
    clock.advance(500);
    expect(lag.lagMs).toBe(0);
  });

  it("is how late a timer was, and fades", () => {
    const clock = new FakeClock();
    const lag = new LoopLag(clock);
    expect(lag.lagMs).toBe(0);
    clock.stop(2100);
    clock.advance(0);
    expect(lag.lagMs).toBe(2000);
    clock.advance(1000);
    expect(lag.lagMs).toBeLessThan(5);
  });

  it("is not measured while it is not asked for", () => {
    const clock = new FakeClock();
    const lag = new LoopLag(clock);
    expect(clock.timers).toBe(0);
    for (let i = 0; i < 30; i++) {
      expect(lag.lagMs).toBe(0);
      expect(clock.timers).toBe(1);
      clock.advance(100);
    }
    clock.advance(2000);
    expect(clock.timers).toBe(0);
  });
});
