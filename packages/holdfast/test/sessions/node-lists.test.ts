import { describe, expect, it } from "vitest";
import type { ConnectionUse } from "../../src/channels/cluster.js";
import { NodeLists } from "../../src/sessions/node-lists.js";
import { createSessionNode } from "./support/session-node.js";

const many = 100_000;
const nameOf = (i: number) => `room:${String((i * 7919) % many).padStart(6, "0")}`;

/** A node with so many channels and connections, each of which is only what lists look at. Counts what is looked at between turns. */
function createCrowd() {
  let looked = 0;
  const parts: number[] = [];
  function* counted<T>(items: readonly T[]): Iterable<T> {
    for (const item of items) {
      looked++;
      yield item;
    }
  }
  const channels = Array.from({ length: many }, (_, i) => ({
    name: nameOf(i),
    subscriptions: { size: i % 10 === 0 ? 0 : 2 },
    epoch: "e",
    head: i,
  }));
  const sessions = Array.from({ length: many }, (_, i) => ({
    id: nameOf(i),
    user: `user-${i % 1000}`,
    trace: {
      note: {},
      origin: { address: "192.0.2.1", name: "js", version: "5.8.0" },
      behindSince: undefined,
    },
    transport: { name: "websocket", encoding: { codec: { name: "json" } } },
    channels: { names: [], count: 0, has: () => false, subscriptions: () => [] },
    openedAt: 1,
    unsentBytes: 0,
  }));
  const byId = new Map(sessions.map((session) => [session.id, session]));
  const lists = new NodeLists({
    channels: {
      all: () => counted(channels),
      find: (name: string) => channels.find((each) => each.name === name),
    } as never,
    sessions: {
      all: () => counted(sessions),
      session: (id: string) => byId.get(id),
      sessionsOf: (user: string) => counted(sessions.filter((each) => each.user === user)),
    } as never,
    nextTurn: async () => {
      parts.push(looked);
      looked = 0;
    },
  });
  return { lists, parts, looked: () => looked };
}

describe("lists of 100,000", () => {
  it("channels are walked in parts, and give one page in order, and the next", async () => {
    const { lists, parts } = createCrowd();
    const page = await lists.channels({ kind: "channels", limit: 3, hasPositions: true });
    expect(Object.keys(page)).toEqual(["room:000001", "room:000002", "room:000003"]);
    expect(Object.values(page)[0]).toEqual({ clients: 2, epoch: "e", offset: expect.any(Number) });
    expect([parts.length, Math.max(...parts)]).toEqual([100, 1000]);
    const next = await lists.channels({ kind: "channels", limit: 2, after: "room:000003" });
    expect(next).toEqual({ "room:000004": 2, "room:000005": 2 });
  });

  it("channels are found by a pattern, and by a whole name without a walk", async () => {
    const { lists, parts, looked } = createCrowd();
    const found = await lists.channels({ kind: "channels", limit: 5, pattern: "*0999?" });
    expect(Object.keys(found)[0]).toMatch(/0999\d$/);
    parts.length = 0;
    expect(await lists.channels({ kind: "channels", limit: 5, pattern: "room:000007" })).toEqual({
      "room:000007": 2,
    });
    expect([parts, looked()]).toEqual([[], 0]);
  });

  it("connections are walked in parts, by user ids that match", async () => {
    const { lists, parts } = createCrowd();
    const page = await lists.connections({ limit: 2, userPattern: "user-99*" });
    expect(page).toMatchObject([
      { transport: "websocket", codec: "json", address: "192.0.2.1", name: "js", version: "5.8.0" },
      { user: expect.stringMatching(/^user-99/) },
    ]);
    expect([parts.length, Math.max(...parts)]).toEqual([100, 1000]);
    parts.length = 0;
    expect(await lists.connections({ limit: 1, client: nameOf(5) })).toMatchObject([{ user: "user-5" }]);
    expect(parts).toEqual([]);
  });

  it("are made one at a time, and refused when too many wait", async () => {
    const { lists, parts } = createCrowd();
    const asked = Array.from({ length: 34 }, () => lists.channels({ kind: "channels", limit: 1 }));
    const answers = await Promise.all(asked);
    expect(answers.slice(32)).toEqual([
      expect.objectContaining({ code: 111, isTemporary: true }),
      expect.objectContaining({ code: 111 }),
    ]);
    expect(answers[31]).toEqual({ "room:000001": 2 });
    expect(Math.max(...parts)).toBe(1000);
    expect(await lists.channels({ kind: "channels", limit: 1 })).toEqual({ "room:000001": 2 });
  });
});

describe("a list of connections", () => {
  it("says where each comes from, what it says that it is, and where its subscriptions stand", async () => {
    const node = await createSessionNode();
    const client = node.open();
    await client.ask({ id: 1, connect: { data: { user: "ann" }, name: "js", version: "5.8.0" } });
    await client.ask({ id: 2, subscribe: { channel: "news" } });
    await node.publish("news", 3);
    const [found] = (await node.control.connections({
      limit: 5,
      channel: "news",
      hasSubscriptions: true,
    })) as [object];
    expect(found).toMatchObject({
      user: "ann",
      name: "js",
      version: "5.8.0",
      address: expect.any(String),
      subscriptions: [{ channel: "news", offset: 0, head: 3, state: "behind" }],
    });
    await node.settle();
    const [later] = (await node.control.connections({
      limit: 5,
      client: client.id,
      hasSubscriptions: true,
    })) as [object];
    expect(later).toMatchObject({ subscriptions: [{ offset: 3, head: 3, state: "live" }] });
  });

  it("keeps no names that a client makes long", async () => {
    const node = await createSessionNode();
    const client = node.open();
    await client.ask({ id: 1, connect: { data: { user: "ann" }, name: "j".repeat(65), version: "1" } });
    const [found] = (await node.control.connections({ limit: 5 })) as readonly ConnectionUse[];
    expect([found?.name, found?.version]).toEqual([undefined, "1"]);
  });

  it("leaves out connections whose user is not known yet, and those that keep up if only others are asked for", async () => {
    const node = await createSessionNode();
    node.open();
    const slow = await node.connect("slow");
    await node.connect("ann");
    expect(await node.control.connections({ limit: 5 })).toHaveLength(2);
    slow.session.fellBehind();
    node.clock.advance(2000);
    expect(await node.control.connections({ limit: 5, isBehind: true })).toMatchObject([
      { user: "slow", behindSince: expect.any(Number) },
    ]);
  });
});
