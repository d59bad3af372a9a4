import { describe, expect, it } from "vitest";
import { openRules } from "../../src/channels/rules.js";
import { createOpenApplication } from "../../src/sessions/application.js";
import { isPlain, type PassedConnection, type PassedSession } from "../../src/sessions/handover.js";
import { insecureAuth } from "../../src/sessions/identity.js";
import { countTo } from "../channels/support/entries.js";
import { FakeTransport } from "./support/fake-transport.js";
import {
  createSessionNode,
  nothing,
  type SessionNode,
  type SessionNodeOptions,
} from "./support/session-node.js";
import { TestClient } from "./support/test-client.js";

class PassableTransport extends FakeTransport {
  readonly canBePassedOn = true;
  isMidMessage = false;
  isPassedOn = false;

  passOn(): PassedConnection | undefined {
    if (this.isMidMessage || this.unsentBytes > 0) return undefined;
    this.isPassedOn = true;
    this.events = undefined;
    return { handle: {}, head: new Uint8Array(0), agreed: {} };
  }
}

const news = { channel: "news" };
const rules = { ...openRules, hasPresence: true, hasJoinLeave: true };
const createNode = (options: SessionNodeOptions = {}) =>
  createSessionNode({ rulesFor: () => rules, ...options });

async function connect(
  node: SessionNode,
  user = "ann",
): Promise<TestClient & { transport: PassableTransport }> {
  const transport = new PassableTransport();
  const session = node.handler.open(transport);
  transport.events = session;
  const client = new TestClient(transport, session, node.scheduler);
  await client.ask({ id: 1, connect: { data: { user } } });
  return client as TestClient & { transport: PassableTransport };
}

/** As another process does it, by way of a message. */
async function adopt(node: SessionNode, passed: PassedSession | undefined): Promise<TestClient> {
  if (passed === undefined) throw new Error("it was not given away");
  const snapshot = structuredClone(passed.snapshot);
  const transport = new PassableTransport();
  const session = node.handler.adopt(transport, snapshot);
  transport.events = session;
  await session.restore(snapshot);
  return new TestClient(transport, session, node.scheduler);
}

const offsetsOf = (messages: readonly { push?: { pub?: { offset: number } } }[]) =>
  messages.flatMap(({ push }) => push?.pub?.offset ?? []);

describe("a session that another process goes on with", () => {
  it("keeps its client, channels and positions, and misses nothing", async () => {
    const node = await createNode();
    const client = await connect(node);
    await client.ask({ id: 2, subscribe: news });
    await node.publish("news", 2);
    expect(offsetsOf(await client.settle())).toEqual([1, 2]);
    const passed = client.session.passOn();
    // Meanwhile it is nobody's.
    await node.publish("news", 2);
    const next = await adopt(node, passed);
    await node.publish("news");
    expect(offsetsOf(await next.settle())).toEqual([3, 4, 5]);
    expect(next.id).toBe(client.id);
    expect(next.session.user).toBe("ann");
    const [answer] = await next.ask({ id: 3, publish: { channel: "news", data: 1 } });
    expect(answer).toMatchObject({ id: 3, publish: {} });
    expect(client.transport.closes).toEqual([]);
    expect(node.errors).toEqual([]);
    next.session.closed();
    await next.settle();
    expect(node.sizes()).toEqual(nothing);
  });

  it("neither leaves nor joins for others", async () => {
    const node = await createNode();
    const watcher = await connect(node, "bob");
    await watcher.ask({ id: 2, subscribe: { ...news, join_leave: true } });
    const client = await connect(node);
    await client.ask({ id: 2, subscribe: news });
    await watcher.settle();
    const next = await adopt(node, client.session.passOn());
    expect(await watcher.settle()).toEqual([]);
    next.session.closed();
    expect(await watcher.settle()).toMatchObject([{ push: { leave: { info: { client: client.id } } } }]);
  });

  it("keeps its filter", async () => {
    const node = await createNode();
    const client = await connect(node);
    const tf = { key: "topic", cmp: "eq", val: "a" };
    await client.ask({ id: 2, subscribe: { ...news, tf } });
    const passed = client.session.passOn();
    expect(passed?.snapshot.channels).toMatchObject([
      { channel: "news", isDelta: false, hasJoinLeave: false },
    ]);
    const next = await adopt(node, passed);
    const tagged = (topic: string) =>
      node.broker.log.publish("news", { data: "1", tags: { topic } }, { retention: rules.retention });
    for (const topic of ["a", "b", "a"]) await tagged(topic);
    expect(offsetsOf(await next.settle())).toEqual([1, 3]);
  });

  it("gets a whole value first, and then patches of what this process sent", async () => {
    const node = await createNode();
    const client = await connect(node);
    await client.ask({ id: 2, subscribe: { ...news, delta: "fossil" } });
    const data = (n: number) => JSON.stringify("x".repeat(200) + n);
    await node.publish("news", 1, data(1));
    await client.settle();
    const next = await adopt(node, client.session.passOn());
    for (const n of [2, 3]) await node.publish("news", 1, data(n));
    const pubs = (await next.settle()).flatMap(({ push }) => push?.pub ?? []);
    expect(pubs.map(({ offset, delta = false }) => [offset, delta])).toEqual([
      [2, false],
      [3, true],
    ]);
  });

  it("keeps the end of a subscription's token", async () => {
    const node = await createNode();
    const client = await connect(node);
    await client.ask({ id: 2, subscribe: news });
    const passed = client.session.passOn() as PassedSession;
    const [channel] = passed.snapshot.channels;
    const expiresAt = node.clock.now() + 5000;
    const channels = [{ ...channel, expiresAt }] as PassedSession["snapshot"]["channels"];
    const next = await adopt(node, { ...passed, snapshot: { ...passed.snapshot, channels } });
    for (let waited = 0; waited < 31_000; waited += 5000) {
      await node.wait(5000);
      next.send({});
    }
    const ends = (await next.settle()).flatMap(({ push }) => push?.unsubscribe ?? []);
    expect(ends).toMatchObject([{ code: 2501 }]);
  });

  it("reconnects where a token that it reads by was revoked meanwhile: the connection's, or a channel's", async () => {
    const isRevoked = ({ tokenId }: { tokenId?: string }) => tokenId === "revoked";
    const application = { ...createOpenApplication(() => rules, insecureAuth), isRevoked };
    const node = await createNode({ application });
    for (const where of ["connection", "channel"]) {
      const client = await connect(node);
      await client.ask({ id: 2, subscribe: news });
      const { snapshot, ...passed } = client.session.passOn() as PassedSession;
      const { identity, channels } = snapshot;
      const origin = { user: "ann", tokenId: "revoked" };
      const changed =
        where === "channel"
          ? { channels: channels.map((each) => ({ ...each, origin })) }
          : { identity: { ...identity, hasToken: true, tokenId: "revoked" } };
      const next = await adopt(node, { ...passed, snapshot: { ...snapshot, ...changed } });
      expect([where, next.transport.closes]).toMatchObject([where, [{ code: 3001 }]]);
    }
  });

  it("is pinged before its client gives up", async () => {
    const node = await createNode({ random: () => 0.99 });
    const client = await connect(node);
    const next = await adopt(node, client.session.passOn());
    await next.settle();
    await node.wait(9000);
    expect(await next.settle()).toEqual([{}]);
  });

  it.each([
    [
      "a command is pending",
      (node: SessionNode, client: TestClient) => {
        node.broker.hold("publish");
        client.send({ id: 9, publish: { channel: "news", data: 1 } });
      },
      (node: SessionNode) => node.broker.release("publish"),
    ],
    [
      "a message has begun",
      (_node: SessionNode, client: TestClient) => {
        (client.transport as PassableTransport).isMidMessage = true;
      },
      (_node: SessionNode, client: TestClient) => {
        (client.transport as PassableTransport).isMidMessage = false;
      },
    ],
    [
      "bytes are unsent",
      (_node: SessionNode, client: TestClient) => {
        client.transport.isFull = true;
        client.send({ id: 9, presence_stats: news });
      },
      (_node: SessionNode, client: TestClient) => client.transport.drain(),
    ],
  ])("stays while %s", async (_name, begin, end) => {
    const node = await createNode();
    const client = await connect(node);
    await client.ask({ id: 2, subscribe: news });
    begin(node, client);
    await client.settle();
    expect(client.session.passOn()).toBeUndefined();
    expect(client.session.isConnected).toBe(true);
    end(node, client);
    await client.settle();
    expect(client.session.passOn()).toBeDefined();
  });

  it("reads on if it stays after all", async () => {
    const node = await createNode();
    const client = await connect(node);
    node.broker.hold("publish");
    client.send({ id: 9, publish: { channel: "news", data: 1 } });
    await client.settle();
    client.session.passOn();
    expect(client.transport.reading.at(-1)).toBe("pause");
    client.session.keep();
    expect(client.transport.reading.at(-1)).toBe("resume");
  });

  it("reconnects where the log is another one", async () => {
    const node = await createNode();
    const client = await connect(node);
    await client.ask({ id: 2, subscribe: news });
    await node.publish("news");
    await client.settle();
    const passed = client.session.passOn();
    await node.startLogAfresh("news");
    const next = await adopt(node, passed);
    expect(next.transport.closes).toMatchObject([{ code: 3010 }]);
  });

  it("reconnects where the channel is no longer one, or clients are pinged less often", async () => {
    const before = await createNode();
    const pings = await createNode({ times: { pingIntervalMs: 60_000 } });
    const without = await createNode({ rulesFor: () => undefined });
    for (const node of [pings, without]) {
      const client = await connect(before);
      await client.ask({ id: 2, subscribe: news });
      const next = await adopt(node, client.session.passOn());
      expect(next.transport.closes).toMatchObject([{ code: 3001 }]);
    }
  });
});

describe("what can be copied to another process", () => {
  it("is plain data", () => {
    const deep = countTo(30).reduce<object>((inner) => ({ inner }), {});
    expect(
      [{ a: [1, null, "x", { b: undefined }] }, Object.create(null), 5n].map((each) => isPlain(each)),
    ).toEqual([true, true, true]);
    expect(
      [new Map(), { f: () => {} }, new Date(0), [Symbol("s")], deep].map((each) => isPlain(each)),
    ).toEqual(countTo(5).map(() => false));
  });
});
