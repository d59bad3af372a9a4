import { describe, expect, it } from "vitest";
import { readingFirst } from "../../src/time/clock.js";
import { type DeadlineHolder, Deadlines } from "../../src/time/deadlines.js";
import { FakeClock } from "../support/fake-clock.js";

/** A process whose sockets are read when the test says so, and that can be stopped. */
function start() {
  const machine = new FakeClock(1_000_000);
  const waiting = new Set<() => void>();
  const clock = readingFirst(machine, (run) => {
    waiting.add(run);
    return () => void waiting.delete(run);
  });
  return {
    clock,
    machine,
    /** The sockets are read: what came meanwhile is taken notice of, then timers go on. */
    read(came: () => void = () => {}) {
      came();
      const due = [...waiting];
      waiting.clear();
      for (const run of due) run();
    },
    /** Stops the process. What came due meanwhile comes with the next turn. */
    stop: (ms: number) => machine.stop(ms),
  };
}

describe("timer", () => {
  it("is met only after what lies in the sockets was read", () => {
    const { clock, machine, read } = start();
    const met: number[] = [];
    clock.setTimer((asOf) => met.push(asOf), 1000);
    machine.advance(1000);
    expect(met).toEqual([]);
    read();
    expect(met).toEqual([1_001_000]);
  });

  it("that is late leaves time for a round trip, once", () => {
    const { clock, machine, read, stop } = start();
    const met: number[] = [];
    clock.setTimer((asOf) => met.push(asOf), 1000);
    stop(6000);
    machine.advance(1);
    read();
    machine.advance(400);
    read();
    expect(met).toEqual([]);
    // Late again, but it has waited.
    stop(6000);
    machine.advance(1);
    read();
    expect(met).toEqual([1_006_000]);
  });

  it.each(["before it is due", "while what came is read", "in the time that a late one leaves"])(
    "that is cancelled %s is never met",
    (when) => {
      const { clock, machine, read, stop } = start();
      const met: number[] = [];
      const cancel = clock.setTimer((asOf) => met.push(asOf), 1000);
      if (when === "before it is due") cancel();
      if (when === "in the time that a late one leaves") stop(6000);
      machine.advance(1000);
      read(cancel);
      machine.advance(10_000);
      read();
      expect(met).toEqual([]);
      expect(machine.timers).toBe(0);
    },
  );
});

describe("deadlines of a process that was stopped", () => {
  function createHolder(onMet: () => void): DeadlineHolder {
    return { dueTick: 0, onDeadline: onMet };
  }

  it("are not met where the answer came while it was stopped", () => {
    const { clock, machine, read, stop } = start();
    const deadlines = new Deadlines(clock, () => {});
    const met: string[] = [];
    const [heard, silent] = [createHolder(() => met.push("heard")), createHolder(() => met.push("silent"))];
    deadlines.set(heard, 2000);
    deadlines.set(silent, 2000);
    stop(6000);
    machine.advance(1);
    read(() => deadlines.clear(heard));
    for (let i = 0; i < 10; i++) {
      machine.advance(500);
      read();
    }
    expect(met).toEqual(["silent"]);
  });

  it("that came due while it was stopped between reading and meeting them are met later", () => {
    const { clock, machine, read, stop } = start();
    const deadlines = new Deadlines(clock, () => {});
    const met: string[] = [];
    const first = createHolder(() => met.push("first"));
    const second = createHolder(() => met.push("second"));
    deadlines.set(first, 500);
    deadlines.set(second, 3000);
    machine.advance(500);
    stop(6000);
    read();
    expect(met).toEqual(["first"]);
    machine.advance(1);
    read(() => deadlines.clear(second));
    for (let i = 0; i < 10; i++) {
      machine.advance(500);
      read();
    }
    expect(met).toEqual(["first"]);
  });
});
