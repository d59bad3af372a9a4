import { describe, expect, it } from "vitest";
import { countTo } from "../channels/support/entries.js";
import { createSessionNode, nothing, type SessionNode } from "./support/session-node.js";
import type { TestClient } from "./support/test-client.js";

/** Waits for the client's next ping, at most a minute. @returns after how many milliseconds it came */
async function timeToPing(node: SessionNode, client: TestClient): Promise<number | undefined> {
  const count = () => client.labels.filter((label) => label === "ping").length;
  const before = count();
  for (let ms = 500; ms <= 60_000; ms += 500) {
    await node.wait(500);
    if (count() > before) return ms;
  }
  return undefined;
}

describe("ping", () => {
  it.each([
    [0, 12_500],
    [0.5, 18_750],
    [0.999, 24_990],
  ])("comes first after half to a whole interval, for the random number %d", async (random, due) => {
    const node = await createSessionNode({ random: () => random });
    const client = await node.connect();
    const ms = await timeToPing(node, client);
    expect(ms).toBeGreaterThanOrEqual(due);
    expect(ms).toBeLessThanOrEqual(due + 500);
  });

  it("is sent every interval while it is answered", async () => {
    const node = await createSessionNode();
    const client = await node.connect();
    await timeToPing(node, client);
    for (const _round of countTo(5)) {
      await client.ask({});
      const ms = await timeToPing(node, client);
      expect(ms).toBeGreaterThanOrEqual(25_000);
      expect(ms).toBeLessThanOrEqual(25_500);
    }
    expect(client.closes).toEqual([]);
  });

  it("is an empty object, and is not repeated before the answer", async () => {
    const node = await createSessionNode();
    const client = await node.connect();
    await timeToPing(node, client);
    expect(client.transport.writes.at(-1)).toEqual(["{}"]);
    await node.wait(7500);
    expect(client.labels.filter((label) => label === "ping")).toHaveLength(1);
  });

  it("that is not answered in time ends the connection with 3012", async () => {
    const node = await createSessionNode();
    const client = await node.connect();
    await client.ask({ id: 2, subscribe: { channel: "news" } });
    await timeToPing(node, client);
    await node.wait(7500);
    expect(client.closes).toEqual([]);
    await node.wait(1000);
    expect(client.closeCodes).toEqual([3012]);
    expect(node.sizes()).toEqual(nothing);
  });

  it("is not answered by other commands", async () => {
    const node = await createSessionNode();
    const client = await node.connect();
    await timeToPing(node, client);
    await client.ask({ id: 2, rpc: {} });
    await node.wait(9000);
    expect(client.closeCodes).toEqual([3012]);
  });

  it("is not sent before connect", async () => {
    const node = await createSessionNode({ times: { connectTimeoutMs: 100_000 } });
    const client = node.open();
    expect(await timeToPing(node, client)).toBeUndefined();
  });

  it("is sent with other pending output", async () => {
    const node = await createSessionNode();
    const client = await node.connect();
    await client.ask({ id: 2, subscribe: { channel: "news" } });
    await node.wait(12_000);
    const before = client.transport.writes.length;
    node.clock.advance(500);
    await node.publish("news");
    await client.settle();
    expect(client.transport.writes.slice(before)).toHaveLength(1);
    expect(client.labels.slice(-2)).toEqual(["ping", "news pub 1"]);
  });
});

describe("pong", () => {
  it("that is unsolicited is ignored", async () => {
    const node = await createSessionNode();
    const client = await node.connect();
    expect(await client.ask({}, {}, {})).toEqual([]);
    expect(client.closes).toEqual([]);
    const ms = await timeToPing(node, client);
    expect(ms).toBeLessThanOrEqual(13_000);
  });

  it("that comes twice counts once", async () => {
    const node = await createSessionNode();
    const client = await node.connect();
    await timeToPing(node, client);
    await client.ask({}, {});
    await timeToPing(node, client);
    await node.wait(9000);
    expect(client.closeCodes).toEqual([3012]);
  });
});

describe("pong delayed by the server itself", () => {
  it("is not counted as missed while the broker is slow", async () => {
    const node = await createSessionNode({ limits: { maxCommandsInFlight: 2 } });
    const client = await node.connect();
    node.broker.hold("publish");
    const publish = { channel: "news", data: 1 };
    await client.ask({ id: 2, publish }, { id: 3, publish }, { id: 4, publish });
    expect(client.transport.reading).toEqual(["pause"]);
    await timeToPing(node, client);
    client.send({});
    await node.wait(9000);
    expect(client.closes).toEqual([]);
    node.broker.release("publish");
    await client.settle();
    expect(client.reply(4)).toEqual({ id: 4, publish: {} });
    await node.wait(20_000);
    expect(client.closes).toEqual([]);
  });
});

/** A connected client that follows "news" and whose transport takes nothing more. */
async function createFullClient(node: SessionNode): Promise<TestClient> {
  const client = await node.connect();
  await client.ask({ id: 2, subscribe: { channel: "news" } });
  client.transport.isFull = true;
  await node.publish("news");
  await client.settle();
  expect(client.transport.unsentBytes).toBeGreaterThan(0);
  return client;
}

describe("slow peer", () => {
  it("is kept while it reads what is written, however late", async () => {
    const node = await createSessionNode();
    const client = await createFullClient(node);
    for (const _round of countTo(20)) {
      await node.wait(20_000);
      client.transport.drain(true);
      await node.publish("news");
      await client.settle();
      client.send({});
    }
    expect(client.closes).toEqual([]);
  });

  it("is kept while it reads part of what is written, never all", async () => {
    const node = await createSessionNode();
    const client = await createFullClient(node);
    client.transport.unsentBytes = 60_000;
    for (const _round of countTo(10)) {
      await node.wait(10_000);
      client.transport.unsentBytes -= 5000;
    }
    expect(client.closes).toEqual([]);
  });

  it("that never reads is disconnected as slow in bounded time", async () => {
    const node = await createSessionNode();
    const client = await createFullClient(node);
    await node.wait(25_000 + 8000 + 30_000 + 1000);
    expect([[3008], [3012]]).toContainEqual(client.closeCodes);
    expect(node.sizes()).toEqual(nothing);
  });

  it("that never reads is disconnected though it sends pongs", async () => {
    const node = await createSessionNode();
    const client = await createFullClient(node);
    for (const _round of countTo(60)) {
      await node.wait(2000);
      client.send({});
    }
    expect([[3008], [3012]]).toContainEqual(client.closeCodes);
  });

  it("gets no pings while its transport is full", async () => {
    const node = await createSessionNode();
    const client = await createFullClient(node);
    const unsent = client.session.unsentBytes;
    await node.wait(40_000);
    expect(client.session.unsentBytes).toBe(unsent);
  });

  it("that fills up after a ping has time to answer", async () => {
    const node = await createSessionNode();
    const client = await node.connect();
    await client.ask({ id: 2, subscribe: { channel: "news" } });
    client.transport.isFull = true;
    await timeToPing(node, client);
    await node.wait(9000);
    expect(client.closes).toEqual([]);
    client.transport.drain();
    await client.ask({});
    await node.wait(20_000);
    expect(client.closes).toEqual([]);
  });

  it("is pinged once it drains, and disconnected if it does not answer", async () => {
    const node = await createSessionNode();
    const client = await createFullClient(node);
    await node.wait(13_000);
    const pings = () => client.labels.filter((label) => label === "ping").length;
    const before = pings();
    client.transport.drain();
    await node.wait(0);
    expect(pings()).toBe(before + 1);
    await node.wait(9000);
    expect(client.closeCodes).toEqual([3012]);
  });
});
