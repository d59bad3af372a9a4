import { describe, expect, it } from "vitest";
import { openRules } from "../../src/channels/rules.js";
import { countTo } from "../channels/support/entries.js";
import { settle } from "../support/fake-clock.js";
import { createSessionNode } from "./support/session-node.js";
import type { TestClient } from "./support/test-client.js";

const news = { channel: "news" };
const curious = { channel: "news", join_leave: true };

async function presentIn(client: TestClient, id: number): Promise<string[]> {
  await client.ask({ id, presence: news });
  return Object.keys(client.reply(id)?.presence?.presence ?? {});
}

describe("presence", () => {
  it("lists the subscribers with their identity", async () => {
    const { connect } = await createSessionNode();
    const ann = await connect("ann");
    const bob = await connect("bob");
    await ann.ask({ id: 2, subscribe: news });
    await bob.ask({ id: 2, subscribe: news });
    await ann.ask({ id: 3, presence: news });
    expect(ann.reply(3)?.presence).toEqual({
      presence: {
        [ann.id]: { user: "ann", client: ann.id },
        [bob.id]: { user: "bob", client: bob.id },
      },
    });
  });

  it("counts connections, and each user once", async () => {
    const { connect, handler } = await createSessionNode();
    const first = await connect("ann");
    const second = await connect("ann");
    const other = await connect("bob");
    for (const client of [first, second, other]) await client.ask({ id: 2, subscribe: news });
    await first.ask({ id: 3, presence_stats: news });
    expect(first.reply(3)?.presence_stats).toEqual({ num_clients: 3, num_users: 2 });
    expect(handler.sessionsOf("ann")).toEqual([first.session, second.session]);
    first.session.closed();
    await settle();
    await other.ask({ id: 3, presence_stats: news });
    expect(other.reply(3)?.presence_stats).toEqual({ num_clients: 2, num_users: 2 });
    expect(handler.sessionsOf("ann")).toEqual([second.session]);
  });

  it("ends with unsubscribe and with the connection", async () => {
    const { connect } = await createSessionNode();
    const [watcher, leaver, closer] = [await connect(), await connect(), await connect()];
    await leaver.ask({ id: 2, subscribe: news });
    await closer.ask({ id: 2, subscribe: news });
    expect(await presentIn(watcher, 2)).toEqual([leaver.id, closer.id]);
    await leaver.ask({ id: 3, unsubscribe: news });
    expect(await presentIn(watcher, 3)).toEqual([closer.id]);
    closer.session.closed();
    expect(await presentIn(watcher, 4)).toEqual([]);
  });

  it("is renewed while the client answers pings", async () => {
    const { connect, wait } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: news });
    for (const round of countTo(60)) {
      await wait(4000);
      client.send({});
      expect(await presentIn(client, 100 + round)).toEqual([client.id]);
    }
  });

  it("outlasts the ping interval, whatever its length", async () => {
    const { connect, memory, wait } = await createSessionNode({ times: { pingIntervalMs: 180_000 } });
    const client = await connect();
    await client.ask({ id: 2, subscribe: news });
    for (const _round of countTo(9)) {
      await wait(10_000);
      expect(await memory.presence.list("news")).toHaveLength(1);
    }
  });

  it("stays while the client reads slowly", async () => {
    const { connect, memory, publish, wait } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: news });
    client.transport.isFull = true;
    for (const _round of countTo(30)) {
      await publish("news");
      await client.settle();
      await wait(10_000);
      expect(client.closes).toEqual([]);
      expect(await memory.presence.list("news")).toHaveLength(1);
      client.transport.drain(true);
    }
  });

  it("expires when it is not removed or renewed", async () => {
    const { broker, connect, wait } = await createSessionNode();
    const watcher = await connect();
    const client = await connect();
    await client.ask({ id: 2, subscribe: news });
    broker.fail("presence.remove");
    client.session.closed();
    await settle();
    for (const _round of countTo(10)) {
      await wait(4000);
      watcher.send({});
    }
    expect(await presentIn(watcher, 2)).toEqual([client.id]);
    for (const _round of countTo(6)) {
      await wait(4000);
      watcher.send({});
    }
    expect(await presentIn(watcher, 3)).toEqual([]);
  });

  it("is unavailable when the channel has it off", async () => {
    const { broker, connect } = await createSessionNode({
      rulesFor: () => ({ ...openRules, hasPresence: false }),
    });
    const client = await connect();
    await client.ask({ id: 2, subscribe: news }, { id: 3, presence: news }, { id: 4, presence_stats: news });
    expect(client.reply(3)?.error?.code).toBe(108);
    expect(client.reply(4)?.error?.code).toBe(108);
    client.session.closed();
    await settle();
    expect(broker.count("presence.add") + broker.count("presence.remove")).toBe(0);
  });
});

describe("joins and leaves", () => {
  it("reach clients that asked, including the joining client after its reply", async () => {
    const { connect } = await createSessionNode();
    const ann = await connect("ann");
    await ann.ask({ id: 2, subscribe: curious });
    expect(ann.labels).toEqual(["1 connect", "2 subscribe", `news join ${ann.id}`]);
    const bob = await connect("bob");
    await bob.ask({ id: 2, subscribe: news });
    expect(bob.labels).toEqual(["1 connect", "2 subscribe"]);
    await ann.settle();
    expect(ann.messages.at(-1)).toEqual({
      push: { channel: "news", join: { info: { user: "bob", client: bob.id } } },
    });
  });

  it("of an unsubscribe reach the others", async () => {
    const { connect } = await createSessionNode();
    const [ann, bob] = [await connect(), await connect()];
    await ann.ask({ id: 2, subscribe: curious });
    await bob.ask({ id: 2, subscribe: curious });
    await bob.ask({ id: 3, unsubscribe: news });
    expect(ann.labels.slice(3)).toEqual([`news join ${bob.id}`, `news leave ${bob.id}`]);
    expect(bob.labels.slice(3)).toEqual(["3 unsubscribe"]);
  });

  it.each([
    ["the client's", (client: TestClient) => client.session.closed()],
    ["the server's", (client: TestClient) => client.session.close({ code: 3011, reason: "force reconnect" })],
  ])("of a connection's end come to the others: %s", async (_name, end) => {
    const { connect } = await createSessionNode();
    const [ann, bob] = [await connect(), await connect()];
    await ann.ask({ id: 2, subscribe: curious });
    await bob.ask({ id: 2, subscribe: curious });
    end(bob);
    await ann.settle();
    expect(ann.labels.slice(3)).toEqual([`news join ${bob.id}`, `news leave ${bob.id}`]);
  });

  it("keep their order among publications", async () => {
    const { connect, publish } = await createSessionNode();
    const ann = await connect();
    await ann.ask({ id: 2, subscribe: curious });
    const bob = await connect();
    await publish("news");
    bob.send({ id: 2, subscribe: news });
    await settle();
    await publish("news");
    bob.session.closed();
    await settle();
    await publish("news");
    await ann.settle();
    expect(ann.labels.slice(3)).toEqual([
      "news pub 1",
      `news join ${bob.id}`,
      "news pub 2",
      `news leave ${bob.id}`,
      "news pub 3",
    ]);
  });

  it("of resubscribing arrive as leave, then join", async () => {
    const { connect } = await createSessionNode();
    const [ann, bob] = [await connect(), await connect()];
    await ann.ask({ id: 2, subscribe: curious });
    await bob.ask({ id: 2, subscribe: news });
    await bob.ask({ id: 3, unsubscribe: news }, { id: 4, subscribe: news });
    await ann.settle();
    expect(ann.labels.slice(3)).toEqual([
      `news join ${bob.id}`,
      `news leave ${bob.id}`,
      `news join ${bob.id}`,
    ]);
  });

  it("are not sent when the channel has them off", async () => {
    const { broker, connect } = await createSessionNode({
      rulesFor: () => ({ ...openRules, hasJoinLeave: false }),
    });
    const ann = await connect();
    await ann.ask({ id: 2, subscribe: curious });
    expect(ann.labels).toEqual(["1 connect", "2 subscribe"]);
    expect(broker.count("presence.announce")).toBe(0);
  });

  it("are balanced whenever the connection ends while subscribing", async () => {
    for (const steps of countTo(40, 0)) {
      const { connect, memory } = await createSessionNode();
      const ann = await connect();
      await ann.ask({ id: 2, subscribe: curious });
      const bob = await connect();
      bob.send({ id: 2, subscribe: news });
      for (let step = 0; step < steps; step++) await Promise.resolve();
      bob.session.closed();
      await ann.settle();
      expect([[], [`news join ${bob.id}`, `news leave ${bob.id}`]]).toContainEqual(ann.labels.slice(3));
      expect((await memory.presence.list("news")).map(({ client }) => client)).toEqual([ann.id]);
    }
  });
});
