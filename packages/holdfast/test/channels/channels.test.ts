import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors.js";
import { settle } from "../support/fake-clock.js";
import { clientInfo, publication } from "./support/entries.js";
import { createTestNode } from "./support/test-node.js";

describe("acquiring a channel", () => {
  it("opens it at the broker's position", async () => {
    const { channels, publish } = await createTestNode();
    await publish("news", 3);
    const channel = await channels.acquire("news");
    expect(channel.name).toBe("news");
    expect(channel.position).toEqual({ epoch: "epoch-1", offset: 3 });
    expect(channels.count).toBe(1);
  });

  it("subscribes at the broker once, whatever the number of users", async () => {
    const { broker, channels } = await createTestNode();
    const first = await channels.acquire("news");
    expect(await channels.acquire("news")).toBe(first);
    expect(broker.count("subscribe")).toBe(1);
  });

  it("subscribes once for concurrent calls", async () => {
    const { broker, channels } = await createTestNode();
    broker.hold("subscribe");
    const acquiring = [channels.acquire("news"), channels.acquire("news"), channels.acquire("news")];
    await settle();
    broker.release("subscribe");
    const [first, second, third] = await Promise.all(acquiring);
    expect(second).toBe(first);
    expect(third).toBe(first);
    expect(broker.count("subscribe")).toBe(1);
  });

  it("keeps events that arrive before the broker's answer", async () => {
    const { broker, channels, createReader, publish, scheduler } = await createTestNode();
    broker.hold("subscribe");
    const acquiring = channels.acquire("news");
    await publish("news", 3);
    broker.release("subscribe");
    const channel = await acquiring;
    expect(channel.position).toEqual({ epoch: "epoch-1", offset: 3 });
    const reader = createReader();
    channels.subscribe(channel, reader, { offset: channel.head, hasJoinLeave: false });
    await publish("news", 1);
    await scheduler.runAll();
    expect(reader.offsets()).toEqual([4]);
  });

  it("repairs gaps in events that arrived before the broker's answer", async () => {
    const { broker, channels, createReader, publish, scheduler } = await createTestNode();
    await publish("news", 5);
    broker.hold("subscribe");
    const acquiring = channels.acquire("news");
    // An event of long ago, told again.
    channels.onPublication("news", publication(2), "epoch-1");
    broker.release("subscribe");
    const channel = await acquiring;
    const reader = createReader();
    channels.subscribe(channel, reader, { offset: channel.head, hasJoinLeave: false });
    const from = channel.head;
    await publish("news", 1);
    await scheduler.runAll();
    expect(channel.position).toEqual({ epoch: "epoch-1", offset: 6 });
    expect(reader.offsets()).toEqual([2, 3, 4, 5, 6].filter((offset) => offset > from));
  });
});

describe("channel in use", () => {
  it("stays open while held, and closes with the last hold", async () => {
    const { broker, channels } = await createTestNode();
    const channel = await channels.acquire("news");
    await channels.acquire("news");
    channels.release(channel);
    expect(channels.count).toBe(1);
    channels.release(channel);
    expect(channels.count).toBe(0);
    expect(broker.count("unsubscribe")).toBe(1);
  });

  it("stays open while it has subscribers", async () => {
    const { broker, channels, createReader, follow } = await createTestNode();
    const first = await follow(createReader(), "news");
    const second = await follow(createReader(), "news");
    channels.unsubscribe(first);
    expect(channels.count).toBe(1);
    expect(broker.count("unsubscribe")).toBe(0);
    channels.unsubscribe(second);
    expect(channels.count).toBe(0);
    expect(broker.count("unsubscribe")).toBe(1);
  });

  it("stays open for a waiting caller when another releases its hold", async () => {
    const { broker, channels } = await createTestNode();
    const channel = await channels.acquire("news");
    const acquiring = channels.acquire("news");
    channels.release(channel);
    expect(await acquiring).toBe(channel);
    expect(broker.count("unsubscribe")).toBe(0);
  });

  it("is released once by unsubscribing twice", async () => {
    const { broker, channels, createReader, follow } = await createTestNode();
    const subscription = await follow(createReader(), "news", { hasJoinLeave: true });
    const stays = await follow(createReader(), "news", { hasJoinLeave: true });
    channels.unsubscribe(subscription);
    channels.unsubscribe(subscription);
    expect(stays.channel.wantsJoinLeave).toBe(true);
    channels.unsubscribe(stays);
    channels.unsubscribe(stays);
    expect(stays.channel.wantsJoinLeave).toBe(false);
    expect(broker.count("unsubscribe")).toBe(1);
  });

  it("reopens right after closing, and gets its events", async () => {
    const { broker, channels, createReader, follow, publish, scheduler } = await createTestNode();
    const left = createReader();
    const reader = createReader();
    channels.unsubscribe(await follow(left, "news"));
    await follow(reader, "news");
    await publish("news", 2);
    await scheduler.runAll();
    expect(reader.offsets()).toEqual([1, 2]);
    expect(left.offsets()).toEqual([]);
    expect(broker.calls.filter((call) => call.includes("subscribe"))).toEqual([
      "subscribe news",
      "unsubscribe news",
      "subscribe news",
    ]);
  });
});

describe("failing broker", () => {
  it("fails all waiting callers and keeps nothing", async () => {
    const { broker, channels, errors } = await createTestNode();
    broker.fail("subscribe", new Error("no store"));
    const results = await Promise.allSettled([channels.acquire("news"), channels.acquire("news")]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(channels.count).toBe(0);
    expect(errors).toEqual([]);
  });

  it("is retried by the next caller", async () => {
    const { broker, channels, publish } = await createTestNode();
    broker.fail("subscribe", new Error("no store"));
    await expect(channels.acquire("news")).rejects.toThrow("no store");
    broker.heal("subscribe");
    await publish("news", 2);
    expect((await channels.acquire("news")).head).toBe(2);
  });

  it("is reported once when unsubscribing fails", async () => {
    const { broker, channels, errors } = await createTestNode();
    const failure = new Error("no store");
    broker.fail("unsubscribe", failure);
    channels.release(await channels.acquire("news"));
    await settle();
    expect(channels.count).toBe(0);
    expect(errors).toEqual([{ error: failure, stage: "leaving channel news" }]);
  });

  it("is not reported where it was closed before its channels", async () => {
    const { broker, channels, errors } = await createTestNode();
    const news = await channels.acquire("news");
    broker.fail("unsubscribe", new HoldfastError("HF_BROKER_CLOSED"));
    channels.release(news);
    await settle();
    expect(channels.count).toBe(0);
    expect(errors).toEqual([]);
  });
});

describe("events of the broker", () => {
  it("for unused channels are ignored", async () => {
    const { channels, delivery } = await createTestNode();
    channels.onPublication("news", publication(1), "e");
    channels.onJoin("news", clientInfo("ann"));
    channels.onLeave("news", clientInfo("ann"));
    expect(channels.count).toBe(0);
    expect(delivery.pending.channels).toBe(0);
  });

  it("of joins are not kept without a reader that wants them", async () => {
    const { broker, createReader, delivery, follow } = await createTestNode();
    const { channel } = await follow(createReader(), "news");
    await broker.presence.announce("news", "join", clientInfo("ann"));
    expect(channel.ring.next).toBe(channel.ring.first);
    expect(delivery.pending.channels).toBe(0);
  });

  it("of joins are kept from the first subscriber that wants them until the last leaves", async () => {
    const { broker, channels, createReader, follow } = await createTestNode();
    const { channel } = await follow(createReader(), "news");
    const curious = await follow(createReader(), "news", { hasJoinLeave: true });
    await broker.presence.announce("news", "join", clientInfo("ann"));
    expect(channel.ring.next - channel.ring.first).toBe(1);
    channels.unsubscribe(curious);
    await broker.presence.announce("news", "leave", clientInfo("ann"));
    expect(channel.ring.next - channel.ring.first).toBe(1);
  });
});
