import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors.js";
import { countTo } from "./support/entries.js";
import { checkIntervalMs, createTestNode, type TestNodeOptions } from "./support/test-node.js";

/** A node with one reader of a channel, whose events wait until a test tells or drops them. */
async function nodeWithReader(options: TestNodeOptions = {}) {
  const node = await createTestNode(options);
  const reader = node.createReader();
  await node.follow(reader, "news");
  node.broker.holdsEvents = true;
  const loseEvents = (): void => {
    node.broker.events.length = 0;
  };
  /** Lets time pass, and everything happen that comes due. */
  const wait = async (ms: number): Promise<void> => {
    node.clock.advance(ms);
    await node.scheduler.runAll();
  };
  return { ...node, reader, loseEvents, wait };
}

describe("position check", () => {
  it("repairs a quiet channel within the interval after its last event was lost", async () => {
    const { checks, loseEvents, publish, reader, wait } = await nodeWithReader();
    checks.start();
    await publish("news", 3);
    loseEvents();
    await wait(checkIntervalMs);
    expect(reader.offsets()).toEqual([1, 2, 3]);
    expect(reader.lost).toEqual([]);
  });

  it("repeats at most an interval apart, jittered between nodes", async () => {
    const { broker, checks, wait } = await nodeWithReader({ random: () => 0.5 });
    checks.start();
    await wait(0.9 * checkIntervalMs - 1);
    expect(broker.count("heads")).toBe(0);
    await wait(1);
    for (const n of countTo(5)) {
      expect(broker.count("heads")).toBe(n);
      await wait(checkIntervalMs);
    }
  });

  it("reads nothing when the node is up to date", async () => {
    const { broker, checks, publish, scheduler } = await nodeWithReader();
    broker.releaseEvents();
    await publish("news", 3);
    await checks.checkNow();
    await scheduler.runAll();
    expect(broker.calls.slice(-1)).toEqual(["heads news"]);
    expect(broker.count("history")).toBe(0);
  });

  it("waits for events in flight on an active channel, and reads those that do not arrive", async () => {
    const { broker, checks, loseEvents, publish, reader, scheduler, wait } = await nodeWithReader();
    await publish("news", 2);
    broker.hold("heads");
    const checked = checks.checkNow();
    await scheduler.runAll();
    broker.events.shift()?.();
    broker.release("heads");
    await checked;
    await scheduler.runAll();
    expect(broker.count("history")).toBe(0);
    loseEvents();
    await wait(200);
    expect(broker.count("history")).toBe(1);
    expect(reader.offsets()).toEqual([1, 2]);
  });

  it("queries a thousand channels at a time, only those with readers", async () => {
    const { broker, channels, checks, createReader, follow, scheduler } = await createTestNode();
    const reader = createReader();
    for (const n of countTo(2500)) await follow(reader, `channel-${n}`);
    const unread = await channels.acquire("unread");
    const checked = checks.checkNow();
    await scheduler.runAll();
    await checked;
    const asked = broker.calls
      .filter((call) => call.startsWith("heads "))
      .map((call) => call.split(" ").slice(1));
    expect(asked.map(({ length }) => length)).toEqual([1000, 1000, 500]);
    expect(new Set(asked.flat()).size).toBe(2500);
    expect(asked.flat()).not.toContain("unread");
    channels.release(unread);
  });

  it("queries nothing without readers", async () => {
    const { broker, checks } = await createTestNode();
    await checks.checkNow();
    expect(broker.count("heads")).toBe(0);
  });

  it("tells readers of a restarted log, and follows the new epoch", async () => {
    const { channels, checks, createReader, follow, loseEvents, publish, reader, scheduler, startLogAfresh } =
      await nodeWithReader();
    const keep = await channels.acquire("news");
    await publish("news", 3);
    loseEvents();
    await startLogAfresh("news");
    await checks.checkNow();
    await scheduler.runAll();
    expect(reader.lost).toHaveLength(1);
    expect(keep.position).toEqual({ epoch: "epoch-1-1", offset: 0 });
    const next = createReader();
    await follow(next, "news");
    await publish("news", 1);
    loseEvents();
    await checks.checkNow();
    await scheduler.runAll();
    expect(next.offsets()).toEqual([1]);
  });

  it("tells readers of a log that lost publications they were shown", async () => {
    const { broker, checks, publish, reader, scheduler } = await nodeWithReader();
    broker.releaseEvents();
    await publish("news", 3);
    await scheduler.runAll();
    const { heads } = broker.log;
    broker.log.heads = async (names) => {
      const found = await heads(names);
      return new Map([...found].map(([name, { epoch }]) => [name, { epoch, offset: 2 }]));
    };
    await checks.checkNow();
    await scheduler.runAll();
    expect(reader.offsets()).toEqual([1, 2, 3]);
    expect(reader.lost).toHaveLength(1);
  });

  it("tolerates publications made while it queries", async () => {
    const { broker, checks, publish, reader, scheduler } = await nodeWithReader();
    broker.releaseEvents();
    broker.hold("heads");
    const checked = checks.checkNow();
    await scheduler.runAll();
    await publish("news", 5);
    broker.release("heads");
    await checked;
    await scheduler.runAll();
    expect(reader.offsets()).toEqual(countTo(5));
    expect(reader.lost).toEqual([]);
    expect(broker.count("history")).toBe(0);
  });

  it("runs at once after the log reconnects", async () => {
    const { broker, loseEvents, publish, reader, scheduler } = await nodeWithReader();
    await publish("news", 2);
    loseEvents();
    broker.onReconnect();
    await scheduler.runAll();
    expect(reader.offsets()).toEqual([1, 2]);
  });

  it("that fails is reported, and the next one makes up for it", async () => {
    const { broker, checks, errors, loseEvents, publish, reader, wait } = await nodeWithReader();
    checks.start();
    await publish("news", 1);
    loseEvents();
    const failure = new Error("no connection");
    broker.fail("heads", failure);
    await wait(checkIntervalMs);
    expect(errors).toEqual([{ error: failure, stage: "checking positions" }]);
    expect(reader.offsets()).toEqual([]);
    broker.heal("heads");
    await wait(checkIntervalMs);
    expect(reader.offsets()).toEqual([1]);
  });

  it("goes on where a part of the store cannot be reached", async () => {
    const checkOthers = () => Promise.reject(new HoldfastError("HF_BROKER_UNAVAILABLE"));
    const { broker, checks, createReader, errors, follow, loseEvents, publish, reader, scheduler } =
      await nodeWithReader({ checkOthers });
    const other = createReader();
    await follow(other, "away");
    for (const channel of ["news", "away"]) await publish(channel, 1);
    loseEvents();
    const { heads } = broker.log;
    broker.log.heads = async (names) => {
      const found = new Map(await heads(names));
      found.delete("away");
      return found;
    };
    await checks.checkNow();
    await scheduler.runAll();
    expect([reader.offsets(), other.offsets()]).toEqual([[1], []]);
    expect(errors).toEqual([]);
  });

  it("requested during another runs once after it", async () => {
    const { broker, checks, scheduler } = await nodeWithReader();
    broker.hold("heads");
    const all = [checks.checkNow()];
    await scheduler.runAll();
    all.push(checks.checkNow(), checks.checkNow());
    await scheduler.runAll();
    expect(broker.count("heads")).toBe(1);
    broker.release("heads");
    await Promise.all(all);
    expect(broker.count("heads")).toBe(2);
  });

  it("leaves no timer behind when stopped, and changes nothing afterwards", async () => {
    const { broker, checks, clock, loseEvents, publish, reader, wait } = await nodeWithReader();
    const { timers } = clock;
    checks.start();
    await publish("news", 1);
    loseEvents();
    broker.hold("heads");
    await wait(checkIntervalMs);
    checks.stop();
    broker.release("heads");
    await wait(checkIntervalMs);
    expect(clock.timers).toBe(timers);
    expect(reader.offsets()).toEqual([]);
  });
});
