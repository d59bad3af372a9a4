import { describe, expect, it } from "vitest";
import { Channel } from "../../src/channels/channel.js";
import { clientInfo, countTo, publication } from "./support/entries.js";
import type { FakeReader } from "./support/fake-reader.js";
import { createTestNode } from "./support/test-node.js";

const idle = { channels: 0, behind: 0, unflushed: 0 };

describe("publishing", () => {
  it("only schedules one turn, whatever the number of subscribers and publications", async () => {
    const { createReader, delivery, follow, publish, scheduler } = await createTestNode();
    const readers = countTo(50).map(createReader);
    for (const reader of readers) await follow(reader, "news");
    await publish("news", 20);
    expect(scheduler.waiting).toBe(1);
    expect(delivery.pending).toEqual({ channels: 1, behind: 0, unflushed: 0 });
    for (const reader of readers) expect(reader.writes).toEqual([]);
  });

  it("reaches every reader in the next turn", async () => {
    const { createReader, delivery, follow, publish, scheduler } = await createTestNode();
    const readers = countTo(100).map(createReader);
    for (const reader of readers) await follow(reader, "news");
    await publish("news", 3);
    scheduler.turn();
    for (const reader of readers) expect(reader.offsets()).toEqual([1, 2, 3]);
    expect(delivery.pending).toEqual(idle);
  });

  it("goes idle when nothing more is published", async () => {
    const { createReader, follow, publish, scheduler } = await createTestNode();
    const reader = createReader();
    await follow(reader, "news");
    await publish("news");
    scheduler.turn();
    scheduler.turn();
    expect(scheduler.waiting).toBe(0);
    expect(reader.writes).toHaveLength(1);
  });
});

describe("turn", () => {
  it("flushes a reader once, whatever the number of channels and publications", async () => {
    const { createReader, follow, publish, scheduler } = await createTestNode();
    const reader = createReader();
    const names = countTo(10).map((n) => `channel-${n}`);
    for (const name of names) await follow(reader, name);
    for (const name of names) await publish(name, 4);
    scheduler.turn();
    expect(reader.writes).toHaveLength(1);
    for (const name of names) expect(reader.offsets(name)).toEqual([1, 2, 3, 4]);
  });

  it("does not flush readers that have nothing new", async () => {
    const { createReader, follow, publish, scheduler } = await createTestNode();
    const reader = createReader();
    await follow(reader, "sport");
    await follow(createReader(), "news");
    await publish("news");
    scheduler.turn();
    expect(reader.writes).toEqual([]);
  });

  it("gives all readers at one cursor the same bytes", async () => {
    const { createReader, follow, publish, scheduler } = await createTestNode();
    const readers = countTo(40).map(createReader);
    for (const reader of readers) await follow(reader, "news");
    await publish("news", 2);
    scheduler.turn();
    const [first] = readers[0]?.frames ?? [];
    for (const reader of readers) {
      expect(reader.frames).toHaveLength(1);
      expect(reader.frames[0]).toBe(first);
    }
  });

  it("starts a new subscriber at the head", async () => {
    const { createReader, follow, publish, scheduler } = await createTestNode();
    const early = createReader();
    const late = createReader();
    await follow(early, "news");
    await publish("news", 2);
    await follow(late, "news");
    await publish("news", 1);
    scheduler.turn();
    expect(early.offsets()).toEqual([1, 2, 3]);
    expect(late.offsets()).toEqual([3]);
  });

  it("gives nothing to a reader that has unsubscribed", async () => {
    const { channels, createReader, follow, publish, scheduler } = await createTestNode();
    const gone = createReader();
    const stays = createReader();
    const subscription = await follow(gone, "news");
    await follow(stays, "news");
    await publish("news");
    channels.unsubscribe(subscription);
    scheduler.turn();
    expect(gone.writes).toEqual([]);
    expect(stays.offsets()).toEqual([1]);
  });

  it("delivers joins and leaves in order to readers that want them", async () => {
    const { broker, createReader, follow, publish, scheduler } = await createTestNode();
    const curious = createReader();
    const plain = createReader();
    await follow(curious, "news", { hasJoinLeave: true });
    await follow(plain, "news");
    await publish("news");
    await broker.presence.announce("news", "join", clientInfo("ann"));
    await publish("news");
    await broker.presence.announce("news", "leave", clientInfo("ann"));
    scheduler.turn();
    expect(curious.labels()).toEqual(["pub 1", "join ann", "pub 2", "leave ann"]);
    expect(plain.labels()).toEqual(["pub 1", "pub 2"]);
  });

  it("does not flush a reader for a join it does not want", async () => {
    const { broker, createReader, delivery, follow, scheduler } = await createTestNode();
    const curious = createReader();
    const plain = createReader();
    await follow(curious, "news", { hasJoinLeave: true });
    await follow(plain, "news");
    await broker.presence.announce("news", "join", clientInfo("ann"));
    scheduler.turn();
    expect(plain.writes).toEqual([]);
    expect(curious.labels()).toEqual(["join ann"]);
    expect(delivery.pending).toEqual(idle);
  });

  it("flushes readers touched without a publication", async () => {
    const { createReader, delivery, scheduler } = await createTestNode();
    const reader = createReader();
    reader.pushText("{}");
    expect(delivery.pending.unflushed).toBe(1);
    scheduler.turn();
    expect(reader.frames).toHaveLength(1);
    expect(delivery.pending.unflushed).toBe(0);
  });

  it("flushes a reader in the same turn when another's flush touches it", async () => {
    const { createReader, delivery, scheduler } = await createTestNode();
    const first = createReader();
    const second = createReader();
    first.onFlush = () => second.pushText("{}");
    first.pushText("{}");
    scheduler.turn();
    expect(second.frames).toHaveLength(1);
    expect(delivery.pending).toEqual(idle);
  });
});

describe("reader that throws", () => {
  it("at a push is reported and told of the gap, and others get theirs", async () => {
    const { createReader, delivery, errors, follow, publish, scheduler } = await createTestNode();
    const readers = countTo(3).map(createReader);
    for (const reader of readers) await follow(reader, "news");
    const [first, broken, last] = readers as [FakeReader, FakeReader, FakeReader];
    const failure = new Error("oops");
    broken.push = () => {
      throw failure;
    };
    await publish("news", 2);
    await scheduler.runAll();
    expect(first.offsets()).toEqual([1, 2]);
    expect(last.offsets()).toEqual([1, 2]);
    expect(broken.lost).toHaveLength(1);
    expect(errors).toEqual([{ error: failure, stage: "delivering news" }]);
    expect(delivery.pending).toEqual(idle);
  });

  it("at a flush is reported, and the others are flushed", async () => {
    const { createReader, delivery, errors, follow, publish, scheduler } = await createTestNode();
    const readers = countTo(3).map(createReader);
    for (const reader of readers) await follow(reader, "news");
    const [first, broken, last] = readers as [FakeReader, FakeReader, FakeReader];
    const failure = new Error("oops");
    broken.flush = () => {
      throw failure;
    };
    await publish("news", 2);
    await scheduler.runAll();
    expect(first.offsets()).toEqual([1, 2]);
    expect(last.offsets()).toEqual([1, 2]);
    expect(errors).toEqual([{ error: failure, stage: "writing to a reader" }]);
    expect(delivery.pending).toEqual(idle);
  });
});

describe("backlog larger than a batch", () => {
  it("arrives in batches, one per turn, in order", async () => {
    const { createReader, delivery, follow, publish, scheduler } = await createTestNode();
    const reader = createReader();
    await follow(reader, "news");
    await publish("news", 40, JSON.stringify("x".repeat(10_000)));
    let turns = 0;
    while (scheduler.waiting > 0) {
      scheduler.turn();
      turns++;
    }
    expect(reader.offsets()).toEqual(countTo(40));
    expect(turns).toBeGreaterThan(2);
    for (const frame of reader.frames) expect(frame.length).toBeLessThan(80_000);
    expect(delivery.pending).toEqual(idle);
  });

  it("does not delay other readers and channels", async () => {
    const { createReader, follow, publish, scheduler } = await createTestNode();
    const slow = createReader();
    const other = createReader();
    await follow(slow, "news");
    await follow(other, "sport");
    await publish("news", 40, JSON.stringify("x".repeat(10_000)));
    await publish("sport");
    scheduler.turn();
    expect(other.offsets()).toEqual([1]);
  });
});

describe("subscriptions without a registry", () => {
  it("get entries from a cursor inside the ring", async () => {
    const { createReader, delivery, scheduler } = await createTestNode();
    const channel = new Channel("news", { limits: { maxEntries: 100, maxBytes: 100_000 } });
    channel.open({ epoch: "e", offset: 0 });
    for (const n of countTo(5)) channel.append(publication(n), "e");
    const reader = createReader();
    reader.follow(channel, { offset: 2 });
    delivery.markDirty(channel);
    delivery.markDirty(channel);
    expect(delivery.pending.channels).toBe(1);
    scheduler.turn();
    expect(reader.offsets()).toEqual([3, 4, 5]);
  });
});
