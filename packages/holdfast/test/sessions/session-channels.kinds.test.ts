import { describe, expect, it } from "vitest";
import { openRules } from "../../src/channels/rules.js";
import { countTo } from "../channels/support/entries.js";
import { createSessionNode, type SessionNodeOptions } from "./support/session-node.js";

/** Channels are of the kind that their name begins with. */
const byName: SessionNodeOptions = {
  rulesFor: (channel) => ({
    ...openRules,
    kind: channel.startsWith("live") ? "live" : channel.startsWith("latest") ? "latest" : "stream",
  }),
};

async function createNode(options: SessionNodeOptions = {}) {
  const node = await createSessionNode({ ...byName, ...options });
  const publisher = await node.connect();
  let id = 10;
  const publish = async (channel: string, data: unknown, key?: string) => {
    await publisher.ask({ id: ++id, publish: { channel, data, ...(key !== undefined && { key }) } });
    return publisher.reply(id);
  };
  return { ...node, publish };
}

type Node = Awaited<ReturnType<typeof createNode>>;

async function subscribe(node: Node, channel: string, recover?: object) {
  const client = await node.connect();
  await client.ask({ id: 2, subscribe: { channel, ...recover } });
  return client;
}

describe("channel of kind live", () => {
  it("delivers without offsets, positions or recovery", async () => {
    const node = await createNode();
    const client = await subscribe(node, "live");
    expect(client.reply(2)?.subscribe).toEqual({});
    await node.publish("live", 1);
    await client.settle();
    expect(client.pushes("live")).toEqual([{ data: 1, info: expect.anything() }]);
  });

  it("stores nothing in the log", async () => {
    const node = await createNode();
    await subscribe(node, "live");
    expect(await node.publish("live", 1)).toMatchObject({ publish: {} });
    expect(node.memory.sizes.bytes).toBe(0);
  });

  it("has no history", async () => {
    const node = await createNode();
    const client = await node.connect();
    await client.ask({ id: 2, history: { channel: "live", limit: 1 } });
    expect(client.reply(2)?.error).toMatchObject({ code: 108 });
  });

  it("reports that nothing was recovered", async () => {
    const node = await createNode();
    await subscribe(node, "live");
    await node.publish("live", 1);
    const client = await subscribe(node, "live", { recover: true });
    expect(client.reply(2)?.subscribe).toEqual({ was_recovering: true });
    expect(client.pushes("live")).toEqual([]);
  });

  it("continues a slow reader from the ring", async () => {
    const node = await createNode();
    const client = await subscribe(node, "live");
    client.transport.isFull = true;
    for (const data of countTo(5)) {
      await node.publish("live", data);
      await client.settle();
    }
    client.transport.drain();
    await client.settle();
    expect(client.pushes("live").map(({ data }) => data)).toEqual(countTo(5));
  });

  it("tells a reader that lags beyond the ring of the gap", async () => {
    const node = await createNode({ ringLimits: { maxEntries: 4 } });
    const client = await subscribe(node, "live");
    client.transport.isFull = true;
    for (const data of countTo(10)) {
      await node.publish("live", data);
      await client.settle();
    }
    client.transport.drain();
    await client.settle();
    expect(client.pushes("live").map(({ data }) => data)).toEqual([1]);
    expect(client.unsubscribes("live")).toEqual([{ code: 2500, reason: "insufficient state" }]);
  });
});

describe("channel of kind latest", () => {
  it("gives a lagging reader the newest publication only", async () => {
    const node = await createNode();
    const client = await subscribe(node, "latest");
    client.transport.isFull = true;
    for (const data of countTo(10)) {
      await node.publish("latest", data);
      await client.settle();
    }
    client.transport.drain();
    await client.settle();
    expect(client.pushes("latest").map(({ data }) => data)).toEqual([1, 10]);
  });

  it("gives a lagging reader the newest of each key in order, whatever its lag", async () => {
    const node = await createNode({ ringLimits: { maxEntries: 4 } });
    const client = await subscribe(node, "latest");
    client.transport.isFull = true;
    await node.publish("latest", 0, "a");
    await client.settle();
    for (const [data, key] of [
      [1, "b"],
      [2, "c"],
      [3, "a"],
      [4, "a"],
      [5, "b"],
      [6, "a"],
    ] as const) {
      await node.publish("latest", data, key);
      await client.settle();
    }
    client.transport.drain();
    await client.settle();
    expect(client.pushes("latest").map(({ data, key }) => [key, data])).toEqual([
      ["a", 0],
      ["c", 2],
      ["b", 5],
      ["a", 6],
    ]);
    await node.publish("latest", 7, "a");
    await client.settle();
    expect(client.pushes("latest").at(-1)).toMatchObject({ key: "a", data: 7 });
  });

  it("tells a lagging reader that missed a key no longer available", async () => {
    const node = await createNode({ ringLimits: { maxEntries: 2 }, ...shortLog });
    const client = await subscribe(node, "latest");
    client.transport.isFull = true;
    for (const key of ["a", "b", "c", "d", "e"]) {
      await node.publish("latest", key, key);
      await client.settle();
    }
    client.transport.drain();
    await client.settle();
    expect(client.unsubscribes("latest")).toHaveLength(1);
  });

  it("recovers with the newest when the log holds no more", async () => {
    const node = await createNode({ ringLimits: { maxEntries: 2 }, ...shortLog });
    const keeper = await subscribe(node, "latest");
    const { epoch } = keeper.reply(2)?.subscribe ?? {};
    for (const data of countTo(10)) await node.publish("latest", data);
    const client = await subscribe(node, "latest", { recover: true, epoch, offset: 3 });
    expect(client.reply(2)?.subscribe).toMatchObject({
      recovered: true,
      publications: [{ data: 10, offset: 10 }],
    });
  });

  it("recovers with the newest of each key", async () => {
    const node = await createNode();
    const keeper = await subscribe(node, "latest");
    const { epoch } = keeper.reply(2)?.subscribe ?? {};
    for (const [data, key] of [
      [1, "a"],
      [2, "b"],
      [3, "a"],
    ] as const)
      await node.publish("latest", data, key);
    const client = await subscribe(node, "latest", { recover: true, epoch, offset: 0 });
    expect(client.reply(2)?.subscribe?.publications?.map(({ data }) => data)).toEqual([2, 3]);
  });

  it("accepts keys, which kind stream refuses", async () => {
    const node = await createNode();
    expect((await node.publish("news", 1, "a"))?.error).toMatchObject({ code: 107 });
    expect((await node.publish("latest", 1, "a"))?.error).toBeUndefined();
  });
});

/** A log of one publication, so that only the ring can help. */
const shortLog: SessionNodeOptions = {
  rulesFor: () => ({ ...openRules, kind: "latest", retention: { ...openRules.retention, maxEntries: 1 } }),
};
