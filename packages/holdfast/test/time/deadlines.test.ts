import { describe, expect, it } from "vitest";
import { type DeadlineHolder, Deadlines } from "../../src/time/deadlines.js";
import { countTo } from "../channels/support/entries.js";
import { FakeClock } from "../support/fake-clock.js";

class Holder implements DeadlineHolder {
  dueTick = 0;
  readonly metAt: number[] = [];
  onMet: (() => void) | undefined;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  onDeadline(): void {
    this.metAt.push(this.#clock.now());
    this.onMet?.();
  }
}

function start() {
  const clock = new FakeClock(1_000_000);
  const errors: unknown[] = [];
  const deadlines = new Deadlines(clock, (error) => errors.push(error));
  const createHolder = () => new Holder(clock);
  return { clock, deadlines, errors, createHolder };
}

describe("deadline", () => {
  it.each([1, 499, 500, 501, 8000, 25_250])("of %i ms is met once, at the first tick after it", (delayMs) => {
    const { clock, createHolder, deadlines } = start();
    const holder = createHolder();
    clock.advance(123);
    const setAt = clock.now();
    deadlines.set(holder, delayMs);
    clock.advance(60_000);
    expect(holder.metAt).toHaveLength(1);
    const late = (holder.metAt[0] ?? 0) - setAt - delayMs;
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(1000);
  });

  it("that is moved is met at its new time only", () => {
    const { clock, createHolder, deadlines } = start();
    const holder = createHolder();
    deadlines.set(holder, 1000);
    clock.advance(900);
    deadlines.set(holder, 5000);
    expect(deadlines.count).toBe(1);
    clock.advance(4500);
    expect(holder.metAt).toEqual([]);
    clock.advance(2000);
    expect(holder.metAt).toHaveLength(1);
  });

  it("that is cleared is never met", () => {
    const { clock, createHolder, deadlines } = start();
    const holder = createHolder();
    deadlines.set(holder, 1000);
    deadlines.clear(holder);
    deadlines.clear(holder);
    clock.advance(10_000);
    expect(holder.metAt).toEqual([]);
    expect(deadlines.count).toBe(0);
  });

  it("can be set anew when it is met", () => {
    const { clock, createHolder, deadlines } = start();
    const holder = createHolder();
    holder.onMet = () => deadlines.set(holder, 1000);
    deadlines.set(holder, 1000);
    clock.advance(10_000);
    expect(holder.metAt.length).toBeGreaterThanOrEqual(6);
    expect(holder.metAt.length).toBeLessThanOrEqual(10);
    expect(deadlines.count).toBe(1);
  });

  it("is met although the process was busy for long", () => {
    const { clock, createHolder, deadlines } = start();
    const holders = countTo(5).map(createHolder);
    for (const [index, holder] of holders.entries()) deadlines.set(holder, 1000 * (index + 1));
    clock.advance(3_600_000);
    for (const holder of holders) expect(holder.metAt).toHaveLength(1);
    expect(deadlines.count).toBe(0);
  });
});

describe("deadlines of many", () => {
  it("need one timer together, and none when there are none", () => {
    const { clock, createHolder, deadlines } = start();
    expect(deadlines.hasTimer).toBe(false);
    const holders = countTo(100).map(createHolder);
    for (const [index, holder] of holders.entries()) deadlines.set(holder, 100 * index);
    expect(clock.timers).toBe(1);
    expect(deadlines.count).toBe(100);
    for (const holder of holders.slice(0, 50)) deadlines.clear(holder);
    expect(clock.timers).toBe(1);
    clock.advance(20_000);
    expect(deadlines.count).toBe(0);
    expect(deadlines.hasTimer).toBe(false);
    expect(clock.timers).toBe(0);
  });

  it("stop the timer when the last is cleared", () => {
    const { clock, createHolder, deadlines } = start();
    const holder = createHolder();
    deadlines.set(holder, 1000);
    deadlines.clear(holder);
    expect(clock.timers).toBe(0);
    deadlines.set(holder, 1000);
    expect(clock.timers).toBe(1);
    clock.advance(2000);
    expect(holder.metAt).toHaveLength(1);
  });

  it("are met in the order of their ticks", () => {
    const { clock, createHolder, deadlines } = start();
    const order: number[] = [];
    for (const delayMs of [3000, 1000, 2000]) {
      const holder = createHolder();
      holder.onMet = () => order.push(delayMs);
      deadlines.set(holder, delayMs);
    }
    clock.advance(10_000);
    expect(order).toEqual([1000, 2000, 3000]);
  });

  it("of one tick are independent: a deadline that another clears is not met", () => {
    const { clock, createHolder, deadlines } = start();
    const [first, second] = [createHolder(), createHolder()];
    first.onMet = () => deadlines.clear(second);
    deadlines.set(first, 1000);
    deadlines.set(second, 1000);
    clock.advance(5000);
    expect(first.metAt).toHaveLength(1);
    expect(second.metAt).toEqual([]);
    expect(deadlines.count).toBe(0);
  });

  it("of one tick are independent: a deadline that another moves is met later, once", () => {
    const { clock, createHolder, deadlines } = start();
    const [first, second] = [createHolder(), createHolder()];
    first.onMet = () => deadlines.set(second, 3000);
    deadlines.set(first, 1000);
    deadlines.set(second, 1000);
    const due = clock.now() + 4000;
    clock.advance(10_000);
    expect(second.metAt).toHaveLength(1);
    expect(second.metAt[0]).toBeGreaterThanOrEqual(due);
    expect(deadlines.count).toBe(0);
  });

  it("are met though another one throws, which is reported", () => {
    const { clock, createHolder, deadlines, errors } = start();
    const [first, second] = [createHolder(), createHolder()];
    const failure = new Error("oops");
    first.onMet = () => {
      throw failure;
    };
    deadlines.set(first, 1000);
    deadlines.set(second, 1000);
    clock.advance(5000);
    expect(second.metAt).toHaveLength(1);
    expect(errors).toEqual([failure]);
  });
});
