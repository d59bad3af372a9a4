import { describe, expect, it } from "vitest";
import { settle } from "../support/fake-clock.js";
import { clientInfo, countTo } from "./support/entries.js";
import { createTestNode } from "./support/test-node.js";

const idle = { channels: 0, behind: 0, unflushed: 0 };

describe("slow reader that has fallen behind the ring", () => {
  it("continues from the log, then from the ring", async () => {
    const { broker, createReader, follow, publish, scheduler } = await createTestNode({
      ringLimits: { maxEntries: 4 },
    });
    const slow = createReader();
    await follow(slow, "news");
    slow.isReady = false;
    await publish("news", 20);
    await scheduler.runAll();
    slow.drain();
    await scheduler.runAll();
    expect(slow.offsets()).toEqual(countTo(20));
    expect(broker.count("history")).toBe(1);
    await publish("news", 2);
    await scheduler.runAll();
    expect(slow.offsets()).toEqual(countTo(22));
    expect(broker.count("history")).toBe(1);
  });

  it("reads a long log page by page", async () => {
    const { broker, createReader, delivery, follow, publish, scheduler } = await createTestNode({
      ringLimits: { maxEntries: 4 },
    });
    const slow = createReader();
    await follow(slow, "news");
    slow.isReady = false;
    await publish("news", 50, JSON.stringify("x".repeat(10_000)));
    await scheduler.runAll();
    slow.drain();
    await scheduler.runAll();
    expect(slow.offsets()).toEqual(countTo(50));
    expect(broker.count("history")).toBeGreaterThan(5);
    for (const frame of slow.frames) expect(frame.length).toBeLessThan(80_000);
    expect(delivery.pending).toEqual(idle);
  });

  it("gets publications made during the log read once and in order", async () => {
    const { broker, createReader, follow, publish, scheduler } = await createTestNode({
      ringLimits: { maxEntries: 4 },
    });
    const slow = createReader();
    await follow(slow, "news");
    slow.isReady = false;
    await publish("news", 10);
    await scheduler.runAll();
    broker.hold("history");
    slow.drain();
    scheduler.turn();
    expect(broker.held("history")).toBe(1);
    await publish("news", 2);
    await scheduler.runAll();
    expect(slow.writes).toEqual([]);
    expect(broker.held("history")).toBe(1);
    broker.release("history");
    await scheduler.runAll();
    expect(slow.offsets()).toEqual(countTo(12));
  });

  it("reads the same page again when its socket fills up meanwhile", async () => {
    const { broker, createReader, follow, publish, scheduler } = await createTestNode({
      ringLimits: { maxEntries: 4 },
    });
    const slow = createReader();
    await follow(slow, "news");
    slow.isReady = false;
    await publish("news", 10);
    await scheduler.runAll();
    broker.hold("history");
    slow.drain();
    scheduler.turn();
    slow.isReady = false;
    broker.release("history");
    await scheduler.runAll();
    expect(slow.writes).toEqual([]);
    slow.drain();
    await scheduler.runAll();
    expect(slow.offsets()).toEqual(countTo(10));
  });

  it("gets nothing from a page that arrives after it unsubscribes", async () => {
    const { broker, channels, createReader, follow, publish, scheduler } = await createTestNode({
      ringLimits: { maxEntries: 4 },
    });
    const slow = createReader();
    const subscription = await follow(slow, "news");
    slow.isReady = false;
    await publish("news", 10);
    await scheduler.runAll();
    broker.hold("history");
    slow.drain();
    scheduler.turn();
    channels.unsubscribe(subscription);
    broker.release("history");
    await scheduler.runAll();
    expect(slow.writes).toEqual([]);
    expect(slow.lost).toEqual([]);
  });

  it("shares one read and its bytes with readers at the same offset", async () => {
    const { broker, createReader, follow, publish, scheduler } = await createTestNode({
      ringLimits: { maxEntries: 4 },
    });
    const slow = countTo(20).map(createReader);
    for (const reader of slow) {
      await follow(reader, "news");
      reader.isReady = false;
    }
    await publish("news", 10);
    await scheduler.runAll();
    for (const reader of slow) reader.drain();
    await scheduler.runAll();
    expect(broker.count("history")).toBe(1);
    for (const reader of slow) {
      expect(reader.offsets()).toEqual(countTo(10));
      expect(reader.frames[0]).toBe(slow[0]?.frames[0]);
    }
  });

  it("behind by joins only continues without a gap", async () => {
    const { broker, createReader, follow, publish, scheduler } = await createTestNode({
      ringLimits: { maxEntries: 4 },
    });
    const slow = createReader();
    await follow(slow, "news");
    await follow(createReader(), "news", { hasJoinLeave: true });
    await publish("news", 2);
    await scheduler.runAll();
    slow.isReady = false;
    for (const n of countTo(10)) await broker.presence.announce("news", "join", clientInfo(`client-${n}`));
    await scheduler.runAll();
    slow.drain();
    await publish("news", 1);
    await scheduler.runAll();
    expect(slow.offsets()).toEqual([1, 2, 3]);
    expect(slow.lost).toEqual([]);
  });
});

describe("reader whose publications are gone", () => {
  it("is told once, and gets nothing after the gap", async () => {
    const { createReader, follow, publish, scheduler } = await createTestNode({
      ringLimits: { maxEntries: 4 },
      retention: { maxEntries: 6 },
    });
    const slow = createReader();
    const subscription = await follow(slow, "news");
    await publish("news", 1);
    await scheduler.runAll();
    slow.isReady = false;
    await publish("news", 20);
    await scheduler.runAll();
    slow.drain();
    await scheduler.runAll();
    expect(slow.lost).toEqual([subscription]);
    expect(slow.offsets()).toEqual([1]);
  });

  it("is told when reading the log fails", async () => {
    const { broker, createReader, errors, follow, publish, scheduler } = await createTestNode({
      ringLimits: { maxEntries: 4 },
    });
    const slow = createReader();
    const subscription = await follow(slow, "news");
    slow.isReady = false;
    await publish("news", 20);
    await scheduler.runAll();
    const failure = new Error("disk is gone");
    broker.fail("history", failure);
    slow.drain();
    await scheduler.runAll();
    expect(slow.lost).toEqual([subscription]);
    expect(errors).toEqual([{ error: failure, stage: "reading the log of news" }]);
  });

  it("reports a failed shared read once", async () => {
    const { broker, createReader, errors, follow, publish, scheduler } = await createTestNode({
      ringLimits: { maxEntries: 4 },
    });
    const slow = countTo(5).map(createReader);
    for (const reader of slow) {
      await follow(reader, "news");
      reader.isReady = false;
    }
    await publish("news", 20);
    await scheduler.runAll();
    broker.fail("history");
    for (const reader of slow) reader.drain();
    await scheduler.runAll();
    expect(slow.map(({ lost }) => lost.length)).toEqual([1, 1, 1, 1, 1]);
    expect(errors).toHaveLength(1);
  });

  it("is not told after it unsubscribes", async () => {
    const { broker, channels, createReader, follow, publish, scheduler } = await createTestNode({
      ringLimits: { maxEntries: 4 },
    });
    const slow = createReader();
    const subscription = await follow(slow, "news");
    slow.isReady = false;
    await publish("news", 20);
    await scheduler.runAll();
    broker.fail("history");
    slow.drain();
    scheduler.turn();
    channels.unsubscribe(subscription);
    await settle();
    expect(slow.lost).toEqual([]);
  });
});

describe("log that is ahead of the events", () => {
  it("delivers no publication twice when its event arrives", async () => {
    const { broker, createReader, follow, publish, scheduler } = await createTestNode({
      ringLimits: { maxEntries: 4 },
    });
    const slow = createReader();
    await follow(slow, "news");
    slow.isReady = false;
    await publish("news", 10);
    await scheduler.runAll();
    broker.holdsEvents = true;
    await publish("news", 2);
    slow.drain();
    await scheduler.runAll();
    broker.releaseEvents();
    await scheduler.runAll();
    expect(slow.offsets()).toEqual(countTo(12));
  });
});

describe("batches of a channel", () => {
  it("are dropped after the turn", async () => {
    const { channels, createReader, follow, publish, scheduler } = await createTestNode();
    await follow(createReader(), "news");
    await publish("news", 5);
    await scheduler.runAll();
    const channel = await channels.acquire("news");
    expect(channel.batches.isEmpty).toBe(true);
  });
});

describe("recovery from a position ahead of the node's events", () => {
  it("asks the log before it reports an unknown position", async () => {
    const { broker, channels, createReader, follow, publish, scheduler } = await createTestNode();
    await follow(createReader(), "news");
    const channel = await channels.acquire("news");
    broker.holdsEvents = true;
    await publish("news", 3);
    expect(channel.head).toBe(0);
    const recovery = await channels.recovery.recover(channel, { epoch: channel.epoch, offset: 2 });
    expect(recovery).toMatchObject({ isRecovered: true, offset: 3 });
    await scheduler.runAll();
  });
});
