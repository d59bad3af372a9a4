import { describe, expect, it } from "vitest";
import { countTo } from "../channels/support/entries.js";
import { createSessionNode, type SessionNodeOptions } from "./support/session-node.js";

interface Since {
  readonly offset?: number;
  readonly epoch?: string;
  readonly flag?: number;
}

/** Somebody keeps the channel open, so that the node has its ring; then one client comes back. */
async function recoverFrom(since: Since, published: number, options: SessionNodeOptions = {}) {
  const node = await createSessionNode(options);
  const keeper = await node.connect();
  await keeper.ask({ id: 2, subscribe: { channel: "news" } });
  await node.publish("news", published);
  await keeper.settle();
  const client = await node.connect();
  await client.ask({ id: 2, subscribe: { channel: "news", recover: true, ...since } });
  return { ...node, keeper, client, reply: client.reply(2) };
}

const epoch = "epoch-1";

describe("recovery", () => {
  it("returns missed publications and the requested offset", async () => {
    const { client, publish, reply } = await recoverFrom({ offset: 2, epoch }, 5);
    expect(reply?.subscribe).toEqual({
      recoverable: true,
      positioned: true,
      epoch,
      offset: 2,
      publications: [3, 4, 5].map((offset) => ({ data: "x", offset })),
      recovered: true,
      was_recovering: true,
    });
    await publish("news", 2);
    await client.settle();
    expect(client.offsets("news")).toEqual([3, 4, 5, 6, 7]);
  });

  it("succeeds empty when nothing was missed", async () => {
    const { client, publish, reply } = await recoverFrom({ offset: 5, epoch }, 5);
    expect(reply?.subscribe).toEqual({
      recoverable: true,
      positioned: true,
      epoch,
      offset: 5,
      recovered: true,
      was_recovering: true,
    });
    await publish("news");
    await client.settle();
    expect(client.offsets("news")).toEqual([6]);
  });

  it("returns the whole log for offset 0 and no epoch", async () => {
    const { client, reply } = await recoverFrom({}, 5);
    expect(reply?.subscribe).toMatchObject({ epoch, recovered: true, was_recovering: true });
    expect(reply?.subscribe?.offset).toBeUndefined();
    expect(client.offsets("news")).toEqual(countTo(5));
  });

  it("succeeds on a new channel", async () => {
    const { client, publish, reply } = await recoverFrom({}, 0);
    expect(reply?.subscribe).toEqual({
      recoverable: true,
      positioned: true,
      epoch,
      recovered: true,
      was_recovering: true,
    });
    await publish("news");
    await client.settle();
    expect(client.offsets("news")).toEqual([1]);
  });

  it("works when the channel was not open on this node", async () => {
    const { connect, publish } = await createSessionNode();
    await publish("news", 5);
    const client = await connect();
    await client.ask({ id: 2, subscribe: { channel: "news", recover: true, offset: 3, epoch } });
    expect(client.reply(2)?.subscribe).toMatchObject({ offset: 3, recovered: true });
    await publish("news");
    await client.settle();
    expect(client.offsets("news")).toEqual([4, 5, 6]);
  });

  it("reads the log when the ring has moved on", async () => {
    const { client, publish, reply } = await recoverFrom({ offset: 2, epoch }, 50, {
      ringLimits: { maxEntries: 4 },
    });
    expect(reply?.subscribe).toMatchObject({ recovered: true, offset: 2 });
    await publish("news");
    await client.settle();
    expect(client.offsets("news")).toEqual(countTo(51, 3));
  });

  it("sends more than a batch in pushes after the reply, in order", async () => {
    const { connect, publish } = await createSessionNode({ ringLimits: { maxEntries: 4 } });
    await publish("news", 60, JSON.stringify("x".repeat(10_000)));
    const client = await connect();
    await client.ask({ id: 2, subscribe: { channel: "news", recover: true, offset: 5, epoch } });
    const { publications = [], ...rest } = client.reply(2)?.subscribe ?? {};
    expect(rest).toMatchObject({ offset: 5, recovered: true });
    expect(publications.length).toBeGreaterThan(0);
    expect(publications.length).toBeLessThan(8);
    expect(client.offsets("news")).toEqual(countTo(60, 6));
    expect(client.labels.slice(0, 2)).toEqual(["1 connect", "2 subscribe"]);
  });

  it("misses nothing published while it reads the log", async () => {
    const { broker, connect, publish } = await createSessionNode({ ringLimits: { maxEntries: 4 } });
    await publish("news", 10);
    const client = await connect();
    broker.hold("history");
    await client.ask({ id: 2, subscribe: { channel: "news", recover: true, offset: 2, epoch } });
    await publish("news", 20);
    expect(await client.settle()).toEqual([]);
    broker.release("history");
    await client.settle();
    expect(client.offsets("news")).toEqual(countTo(30, 3));
    expect(client.labels.slice(0, 2)).toEqual(["1 connect", "2 subscribe"]);
  });

  it("is not attempted without recover, whatever the position", async () => {
    const { connect, publish } = await createSessionNode();
    await publish("news", 5);
    const client = await connect();
    await client.ask({ id: 2, subscribe: { channel: "news", offset: 2, epoch: "_", flag: 2 } });
    expect(client.reply(2)?.subscribe).toEqual({
      recoverable: true,
      positioned: true,
      epoch,
      offset: 5,
    });
  });
});

describe("impossible recovery", () => {
  const cases: readonly [string, Since, number, SessionNodeOptions][] = [
    ["the log no longer has what comes next", { offset: 2, epoch }, 20, { retention: { maxEntries: 4 } }],
    ["the epoch is another", { offset: 2, epoch: "another" }, 5, {}],
    ["the epoch is _", { offset: 5, epoch: "_" }, 5, {}],
    ["the offset lies beyond the head", { offset: 6, epoch }, 5, {}],
    ["the offset lies beyond the head of an unnamed epoch", { offset: 6 }, 5, {}],
    ["the beginning is asked for and gone", {}, 20, { retention: { maxEntries: 4 } }],
  ];

  it.each(cases)(
    "is reported, and the subscription continues at the head: %s",
    async (_name, since, published, options) => {
      const { client, publish, reply } = await recoverFrom(since, published, options);
      expect(reply?.subscribe).toEqual({
        recoverable: true,
        positioned: true,
        epoch,
        offset: published,
        was_recovering: true,
      });
      await publish("news", 2);
      await client.settle();
      expect(client.offsets("news")).toEqual(countTo(published + 2, published + 1));
    },
  );

  it.each(cases)("gets error 112 with flag 2: %s", async (_name, since, published, options) => {
    const { client, handler, publish, reply } = await recoverFrom({ ...since, flag: 3 }, published, options);
    expect(reply?.error).toEqual({ code: 112, message: "unrecoverable position" });
    expect(handler.stats().subscriptions).toBe(1);
    await publish("news");
    await client.settle();
    expect(client.offsets("news")).toEqual([]);
    await client.ask({ id: 3, subscribe: { channel: "news" } });
    expect(client.reply(3)?.subscribe).toMatchObject({ offset: published + 1 });
  });

  it("does not get error 112 with flag 1 alone", async () => {
    const { reply } = await recoverFrom({ offset: 6, epoch, flag: 1 }, 5);
    expect(reply?.subscribe).toMatchObject({ was_recovering: true });
  });

  it("is reported when everything has expired", async () => {
    const { clock, connect, publish } = await createSessionNode({ retention: { ttlMs: 1000 } });
    const keeper = await connect();
    await keeper.ask({ id: 2, subscribe: { channel: "news" } });
    await publish("news", 5);
    clock.advance(2000);
    const client = await connect();
    await client.ask({ id: 2, subscribe: { channel: "news", recover: true, offset: 3, epoch } });
    expect(client.reply(2)?.subscribe).toMatchObject({ offset: 5, was_recovering: true });
    expect(client.reply(2)?.subscribe?.recovered).toBeUndefined();
  });

  it("gets error 100 when the log cannot be read, and may be retried", async () => {
    const { broker, connect, errors, handler, publish } = await createSessionNode();
    await publish("news", 5);
    broker.fail("history");
    const client = await connect();
    const subscribe = { channel: "news", recover: true, offset: 3, epoch };
    await client.ask({ id: 2, subscribe });
    expect(client.reply(2)?.error).toMatchObject({ code: 100, temporary: true });
    expect(errors).toHaveLength(1);
    expect(handler.stats().subscriptions).toBe(0);
    broker.heal("history");
    await client.ask({ id: 3, subscribe });
    expect(client.offsets("news")).toEqual([4, 5]);
  });
});

describe("client that reconnects repeatedly", () => {
  it("gets every publication once and in order", async () => {
    const { connect, publish } = await createSessionNode({ ringLimits: { maxEntries: 4 } });
    const all: number[] = [];
    for (const round of countTo(12)) {
      const client = await connect();
      const since = { offset: all.at(-1) ?? 0, epoch: round === 1 ? "" : epoch };
      client.send({ id: 2, subscribe: { channel: "news", recover: true, ...since } });
      await publish("news", round);
      await client.settle();
      await publish("news", 2);
      await client.settle();
      all.push(...client.offsets("news"));
      client.session.closed();
      await publish("news", round % 3);
    }
    expect(all).toEqual(countTo(all.length));
    expect(all.length).toBeGreaterThan(90);
  });
});
