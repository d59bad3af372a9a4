import { describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../../../packages/holdfast/test/support/fake-clock.js";
import { Pointer } from "../../canvas/model/cursors.js";
import { maxWaiting, Outbox } from "../../canvas/model/outbox.js";
import type { BoardEvent, CursorEvent, PartEvent } from "../../canvas/server/board.js";
import { refusal } from "./fake-board.js";

const part = (stroke: string, n = 0): PartEvent => ({
  ...{ kind: "part", stroke, n, colour: 0, width: 0, points: [n, n, 50] },
});

function createOutbox() {
  const clock = new FakeClock();
  const sent: { at: number; key: string; event: BoardEvent }[] = [];
  const failures: (Error | undefined)[] = [];
  const refused: string[] = [];
  const begin = clock.now();
  const outbox = new Outbox({
    clock: () => clock.now(),
    later: (delayMs, task) => clock.setTimer(task, delayMs),
    publish: async (event, key) => {
      sent.push({ at: clock.now() - begin, key, event });
      const failure = failures.shift();
      if (failure) throw failure;
    },
    onRefused: (event, why) => refused.push(`${event.kind} ${why}`),
    onChange: () => {},
  });
  const pass = async (ms: number) => {
    for (let step = 0; step < ms; step += 10) {
      clock.advance(10);
      await settle();
    }
  };
  const keys = () => sent.map(({ key }) => key);
  return { clock, outbox, sent, failures, refused, pass, keys };
}

describe("an outbox", () => {
  it("sends one message after the other, twenty a second", async () => {
    const { outbox, pass, sent, keys } = createOutbox();
    for (let n = 0; n < 40; n++) outbox.add(part("s", n), `s:${n}`);
    expect(outbox.size).toBe(40);
    await pass(1000);
    expect(sent.length).toBeGreaterThanOrEqual(19);
    expect(sent.length).toBeLessThanOrEqual(21);
    await pass(1100);
    expect(keys()).toEqual(Array.from({ length: 40 }, (_, n) => `s:${n}`));
    expect(outbox.size).toBe(0);
  });

  it("sends again with the same key what had no answer, and in order", async () => {
    const { outbox, pass, failures, keys, refused } = createOutbox();
    const broken = new Error("the connection broke");
    failures.push(broken, undefined, refusal(429, "too fast"), refusal(3501, "unknown"));
    for (const n of [0, 1, 2]) outbox.add(part("s", n), `s:${n}`);
    await pass(3000);
    expect(keys()).toEqual(["s:0", "s:0", "s:1", "s:1", "s:1", "s:2"]);
    expect([outbox.size, refused]).toEqual([0, []]);
  });

  it("gives up what is refused with the rest of its stroke, and goes on with others", async () => {
    const { outbox, pass, failures, keys, refused } = createOutbox();
    failures.push(refusal(103, "permission denied"));
    outbox.add(part("s", 0), "s:0");
    outbox.add(part("s", 1), "s:1");
    outbox.add({ kind: "undo", stroke: "s" }, "undo:s");
    outbox.add(part("t", 0), "t:0");
    outbox.add({ kind: "clear" }, "clear");
    await pass(1000);
    expect(keys()).toEqual(["s:0", "t:0", "clear"]);
    expect([outbox.size, refused]).toEqual([0, ["part permission denied"]]);
  });

  it("lets grow what is not sent yet, and nothing else", async () => {
    const { outbox, pass } = createOutbox();
    const [first, second] = [part("s", 0), part("s", 1)];
    outbox.add(first, "s:0");
    expect(outbox.isOpen(first)).toBe(true);
    outbox.add(second, "s:1");
    expect([outbox.isOpen(first), outbox.isOpen(second)]).toEqual([false, true]);
    await pass(200);
    expect(outbox.isOpen(second)).toBe(false);
  });

  it("lets nothing grow that is under way", async () => {
    const clock = new FakeClock();
    const outbox = new Outbox({
      clock: () => clock.now(),
      later: (delayMs, task) => clock.setTimer(task, delayMs),
      publish: () => new Promise(() => {}),
      ...{ onRefused: () => {}, onChange: () => {} },
    });
    const only = part("s", 0);
    outbox.add(only, "s:0");
    expect(outbox.isOpen(only)).toBe(true);
    clock.advance(0);
    expect([outbox.isOpen(only), outbox.size]).toEqual([false, 1]);
  });

  it("is bounded, and sends nothing more when the visit is over", async () => {
    const { outbox, clock, pass, sent, failures } = createOutbox();
    for (let n = 0; n < maxWaiting; n++) outbox.add(part("s", n), `s:${n}`);
    expect(outbox.isFull).toBe(true);
    failures.push(refusal(103, "no"));
    await pass(10);
    outbox.close();
    const before = sent.length;
    await pass(1000);
    expect([sent.length, clock.timers]).toEqual([before, 0]);
  });
});

describe("a pointer", () => {
  function createPointer() {
    const clock = new FakeClock();
    const told: CursorEvent[] = [];
    const line = { isLive: true, isStuck: false };
    const stuck: (() => void)[] = [];
    const pointer = new Pointer({
      clock: () => clock.now(),
      later: (delayMs, task) => clock.setTimer(task, delayMs),
      isLive: () => line.isLive,
      publish: async (event) => {
        told.push(event);
        if (line.isStuck) await new Promise<void>((resolve) => stuck.push(resolve));
      },
    });
    return { clock, told, line, stuck, pointer };
  }

  it("tells the first place at once, and then the newest, twenty times a second", async () => {
    const { clock, told, pointer } = createPointer();
    for (let x = 0; x < 1000; x++) {
      pointer.tell({ x, y: 0 });
      await settle();
      clock.advance(1);
    }
    await settle();
    clock.advance(50);
    await settle();
    expect(told[0]).toEqual({ x: 0, y: 0 });
    expect(told.at(-1)).toEqual({ x: 999, y: 0 });
    expect(told.length).toBeGreaterThanOrEqual(20);
    expect(told.length).toBeLessThanOrEqual(22);
    clock.advance(1000);
    await settle();
    expect(clock.timers).toBe(0);
  });

  it("keeps nothing for a line that is cut, and one place for one that is slow", async () => {
    const { clock, told, line, stuck, pointer } = createPointer();
    line.isLive = false;
    pointer.tell({ x: 1, y: 1 });
    line.isLive = true;
    clock.advance(1000);
    await settle();
    expect(told).toEqual([]);
    line.isStuck = true;
    for (let x = 2; x < 50; x++) pointer.tell({ x, y: 1 });
    clock.advance(1000);
    await settle();
    expect(told).toEqual([{ x: 2, y: 1 }]);
    line.isStuck = false;
    for (const go of stuck) go();
    await settle();
    clock.advance(0);
    await settle();
    expect(told).toEqual([
      { x: 2, y: 1 },
      { x: 49, y: 1 },
    ]);
    pointer.tell({});
    pointer.close();
    clock.advance(1000);
    await settle();
    expect([told.length, clock.timers]).toEqual([2, 0]);
  });
});
