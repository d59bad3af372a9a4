import { describe, expect, it } from "vitest";
import { createTestNode } from "./support/test-node.js";

/** A reader of a channel whose ring holds two entries. */
async function nodeWithReader() {
  const node = await createTestNode({ ringLimits: { maxEntries: 2 } });
  const reader = node.createReader();
  const subscription = await node.follow(reader, "news");
  return { ...node, reader, subscription };
}

describe("subscription (states of docs/architecture.md)", () => {
  it("is live at the head, behind once an entry is appended, and live once it has caught up", async () => {
    const { publish, scheduler, subscription } = await nodeWithReader();
    expect(subscription.state).toBe("live");
    await publish("news");
    expect(subscription.state).toBe("behind");
    scheduler.turn();
    expect(subscription.state).toBe("live");
  });

  it("is full while its socket accepts nothing, with nothing queued, and behind once it drains", async () => {
    const { publish, reader, scheduler, subscription } = await nodeWithReader();
    reader.isReady = false;
    expect(subscription.state).toBe("live");
    await publish("news", 2);
    scheduler.turn();
    expect(subscription.state).toBe("full");
    expect(reader.writes).toEqual([]);
    reader.drain();
    expect(subscription.state).toBe("behind");
    await scheduler.runAll();
    expect(subscription.state).toBe("live");
    expect(reader.offsets()).toEqual([1, 2]);
  });

  it("reads the log once the ring has passed it, and is skipped meanwhile", async () => {
    const { broker, publish, reader, scheduler, subscription } = await nodeWithReader();
    broker.hold("history");
    await publish("news", 5);
    scheduler.turn();
    expect(subscription.state).toBe("reading");
    await publish("news", 1);
    scheduler.turn();
    expect(subscription.state).toBe("reading");
    expect(reader.writes).toEqual([]);
    broker.release("history");
    await scheduler.runAll();
    expect(subscription.state).toBe("live");
    expect(reader.offsets()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("is full when the log page arrives and its socket has filled up", async () => {
    const { broker, publish, reader, scheduler, subscription } = await nodeWithReader();
    broker.hold("history");
    await publish("news", 5);
    scheduler.turn();
    reader.isReady = false;
    broker.release("history");
    await scheduler.runAll();
    expect(subscription.state).toBe("full");
  });

  it("stays ended, also during a read of the log for it", async () => {
    const { broker, channels, publish, reader, scheduler, subscription } = await nodeWithReader();
    broker.hold("history");
    await publish("news", 5);
    scheduler.turn();
    channels.unsubscribe(subscription);
    expect(subscription.state).toBe("ended");
    broker.release("history");
    await scheduler.runAll();
    expect(subscription.state).toBe("ended");
    expect(reader.writes).toEqual([]);
    expect(channels.count).toBe(0);
  });
});
