import { describe, expect, it } from "vitest";
import { countTo } from "../channels/support/entries.js";
import { createSessionNode, nothing } from "./support/session-node.js";

const news = { channel: "news" };

describe("subscribe", () => {
  it("is answered with the position, before any publication", async () => {
    const { connect, publish } = await createSessionNode();
    await publish("news", 3);
    const client = await connect();
    client.send({ id: 2, subscribe: news });
    await publish("news", 2);
    await client.settle();
    expect(client.reply(2)?.subscribe).toMatchObject({
      recoverable: true,
      positioned: true,
      epoch: "epoch-1",
    });
    const { offset = 0 } = client.reply(2)?.subscribe ?? {};
    expect(client.labels).toEqual([
      "1 connect",
      "2 subscribe",
      ...countTo(5, offset + 1).map((n) => `news pub ${n}`),
    ]);
  });

  it("is answered before publications at any timing, and misses none", async () => {
    for (const steps of countTo(40, 0)) {
      const { connect, publish, scheduler } = await createSessionNode();
      const client = await connect();
      client.send({ id: 2, subscribe: news });
      for (let step = 0; step < steps; step++) await Promise.resolve();
      await publish("news", 1);
      scheduler.turn();
      await publish("news", 1);
      await client.settle();
      const { offset = 0 } = client.reply(2)?.subscribe ?? {};
      expect(client.labels).toEqual([
        "1 connect",
        "2 subscribe",
        ...countTo(2, offset + 1).map((n) => `news pub ${n}`),
      ]);
    }
  });

  it("omits an offset of 0 and a false recovered", async () => {
    const { connect } = await createSessionNode();
    const client = await connect();
    const [reply] = await client.ask({ id: 2, subscribe: news });
    expect(reply?.subscribe).toEqual({ recoverable: true, positioned: true, epoch: "epoch-1" });
  });

  it("of several channels gets each one's publications", async () => {
    const { connect, publish } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: news }, { id: 3, subscribe: { channel: "sport" } });
    await publish("news", 2);
    await publish("sport", 3);
    await client.settle();
    expect(client.offsets("news")).toEqual([1, 2]);
    expect(client.offsets("sport")).toEqual([1, 2, 3]);
    expect(client.transport.writes).toHaveLength(3);
  });

  it("that fails in the broker gets error 100, and may be retried", async () => {
    const { broker, connect, errors, sizes } = await createSessionNode();
    const client = await connect();
    const failure = new Error("no store");
    broker.fail("subscribe", failure);
    await client.ask({ id: 2, subscribe: news });
    expect(client.reply(2)?.error).toMatchObject({ code: 100, temporary: true });
    expect(errors).toEqual([{ error: failure, stage: "command subscribe" }]);
    expect(sizes()).toMatchObject({ subscriptions: 0, channels: 0, presences: 0 });
    broker.heal("subscribe");
    await client.ask({ id: 3, subscribe: news });
    expect(client.reply(3)?.subscribe).toBeDefined();
  });
});

describe("unsubscribe", () => {
  it("is answered, and no publication follows", async () => {
    const { connect, publish, sizes } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: news });
    expect(await client.ask({ id: 3, unsubscribe: news })).toEqual([{ id: 3, unsubscribe: {} }]);
    await publish("news", 2);
    expect(await client.settle()).toEqual([]);
    expect(sizes()).toMatchObject({ subscriptions: 0, channels: 0, subscribed: 0, presences: 0 });
  });

  it("drops publications of the same turn before it", async () => {
    const { connect, publish } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: news });
    await publish("news", 2);
    await client.ask({ id: 3, unsubscribe: news });
    const { labels } = client;
    expect(labels.slice(labels.indexOf("3 unsubscribe") + 1)).toEqual([]);
  });

  it("from a channel without a subscription succeeds", async () => {
    const { connect } = await createSessionNode();
    const client = await connect();
    expect(await client.ask({ id: 2, unsubscribe: news })).toEqual([{ id: 2, unsubscribe: {} }]);
  });

  it("and resubscribe in one frame work, any number of times", async () => {
    const { connect, handler, publish } = await createSessionNode();
    const client = await connect();
    const commands = countTo(9).map((n) => ({ id: n + 1, [n % 2 ? "subscribe" : "unsubscribe"]: news }));
    await client.ask(...commands);
    for (const { id } of commands) expect(client.reply(id)?.error).toBeUndefined();
    expect(handler.stats().subscriptions).toBe(1);
    await publish("news", 2);
    await client.settle();
    expect(client.offsets("news")).toEqual([1, 2]);
  });
});

describe("unsubscribe during a pending subscribe", () => {
  it("waits for it, then ends it", async () => {
    const { broker, connect, publish, sizes } = await createSessionNode();
    const client = await connect();
    broker.hold("subscribe");
    await client.ask({ id: 2, subscribe: news });
    expect(await client.ask({ id: 3, unsubscribe: news })).toEqual([]);
    broker.release("subscribe");
    await client.settle();
    expect(client.labels).toEqual(["1 connect", "2 subscribe", "3 unsubscribe"]);
    await publish("news", 2);
    expect(await client.settle()).toEqual([]);
    expect(sizes()).toMatchObject({ subscriptions: 0, channels: 0, subscribed: 0, presences: 0 });
  });

  it("leaves no presence behind", async () => {
    const { broker, connect, memory } = await createSessionNode();
    const client = await connect();
    broker.hold("subscribe");
    await client.ask({ id: 2, subscribe: news }, { id: 3, unsubscribe: news });
    broker.release("subscribe");
    await client.settle();
    expect(await memory.presence.list("news")).toEqual([]);
  });

  it("shows no leave before the join, nor a join alone", async () => {
    const { broker, connect } = await createSessionNode();
    const watcher = await connect();
    await watcher.ask({ id: 2, subscribe: { ...news, join_leave: true } });
    const before = watcher.labels.length;
    const client = await connect();
    await client.ask({ id: 2, subscribe: news }, { id: 3, unsubscribe: news });
    await watcher.settle();
    const seen = watcher.labels.slice(before);
    expect([[], [`news join ${client.id}`, `news leave ${client.id}`]]).toContainEqual(seen);
    expect(broker.count("presence.announce") % 2).toBe(1);
  });

  it("does not block subscribing again at once", async () => {
    const { broker, connect, memory, publish } = await createSessionNode();
    const client = await connect();
    broker.hold("subscribe");
    await client.ask({ id: 2, subscribe: news }, { id: 3, unsubscribe: news }, { id: 4, subscribe: news });
    broker.release("subscribe");
    await client.settle();
    expect(client.labels).toEqual(["1 connect", "2 subscribe", "3 unsubscribe", "4 subscribe"]);
    await publish("news", 2);
    await client.settle();
    expect(client.offsets("news")).toEqual([1, 2]);
    expect(await memory.presence.list("news")).toHaveLength(1);
  });

  it("delays no other channel", async () => {
    const { broker, connect, publish } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: { channel: "sport" } });
    broker.hold("subscribe");
    await client.ask({ id: 3, subscribe: news }, { id: 4, unsubscribe: news });
    await client.ask({ id: 5, unsubscribe: { channel: "sport" } });
    expect(client.reply(5)).toBeDefined();
    expect(client.reply(4)).toBeUndefined();
    broker.release("subscribe");
    await client.settle();
    expect(client.reply(4)).toBeDefined();
    await publish("news");
    expect(await client.settle()).toEqual([]);
  });

  it("succeeds after a subscribe that fails", async () => {
    const { broker, connect, sizes } = await createSessionNode();
    const client = await connect();
    broker.fail("subscribe");
    await client.ask({ id: 2, subscribe: news }, { id: 3, unsubscribe: news });
    expect(client.reply(2)?.error?.code).toBe(100);
    expect(client.reply(3)).toEqual({ id: 3, unsubscribe: {} });
    client.session.closed();
    await client.settle();
    expect(sizes()).toEqual(nothing);
  });
});

describe("channel whose log restarts", () => {
  it("never ends before its subscribe is answered, and leaves nothing behind, at any timing", async () => {
    for (const steps of countTo(60, 0)) {
      const { connect, memory, publish, settle, startLogAfresh } = await createSessionNode();
      const watcher = await connect();
      await watcher.ask({ id: 2, subscribe: { ...news, join_leave: true } });
      const client = await connect();
      await startLogAfresh("news");
      await publish("news", 3);
      client.send({ id: 2, subscribe: { ...news, recover: true, offset: 0 } });
      for (let step = 0; step < steps; step++) await Promise.resolve();
      await publish("news", 1);
      await settle();
      const answers = client.labels.slice(1).filter((label) => !label.includes("pub"));
      expect([["2 subscribe"], ["2 subscribe", "news unsubscribe 2500"]]).toContainEqual(answers);
      const isSubscribed = answers.length === 1;
      const present = (await memory.presence.list("news")).map((info) => info.client);
      expect(present.includes(client.id)).toBe(isSubscribed);
    }
  });
});

describe("channel the node cannot continue", () => {
  it("ends with 2500, after which a subscribe works", async () => {
    const { connect, publish, sizes } = await createSessionNode({
      ringLimits: { maxEntries: 2 },
      retention: { maxEntries: 4 },
    });
    const client = await connect();
    await client.ask({ id: 2, subscribe: news });
    client.transport.isFull = true;
    await publish("news", 1);
    await client.settle();
    await publish("news", 20);
    await client.settle();
    client.transport.drain();
    const messages = await client.settle();
    expect(messages).toEqual([
      { push: { channel: "news", unsubscribe: { code: 2500, reason: "insufficient state" } } },
    ]);
    expect(sizes()).toMatchObject({ subscriptions: 0, channels: 0, presences: 0 });
    await client.ask({ id: 3, subscribe: { ...news, recover: true, offset: 1, epoch: "epoch-1" } });
    expect(client.reply(3)?.subscribe).toMatchObject({ was_recovering: true, offset: 21 });
    expect(client.reply(3)?.subscribe?.recovered).toBeUndefined();
    await publish("news");
    await client.settle();
    expect(client.offsets("news")).toEqual([1, 22]);
  });
});
