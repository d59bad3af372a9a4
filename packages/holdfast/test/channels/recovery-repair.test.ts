import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors.js";
import { settle } from "../support/fake-clock.js";
import { countTo } from "./support/entries.js";
import { createTestNode, type TestNodeOptions } from "./support/test-node.js";

/** A node with readers at the head of "news", whose events are told by `tell(index)` only. */
async function nodeWithReaders(options: TestNodeOptions = {}) {
  const node = await createTestNode(options);
  const readers = countTo(3).map(node.createReader);
  const [subscription] = await Promise.all(readers.map((reader) => node.follow(reader, "news")));
  if (subscription === undefined) throw new Error("there is a reader");
  node.broker.holdsEvents = true;
  const tell = (...offsets: number[]) => {
    for (const offset of offsets) node.broker.events[offset - 1]?.();
  };
  return { ...node, readers, channel: subscription.channel, tell };
}

describe("lost event", () => {
  it("is repaired from the log when the next event arrives", async () => {
    const { broker, publish, readers, scheduler, tell } = await nodeWithReaders();
    await publish("news", 5);
    tell(1, 2, 5);
    await scheduler.runAll();
    for (const reader of readers) expect(reader.offsets()).toEqual([1, 2, 3, 4, 5]);
    expect(broker.count("history")).toBe(1);
  });

  it("is repaired once, though more events arrive meanwhile", async () => {
    const { broker, publish, readers, scheduler, tell } = await nodeWithReaders();
    await publish("news", 9);
    broker.hold("history");
    tell(1, 3, 4, 5);
    await scheduler.runAll();
    expect(broker.held("history")).toBe(1);
    tell(8);
    broker.release("history");
    await scheduler.runAll();
    tell(9);
    await scheduler.runAll();
    for (const reader of readers) expect(reader.offsets()).toEqual(countTo(9));
  });

  it("is repaired across several pages", async () => {
    const { publish, readers, scheduler, tell } = await nodeWithReaders();
    await publish("news", 40, JSON.stringify("x".repeat(10_000)));
    tell(1, 40);
    await scheduler.runAll();
    for (const reader of readers) expect(reader.offsets()).toEqual(countTo(40));
  });

  it("needs no repair when it arrives late", async () => {
    const { broker, publish, readers, scheduler, tell } = await nodeWithReaders();
    await publish("news", 4);
    broker.hold("history");
    tell(1, 3);
    await settle();
    tell(2, 3, 4);
    await scheduler.runAll();
    for (const reader of readers) expect(reader.offsets()).toEqual([1, 2, 3, 4]);
    broker.release("history");
    await scheduler.runAll();
    for (const reader of readers) expect(reader.offsets()).toEqual([1, 2, 3, 4]);
  });

  it("costs no read when events are duplicated", async () => {
    const { broker, publish, readers, scheduler, tell } = await nodeWithReaders();
    await publish("news", 4);
    tell(1, 1, 2, 1, 2, 3, 4, 4, 3);
    await scheduler.runAll();
    for (const reader of readers) expect(reader.offsets()).toEqual([1, 2, 3, 4]);
    expect(broker.count("history")).toBe(0);
  });
});

describe("lost event whose publication is gone from the log", () => {
  it("is reported to every reader, and the channel continues at the head", async () => {
    const { channels, createReader, follow, publish, readers, scheduler, tell } = await nodeWithReaders({
      retention: { maxEntries: 2 },
    });
    await publish("news", 6);
    tell(1, 6);
    await scheduler.runAll();
    for (const reader of readers) {
      expect(reader.offsets()).toEqual([]);
      expect(reader.lost).toHaveLength(1);
    }
    expect(channels.count).toBe(0);
    const reader = createReader();
    await follow(reader, "news");
    await publish("news", 1);
    tell(7);
    await scheduler.runAll();
    expect(reader.offsets()).toEqual([7]);
    expect(channels.recovery.repairs).toBe(0);
  });
});

describe("new epoch", () => {
  it("is reported to every reader", async () => {
    const { channel, publish, readers, scheduler, startLogAfresh, tell } = await nodeWithReaders();
    channel.hold();
    await publish("news", 3);
    tell(1, 2, 3);
    await scheduler.runAll();
    await startLogAfresh("news");
    await publish("news", 2);
    tell(4);
    await scheduler.runAll();
    for (const reader of readers) {
      expect(reader.offsets()).toEqual([1, 2, 3]);
      expect(reader.lost).toHaveLength(1);
    }
    expect(channel.position).toEqual({ epoch: "epoch-1-1", offset: 2 });
  });

  it("is followed from then on", async () => {
    const { channel, createReader, follow, publish, scheduler, startLogAfresh, tell } =
      await nodeWithReaders();
    channel.hold();
    await publish("news", 3);
    tell(1, 2, 3);
    await startLogAfresh("news");
    await publish("news", 2);
    tell(4, 5);
    await scheduler.runAll();
    const reader = createReader();
    await follow(reader, "news");
    await publish("news", 2);
    tell(6, 7);
    await scheduler.runAll();
    expect(reader.offsets()).toEqual([3, 4]);
    expect(reader.lost).toEqual([]);
  });

  it("is found by a reader that has come from a node that knows it", async () => {
    const { broker, channel, channels, publish, readers, startLogAfresh, tell } = await nodeWithReaders();
    await publish("news", 3);
    tell(1, 2, 3);
    await startLogAfresh("news");
    await publish("news", 2);
    const moved = { epoch: "epoch-1-1", offset: 1 };
    const found = await Promise.all(countTo(9).map(() => channels.recovery.recover(channel, moved)));
    for (const recovery of found) expect(recovery).toMatchObject({ isRecovered: true, offset: 2 });
    expect(broker.count("heads")).toBe(1);
    for (const reader of readers) expect(reader.lost).toHaveLength(1);
  });

  it("is told to a reader that asks for what the log of before had, and to all others", async () => {
    const { channel, channels, publish, readers, scheduler, startLogAfresh, tell } = await nodeWithReaders();
    channel.hold();
    await publish("news", 3);
    tell(1, 2);
    await scheduler.runAll();
    await startLogAfresh("news");
    await publish("news", 1);
    const since = { epoch: "epoch-1", offset: 1 };
    channel.ring.clear();
    expect(await channels.recovery.recover(channel, since)).toMatchObject({
      isRecovered: false,
      cause: "epoch",
    });
    expect(channel.position).toEqual({ epoch: "epoch-1-1", offset: 1 });
    for (const reader of readers) expect(reader.lost).toHaveLength(1);
  });

  it("is found by a reader of the newest publication, which it gets", async () => {
    const { channel, channels, publish, readers, scheduler, startLogAfresh, tell } = await nodeWithReaders();
    channel.hold();
    await publish("news", 3);
    tell(1, 2);
    await scheduler.runAll();
    await startLogAfresh("news");
    await publish("news", 1);
    const found = await channels.recovery.recoverNewest(channel, { epoch: "epoch-1", offset: 1 });
    expect(found).toMatchObject({ isRecovered: true, offset: 1 });
    expect(channel.position).toEqual({ epoch: "epoch-1-1", offset: 1 });
    for (const reader of readers) expect(reader.lost).toHaveLength(1);
  });

  it("is found with publications made while the log is queried", async () => {
    const { broker, channel, publish, scheduler, startLogAfresh, tell } = await nodeWithReaders();
    channel.hold();
    await publish("news", 1);
    await startLogAfresh("news");
    await publish("news", 1);
    broker.hold("history");
    tell(2);
    await settle();
    broker.release("history");
    broker.hold("history");
    await settle();
    expect(broker.held("history")).toBe(1);
    await publish("news", 1);
    tell(3);
    broker.release("history");
    await scheduler.runAll();
    expect(channel.position).toEqual({ epoch: "epoch-1-1", offset: 2 });
  });
});

describe("repair that fails", () => {
  it("is reported once, and every reader is told", async () => {
    const { broker, channels, errors, publish, readers, scheduler, tell } = await nodeWithReaders();
    const failure = new Error("disk is gone");
    broker.fail("history", failure);
    await publish("news", 5);
    tell(1, 4);
    await scheduler.runAll();
    expect(errors).toEqual([{ error: failure, stage: "repairing channel news" }]);
    for (const reader of readers) expect(reader.lost).toHaveLength(1);
    expect(channels.recovery.repairs).toBe(0);
  });

  it("leaves a channel that recovers when the broker does", async () => {
    const { broker, channel, createReader, follow, publish, scheduler, tell } = await nodeWithReaders();
    channel.hold();
    broker.fail("history");
    await publish("news", 5);
    tell(1, 4);
    await scheduler.runAll();
    broker.heal("history");
    const reader = createReader();
    const { offset } = await follow(reader, "news");
    tell(5);
    await scheduler.runAll();
    expect(reader.offsets()).toEqual(countTo(5, offset + 1));
    expect(reader.lost).toEqual([]);
  });
});

describe("a log that cannot be reached", () => {
  const unavailable = new HoldfastError("HF_BROKER_UNAVAILABLE");

  it("tells readers nothing, and what they lack arrives once it can", async () => {
    const { broker, checks, errors, publish, readers, scheduler, tell } = await nodeWithReaders();
    await publish("news", 5);
    broker.fail("history", unavailable);
    tell(1, 4);
    await scheduler.runAll();
    expect(errors).toEqual([]);
    for (const reader of readers) expect(reader.lost).toEqual([]);
    broker.heal("history");
    await checks.checkNow();
    await scheduler.runAll();
    for (const reader of readers) {
      expect(reader.offsets()).toEqual(countTo(5));
      expect(reader.lost).toEqual([]);
    }
  });

  it("is read again by readers that lag behind the ring", async () => {
    const { broker, checks, createReader, errors, follow, publish, scheduler } = await createTestNode({
      ringLimits: { maxEntries: 2 },
    });
    await publish("news", 10);
    broker.fail("history", unavailable);
    const reader = createReader();
    await follow(reader, "news", { offset: 3 });
    await scheduler.runAll();
    expect(reader.lost).toEqual([]);
    expect(errors).toEqual([]);
    broker.heal("history");
    broker.onReconnect();
    await scheduler.runAll();
    await checks.checkNow();
    await scheduler.runAll();
    expect(reader.offsets()).toEqual(countTo(10, 4));
  });

  it("is not reported by each check of positions", async () => {
    const { broker, checks, errors } = await nodeWithReaders();
    broker.fail("heads", unavailable);
    await checks.checkNow();
    expect(errors).toEqual([]);
  });
});
