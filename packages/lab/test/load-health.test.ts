import { describe, expect, it } from "vitest";
import { ArrivalWatch } from "../src/load-health.js";

describe("ArrivalWatch", () => {
  it("counts only the time from the first user that a message reaches to the last", () => {
    const time = { idle: 0, active: 0 };
    const watch = new ArrivalWatch({ users: 2, read: () => ({ ...time }) });
    expect(watch.utilization()).toBe(0);
    time.idle += 1000;
    watch.recordArrival(1);
    time.active += 6;
    watch.recordArrival(2);
    time.idle += 2;
    watch.recordArrival(1);
    watch.recordArrival(2);
    time.idle += 1000;
    expect(watch.utilization()).toBe(0.75);
    watch.recordArrival(3);
    time.active += 8;
    // One that has not reached everybody yet counts as far as it has come.
    expect(watch.utilization()).toBe(0.875);
  });

  it("leaves out bursts that are over in a few milliseconds: few users are no load", () => {
    const time = { idle: 0, active: 0 };
    const watch = new ArrivalWatch({ users: 2, read: () => ({ ...time }) });
    for (let sequence = 1; sequence <= 10; sequence++) {
      watch.recordArrival(sequence);
      time.active += 2;
      watch.recordArrival(sequence);
      time.idle += 1000;
    }
    expect(watch.utilization()).toBe(0);
  });
});
