import { describe, expect, it } from "vitest";
import { countTo } from "../channels/support/entries.js";
import { createSessionNode, type SessionNode, type SessionNodeOptions } from "./support/session-node.js";
import type { TestClient } from "./support/test-client.js";

const news = { channel: "news" };

async function createSubscriber(
  options: SessionNodeOptions = {},
): Promise<SessionNode & { client: TestClient }> {
  const node = await createSessionNode(options);
  const client = await node.connect();
  await client.ask({ id: 2, subscribe: news });
  return { ...node, client };
}

describe("client whose transport is full", () => {
  it("has nothing queued, whatever is published", async () => {
    const { client, handler, publish } = await createSubscriber();
    client.transport.isFull = true;
    await publish("news");
    await client.settle();
    const unsent = client.session.unsentBytes;
    const { length } = client.transport.writes;
    for (const _round of countTo(20)) {
      await publish("news", 10);
      await client.settle();
    }
    expect(client.session.unsentBytes).toBe(unsent);
    expect(handler.stats().unsentBytes).toBe(unsent);
    expect(client.transport.writes).toHaveLength(length);
  });

  it("catches up in order once it drains", async () => {
    const { client, publish } = await createSubscriber();
    client.transport.isFull = true;
    await publish("news");
    await client.settle();
    await publish("news", 20);
    await client.settle();
    client.transport.drain();
    await client.settle();
    expect(client.offsets("news")).toEqual(countTo(21));
    expect(client.session.unsentBytes).toBe(0);
  });

  it("catches up from the log when the ring has moved on, while it keeps filling up", async () => {
    const { client, publish } = await createSubscriber({ ringLimits: { maxEntries: 4 } });
    client.transport.isFull = true;
    await publish("news", 100, JSON.stringify("x".repeat(5000)));
    for (let drains = 0; client.offsets("news").length < 100; drains++) {
      expect(drains).toBeLessThan(50);
      await client.settle();
      expect(client.transport.unsentBytes).toBeLessThan(100_000);
      client.transport.drain(true);
    }
    expect(client.offsets("news")).toEqual(countTo(100));
  });

  it("does not slow down other clients", async () => {
    const { client, connect, publish } = await createSubscriber();
    const quick = await connect();
    await quick.ask({ id: 2, subscribe: news });
    client.transport.isFull = true;
    await publish("news", 10);
    await quick.settle();
    await publish("news", 10);
    await quick.settle();
    expect(quick.offsets("news")).toEqual(countTo(20));
  });

  it("is written to again when the drain's own write filled it", async () => {
    const { client, publish } = await createSubscriber();
    client.transport.isFull = true;
    await publish("news");
    await client.settle();
    await publish("news", 5);
    await client.settle();
    client.transport.drain(true);
    await client.settle();
    expect(client.offsets("news")).toEqual(countTo(6));
    await publish("news");
    await client.settle();
    expect(client.offsets("news")).toEqual(countTo(6));
    client.transport.drain();
    await client.settle();
    expect(client.offsets("news")).toEqual(countTo(7));
  });

  it("gets replies after the drain, before newer publications", async () => {
    const { client, publish } = await createSubscriber();
    client.transport.isFull = true;
    await publish("news");
    await client.settle();
    await client.ask({ id: 3, refresh: {} }, { id: 4, unsubscribe: { channel: "sport" } });
    expect(client.reply(3)).toBeUndefined();
    await publish("news");
    client.transport.drain();
    await client.settle();
    expect(client.labels.slice(-3)).toEqual(["3 error 108", "4 unsubscribe", "news pub 2"]);
  });

  it("gets a backlog larger than a batch without another drain while it takes everything", async () => {
    const { client, publish } = await createSubscriber();
    await publish("news", 60, JSON.stringify("x".repeat(10_000)));
    await client.settle();
    expect(client.offsets("news")).toEqual(countTo(60));
    for (const frames of client.transport.writes) expect(frames.join("").length).toBeLessThan(150_000);
  });
});

describe("many channels of one client", () => {
  it("never make one write much larger than a batch", async () => {
    const { connect, publish } = await createSessionNode();
    const client = await connect();
    const names = countTo(20).map((n) => `channel-${n}`);
    await client.ask(...names.map((channel, index) => ({ id: index + 2, subscribe: { channel } })));
    for (const name of names) await publish(name, 3, JSON.stringify("x".repeat(10_000)));
    await client.settle();
    for (const name of names) expect(client.offsets(name)).toEqual([1, 2, 3]);
    for (const frames of client.transport.writes) expect(frames.join("").length).toBeLessThan(150_000);
  });
});

describe("client that does not read its answers", () => {
  const limits = { maxUnsentBytes: 2000 };

  it("is not read beyond the limit, and read again when it drains", async () => {
    const { connect, publish } = await createSessionNode({ limits });
    await publish("news", 100);
    const client = await connect();
    client.transport.isFull = true;
    await client.ask({ id: 2, history: { channel: "news", limit: 100 } });
    expect(client.transport.unsentBytes).toBeGreaterThan(2000);
    expect(client.transport.reading).toEqual(["pause"]);
    client.transport.drain();
    await client.settle();
    expect(client.transport.reading).toEqual(["pause", "resume"]);
  });

  it("has its commands held unexecuted beyond the limit", async () => {
    const { broker, connect, publish } = await createSessionNode({ limits });
    await publish("news", 100);
    const client = await connect();
    client.transport.isFull = true;
    await client.ask({ id: 2, history: { channel: "news", limit: 100 } });
    const { length } = broker.calls;
    await client.ask(...countTo(50, 3).map((id) => ({ id, history: { channel: "news", limit: 100 } })));
    expect(broker.calls).toHaveLength(length);
    client.transport.drain();
    await client.settle();
    for (const id of countTo(50, 3)) expect(client.reply(id)?.history?.publications).toHaveLength(100);
  });

  it("holds a bounded number of bytes, whatever it requests", async () => {
    const { connect, handler, publish } = await createSessionNode({
      limits: { ...limits, maxCommandsInFlight: 4 },
    });
    await publish("news", 100);
    const client = await connect();
    await client.ask({ id: 2, history: { channel: "news", limit: 100 } });
    const replyBytes = client.transport.writes.at(-1)?.join("").length ?? 0;
    client.transport.isFull = true;
    for (const id of countTo(100, 3)) await client.ask({ id, history: { channel: "news", limit: 100 } });
    expect(handler.stats().unsentBytes).toBeLessThanOrEqual(2000 + 5 * replyBytes);
  });

  it("still gets publications in order afterwards", async () => {
    const { client, publish } = await createSubscriber({ limits });
    await publish("news", 100);
    await client.settle();
    client.transport.isFull = true;
    await client.ask({ id: 3, history: { channel: "news", limit: 100 } });
    await publish("news", 3);
    await client.settle();
    client.transport.drain();
    await client.settle();
    expect(client.labels.slice(-1)).toEqual(["news pub 103"]);
    expect(client.offsets("news")).toEqual(countTo(103));
  });
});
