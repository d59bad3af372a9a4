import { describe, expect, it } from "vitest";
import { countTo } from "./support/entries.js";
import type { FakeReader } from "./support/fake-reader.js";
import { createTestNode, type TestNode } from "./support/test-node.js";

const idle = { channels: 0, behind: 0, unflushed: 0 };

/** A node on which every look at the clock costs a millisecond: about 130 readers a slice. */
function createSlowNode() {
  let time = 0;
  return createTestNode({ now: () => time++, sliceMs: 4 });
}

async function followMany(node: TestNode, name: string, count: number): Promise<FakeReader[]> {
  const readers = countTo(count).map(node.createReader);
  for (const reader of readers) await node.follow(reader, name);
  return readers;
}

function countReached(readers: readonly FakeReader[], channel: string): number {
  return readers.filter((reader) => reader.offsets(channel).length > 0).length;
}

describe("large fan-out", () => {
  it("is cut into slices, and reaches every reader once", async () => {
    const node = await createSlowNode();
    const readers = await followMany(node, "news", 1000);
    await node.publish("news", 2);
    node.scheduler.turn();
    const reached = countReached(readers, "news");
    expect(reached).toBeGreaterThan(0);
    expect(reached).toBeLessThan(1000);
    expect(node.scheduler.waiting).toBe(1);
    await node.scheduler.runAll();
    for (const reader of readers) expect(reader.offsets()).toEqual([1, 2]);
    expect(node.delivery.pending).toEqual(idle);
  });

  it("does not delay a small channel", async () => {
    const node = await createSlowNode();
    const readers = await followMany(node, "news", 1000);
    const [other] = await followMany(node, "sport", 1);
    await node.publish("news");
    await node.publish("sport");
    node.scheduler.turn();
    node.scheduler.turn();
    expect(other?.offsets()).toEqual([1]);
    expect(countReached(readers, "news")).toBeLessThan(1000);
  });

  it("alternates with another large one", async () => {
    const node = await createSlowNode();
    const news = await followMany(node, "news", 600);
    const sport = await followMany(node, "sport", 600);
    await node.publish("news");
    await node.publish("sport");
    for (let turns = 0; turns < 3; turns++) node.scheduler.turn();
    expect(countReached(news, "news")).toBeGreaterThan(0);
    expect(countReached(sport, "sport")).toBeGreaterThan(0);
    await node.scheduler.runAll();
    for (const reader of [...news, ...sport]) expect(reader.offsets()).toEqual([1]);
  });

  it("keeps the order of publications made between its slices", async () => {
    const node = await createSlowNode();
    const readers = await followMany(node, "news", 500);
    await node.publish("news");
    for (let turns = 0; turns < 12; turns++) {
      node.scheduler.turn();
      await node.publish("news");
    }
    await node.scheduler.runAll();
    for (const reader of readers) expect(reader.offsets()).toEqual(countTo(13));
    expect(node.delivery.pending).toEqual(idle);
  });

  it("reaches every reader under continuous publishing", async () => {
    const node = await createSlowNode();
    const readers = await followMany(node, "news", 1000);
    const [other] = await followMany(node, "sport", 1);
    await node.publish("sport");
    for (let turns = 0; turns < 40; turns++) {
      await node.publish("news");
      node.scheduler.turn();
    }
    expect(countReached(readers, "news")).toBe(1000);
    expect(other?.offsets()).toEqual([1]);
  });
});

describe("sliced fan-out", () => {
  it("skips readers that unsubscribe before their slice", async () => {
    const node = await createSlowNode();
    const readers = await followMany(node, "news", 500);
    await node.publish("news");
    node.scheduler.turn();
    const last = readers.at(-1) as FakeReader;
    for (const subscription of last.subscriptions) node.channels.unsubscribe(subscription);
    await node.scheduler.runAll();
    expect(last.writes).toEqual([]);
    for (const reader of readers.slice(0, -1)) expect(reader.offsets()).toEqual([1]);
  });

  it("continues when a reader already served unsubscribes", async () => {
    const node = await createSlowNode();
    const readers = await followMany(node, "news", 500);
    await node.publish("news");
    node.scheduler.turn();
    for (const reader of readers.slice(0, 40))
      for (const subscription of reader.subscriptions) node.channels.unsubscribe(subscription);
    await node.scheduler.runAll();
    for (const reader of readers) expect(reader.offsets()).toEqual([1]);
  });

  it("starts readers that subscribe between slices at the head", async () => {
    const node = await createSlowNode();
    const readers = await followMany(node, "news", 500);
    await node.publish("news");
    node.scheduler.turn();
    const late = node.createReader();
    await node.follow(late, "news");
    await node.publish("news");
    await node.scheduler.runAll();
    expect(late.offsets()).toEqual([2]);
    for (const reader of readers) expect(reader.offsets()).toEqual([1, 2]);
  });

  it("serves a reader that resubscribes between slices once", async () => {
    const node = await createSlowNode();
    const readers = await followMany(node, "news", 500);
    await node.publish("news");
    node.scheduler.turn();
    const again = readers[0] as FakeReader;
    for (const subscription of again.subscriptions) node.channels.unsubscribe(subscription);
    again.subscriptions.clear();
    await node.follow(again, "news");
    await node.publish("news");
    await node.scheduler.runAll();
    expect(again.offsets()).toEqual([1, 2]);
  });

  it("ends when all readers have unsubscribed", async () => {
    const node = await createSlowNode();
    const readers = await followMany(node, "news", 500);
    await node.publish("news");
    node.scheduler.turn();
    for (const reader of readers)
      for (const subscription of reader.subscriptions) node.channels.unsubscribe(subscription);
    await node.scheduler.runAll();
    expect(node.delivery.pending).toEqual(idle);
    expect(node.channels.count).toBe(0);
  });

  it("lets a reader not ready in its slice catch up later", async () => {
    const node = await createSlowNode();
    const readers = await followMany(node, "news", 500);
    const last = readers.at(-1) as FakeReader;
    await node.publish("news");
    node.scheduler.turn();
    last.isReady = false;
    await node.publish("news");
    await node.scheduler.runAll();
    expect(last.writes).toEqual([]);
    last.drain();
    await node.scheduler.runAll();
    expect(last.offsets()).toEqual([1, 2]);
  });
});

describe("many readers catching up at once", () => {
  it("are served in slices, all of them once", async () => {
    const node = await createSlowNode();
    const readers = await followMany(node, "news", 500);
    for (const reader of readers) reader.isReady = false;
    await node.publish("news", 3);
    await node.scheduler.runAll();
    for (const reader of readers) reader.drain();
    node.scheduler.turn();
    expect(countReached(readers, "news")).toBeLessThan(500);
    await node.scheduler.runAll();
    for (const reader of readers) expect(reader.offsets()).toEqual([1, 2, 3]);
    expect(node.delivery.pending).toEqual(idle);
  });
});

describe("many readers to flush", () => {
  it("are flushed in slices, each once, with everything up to then", async () => {
    const node = await createSlowNode();
    const readers = countTo(500).map(node.createReader);
    for (const reader of readers) reader.pushText("{}");
    node.scheduler.turn();
    const flushed = readers.filter(({ writes }) => writes.length > 0).length;
    expect(flushed).toBeGreaterThan(0);
    expect(flushed).toBeLessThan(500);
    const last = readers.at(-1) as FakeReader;
    last.pushText("{}");
    await node.scheduler.runAll();
    for (const { writes } of readers) expect(writes).toHaveLength(1);
    expect(last.frames).toHaveLength(2);
    expect(node.delivery.pending).toEqual(idle);
  });
});
