import { describe, expect, it } from "vitest";
import { drainSessions } from "../../src/sessions/drain.js";
import type { Disconnect } from "../../src/wire/codes.js";
import { countTo } from "../channels/support/entries.js";
import { FakeClock } from "../support/fake-clock.js";

/** Runs what waits for a clock's timers. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

function drain(count: number, options: Partial<Parameters<typeof drainSessions>[0]> = {}) {
  const clock = new FakeClock();
  const closes: Disconnect[] = [];
  const open = new Set(
    countTo(count).map(() => ({
      isEnded: false,
      close(reason: Disconnect) {
        closes.push(reason);
        open.delete(this);
      },
    })),
  );
  const done = { is: false };
  const drained = drainSessions({
    sessions: () => open,
    perSecond: 100,
    timeoutMs: 10_000,
    clock,
    random: () => 0.5,
    ...options,
  }).then(() => {
    done.is = true;
  });
  const advance = async (ms: number) => {
    for (let left = ms; left > 0; left -= 50) {
      clock.advance(Math.min(50, left));
      await settle();
    }
  };
  return { closes, done, drained, advance };
}

describe("drain", () => {
  it("tells clients to reconnect, so many per second", async () => {
    const { closes, done, advance } = drain(200);
    await advance(1000);
    expect(closes.length).toBeGreaterThan(90);
    expect(closes.length).toBeLessThanOrEqual(101);
    expect(closes[0]).toEqual({ code: 3001, reason: "shutdown" });
    await advance(1500);
    expect(closes).toHaveLength(200);
    expect(done.is).toBe(true);
  });

  it("is over at once without clients", async () => {
    const { drained } = drain(0);
    await drained;
  });

  it("tells all that are left when its time is over", async () => {
    const { closes, done, advance } = drain(2000, { timeoutMs: 1000 });
    await advance(950);
    expect(closes.length).toBeLessThan(100);
    await advance(100);
    expect(closes).toHaveLength(2000);
    expect(done.is).toBe(true);
  });

  it("tells all that are left when nobody wants to wait", async () => {
    const hurry = { is: false };
    const { closes, advance } = drain(500, { isHurried: () => hurry.is });
    await advance(100);
    expect(closes.length).toBeLessThan(20);
    hurry.is = true;
    await advance(100);
    expect(closes).toHaveLength(500);
  });
});
