import { describe, expect, it } from "vitest";
import { AnnouncementQueue } from "../../../src/brokers/nodes/announcement-queue.js";
import { clientInfo, countTo } from "../../channels/support/entries.js";

const perTurn = 50;

function create(max = 1000) {
  const timers: (() => void)[] = [];
  const setTimer = (callback: (asOf: number) => void) => {
    const run = () => callback(0);
    timers.push(run);
    return () => void timers.splice(timers.indexOf(run), 1);
  };
  const told: number[] = [];
  const queue = new AnnouncementQueue({ setTimer }, max, ({ info }) => void told.push(Number(info.client)));
  const add = (...numbers: readonly number[]) => {
    for (const n of numbers) queue.add({ kind: "leave", channel: "news", info: clientInfo(String(n)) });
  };
  /** @returns how many were told in it */
  const turn = () => {
    const before = told.length;
    for (const run of timers.splice(0)) run();
    return told.length - before;
  };
  return { queue, timers, told, add, turn };
}

describe("announcements", () => {
  it("are told at once while they are few, and need no timer when there are none", () => {
    const { timers, told, add, turn } = create();
    add(1);
    add(2);
    expect(told).toEqual([1, 2]);
    expect(timers.length).toBe(1);
    expect(turn()).toBe(0);
    expect(timers.length).toBe(0);
  });

  it("are told a limited number per turn where many come at once, in their order", () => {
    const { queue, told, add, turn } = create();
    add(...countTo(120));
    expect(told.length).toBe(perTurn);
    expect(turn()).toBe(perTurn);
    add(121);
    expect(turn()).toBe(21);
    add(122);
    expect(told).toEqual(countTo(122));
    expect(queue.size).toBe(0);
  });

  it("do not wait beyond the bound", () => {
    const { queue, told, add } = create(200);
    add(...countTo(1000));
    expect(queue.size).toBeLessThanOrEqual(200);
    expect(told).toEqual(countTo(told.length));
    expect(told.length).toBeGreaterThanOrEqual(800);
  });

  it("are dropped when the node closes", () => {
    const { queue, timers, told, add } = create();
    add(...countTo(60));
    queue.clear();
    expect(timers.length).toBe(0);
    expect([queue.size, told.length]).toEqual([0, perTurn]);
  });
});
