import { describe, expect, it } from "vitest";
import { EventLog } from "../../src/observe/event-log.js";

function collect(log: EventLog<number>): [number, number][] {
  const seen: [number, number][] = [];
  log.forEach((entry, time) => void seen.push([entry, time]));
  return seen;
}

describe("event log", () => {
  it("keeps events in their order, and costs nothing before the first", () => {
    const log = new EventLog<number>(1_000_000);
    expect(log.bytes).toBe(0);
    for (let i = 0; i < 3; i++) log.add(10 + i, i, 100);
    expect(collect(log)).toEqual([
      [0, 10],
      [1, 11],
      [2, 12],
    ]);
    expect(log.droppedUntil).toBeUndefined();
  });

  it("stays within its bytes by dropping the oldest, and says until when", () => {
    const log = new EventLog<number>(1_000_000);
    for (let i = 0; i < 20_000; i++) {
      log.add(i, i, 100);
      expect(log.bytes).toBeLessThanOrEqual(1_000_000);
    }
    const seen = collect(log);
    expect(seen.at(-1)).toEqual([19_999, 19_999]);
    expect(seen.length).toBeGreaterThan(7000);
    expect(log.droppedUntil).toBe((seen[0]?.[0] ?? 0) - 1);
  });

  it("counts segments, so that what several events share is counted in each", () => {
    const log = new EventLog<number>(1_000_000);
    expect(log.segment).toBe(1);
    for (let i = 0; i < 1024; i++) log.add(i, i, 1);
    expect(log.segment).toBe(2);
    log.add(1024, 1024, 1);
    expect(log.segment).toBe(2);
  });
});
