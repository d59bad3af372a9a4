import { describe, expect, it, vi } from "vitest";
import type { Authenticate, IdentityResult } from "../../src/sessions/identity.js";
import { settle } from "../support/fake-clock.js";
import { createSessionNode, nothing } from "./support/session-node.js";

/** An authenticate function whose answer a test gives later. */
function createSlowAuthenticate() {
  const answers: ((result: IdentityResult | Promise<never>) => void)[] = [];
  const authenticate = vi.fn<Authenticate>(() => new Promise((resolve) => answers.push(resolve)));
  return { authenticate, answer: (result: IdentityResult | Promise<never>) => answers.shift()?.(result) };
}

const asAnn: IdentityResult = { isAccepted: true, identity: { user: "ann", info: '{"name":"Ann"}' } };

describe("connect", () => {
  it("is answered with client id, version and ping interval", async () => {
    const { open } = await createSessionNode();
    const client = open();
    expect(await client.ask({ id: 1, connect: {} })).toEqual([
      { id: 1, connect: { client: "client-1", version: "test", ping: 25, pong: true } },
    ]);
    expect(client.session.isConnected).toBe(true);
  });

  it("reports the ping interval in whole seconds, at least one", async () => {
    const { open } = await createSessionNode({ times: { pingIntervalMs: 300, pongTimeoutMs: 100 } });
    const [reply] = await open().ask({ id: 1, connect: {} });
    expect(reply?.connect?.ping).toBe(1);
  });

  it("is ended by a command that comes while nodes count the user's connections", async () => {
    const { broker, control, handler, open } = await createSessionNode({ limits: { maxUserConnections: 1 } });
    const released: string[] = [];
    let agree = (): void => {};
    const take = () =>
      new Promise<boolean>((resolve) => {
        agree = () => resolve(true);
      });
    Object.assign(broker.cluster, { counts: { take, release: (key: string) => released.push(key) } });
    const client = open();
    const connected = client.ask({ id: 1, connect: { data: { user: "ann" } } });
    await settle();
    await control.disconnect({ user: "ann" });
    agree();
    await connected;
    expect(client.closeCodes).toEqual([3503]);
    expect(client.session.isConnected).toBe(false);
    expect(handler.sessionsOf("ann")).toEqual([]);
    expect(released).toEqual(["user:ann"]);
  });

  it("registers the client under its user", async () => {
    const { handler, open } = await createSessionNode();
    const client = open();
    expect(handler.stats()).toMatchObject({ connections: 1, users: 0 });
    await client.ask({ id: 1, connect: { data: { user: "ann" } } });
    expect(handler.stats()).toMatchObject({ connections: 1, users: 1 });
    expect(handler.sessionsOf("ann")).toEqual([client.session]);
    expect(handler.session(client.id)).toBe(client.session);
  });

  it("is answered before other commands of its frame", async () => {
    const { broker, open } = await createSessionNode();
    const client = open();
    await client.ask(
      { id: 1, connect: {} },
      { id: 2, subscribe: { channel: "news" } },
      { id: 3, subscribe: { channel: "sport" } },
      { id: 4, publish: { channel: "news", data: 1 } },
    );
    expect(client.labels[0]).toBe("1 connect");
    for (const id of [2, 3, 4]) expect(client.reply(id)?.error).toBeUndefined();
    // The publication waits for the subscription to its channel.
    expect(broker.calls.slice(0, 2)).toEqual(["subscribe news", "subscribe sport"]);
    expect(broker.calls).toContain("publish news");
  });

  it("and the commands after it are answered in one write", async () => {
    const { open } = await createSessionNode();
    const client = open();
    await client.ask({ id: 1, connect: {} }, { id: 2, subscribe: { channel: "news" } });
    expect(client.transport.writes).toHaveLength(1);
  });

  it("is accepted once", async () => {
    const { open, sizes } = await createSessionNode();
    const client = open();
    await client.ask({ id: 1, connect: {} }, { id: 2, connect: {} }, { id: 3, rpc: {} });
    expect(client.closeCodes).toEqual([3501]);
    expect(client.reply(2)).toBeUndefined();
    expect(client.reply(3)).toBeUndefined();
    expect(sizes()).toEqual(nothing);
  });

  it("is refused when repeated later", async () => {
    const { connect } = await createSessionNode();
    const client = await connect();
    expect(await client.ask({ id: 2, connect: {} })).toEqual([]);
    expect(client.closes).toEqual([{ code: 3501, reason: "bad request: connect may be sent once" }]);
  });
});

describe("before connect", () => {
  it.each([
    ["subscribe", { id: 1, subscribe: { channel: "news" } }],
    ["publish", { id: 1, publish: { channel: "news", data: 1 } }],
    ["rpc", { id: 1, rpc: {} }],
    ["send", { send: {} }],
    ["pong", {}],
    ["parameters that are not accepted", { id: 1, subscribe: { channel: 5 } }],
  ])("%s ends the connection with 3501", async (_name, command) => {
    const { broker, open, sizes } = await createSessionNode();
    const client = open();
    expect(await client.ask(command, { id: 2, connect: {} })).toEqual([]);
    expect(client.closeCodes).toEqual([3501]);
    expect(broker.calls).toEqual([]);
    expect(sizes()).toEqual(nothing);
  });

  it.each(["", "\n", "hello", "[]", '{"id":1}', '{"id":0,"connect":{}}', '{"id":1,"dance":{}}'])(
    "the frame %j ends the connection with 3501",
    async (frame) => {
      const { open, sizes } = await createSessionNode();
      const client = open();
      client.sendText(frame);
      expect(await client.settle()).toEqual([]);
      expect(client.closeCodes).toEqual([3501]);
      expect(sizes()).toEqual(nothing);
    },
  );

  it("the connection ends with 3008 after 10 s, and clients reconnect", async () => {
    const { open, sizes, wait } = await createSessionNode();
    const client = open();
    await wait(9500);
    expect(client.closes).toEqual([]);
    await wait(1000);
    expect(client.closeCodes).toEqual([3008]);
    expect(sizes()).toEqual(nothing);
  });

  it("the timeout ends a refused client that stays, as its own fault", async () => {
    const authenticate = () => ({ isAccepted: false, error: "tokenExpired" }) as const;
    const { open, sizes, wait } = await createSessionNode({ authenticate });
    const client = open();
    const [answer] = await client.ask({ id: 1, connect: {} });
    expect(answer?.error?.code).toBe(109);
    await wait(10_500);
    expect(client.closeCodes).toEqual([3502]);
    expect(sizes()).toEqual(nothing);
  });

  it("the timeout includes authentication", async () => {
    const { authenticate, answer } = createSlowAuthenticate();
    const { open, sizes, wait } = await createSessionNode({ authenticate });
    const client = open();
    await client.ask({ id: 1, connect: {} });
    await wait(10_500);
    // Nothing that a client would have to stay away for.
    expect(client.closeCodes).toEqual([3004]);
    answer(asAnn);
    await client.settle();
    expect(sizes()).toEqual(nothing);
  });
});

describe("authentication", () => {
  it("receives token and data unchanged", async () => {
    const { authenticate, answer } = createSlowAuthenticate();
    const { open } = await createSessionNode({ authenticate });
    const request = { headers: {}, url: "/connection/websocket", address: "127.0.0.1" };
    open().send({ id: 1, connect: { token: "t", data: { a: [1] }, name: "js" } });
    open().send({ id: 1, connect: {} });
    expect(authenticate.mock.calls).toEqual([[{ token: "t", data: '{"a":[1]}', request }], [{ request }]]);
    answer(asAnn);
    answer(asAnn);
    await settle();
  });

  it("that is slow delays later commands, of this frame and of others", async () => {
    const { authenticate, answer } = createSlowAuthenticate();
    const { broker, open } = await createSessionNode({ authenticate });
    const client = open();
    await client.ask({ id: 1, connect: {} }, { id: 2, subscribe: { channel: "news" } });
    await client.ask({ id: 3, publish: { channel: "news", data: 1 } });
    expect(client.messages).toEqual([]);
    expect(broker.calls).toEqual([]);
    expect(client.transport.reading).toEqual(["pause"]);
    answer(asAnn);
    await client.settle();
    expect(client.labels[0]).toBe("1 connect");
    expect(client.reply(2)?.subscribe).toBeDefined();
    expect(client.reply(3)).toEqual({ id: 3, publish: {} });
    const [first, ...others] = broker.calls;
    expect(first).toBe("subscribe news");
    expect(others).toContain("publish news");
    expect(client.transport.reading).toEqual(["pause", "resume"]);
  });

  it("determines the client's identity for others", async () => {
    const { open } = await createSessionNode({ authenticate: () => asAnn });
    const client = open();
    await client.ask(
      { id: 1, connect: { data: { user: "eve" } } },
      { id: 2, subscribe: { channel: "news" } },
    );
    await client.ask({ id: 3, presence: { channel: "news" } });
    expect(client.reply(3)?.presence).toEqual({
      presence: { [client.id]: { user: "ann", client: client.id, conn_info: { name: "Ann" } } },
    });
  });

  it("that refuses ends the connection, and drops later commands unanswered", async () => {
    const { broker, open, sizes } = await createSessionNode({
      authenticate: () => ({ isAccepted: false, disconnect: "invalidToken", reason: "unknown key" }),
    });
    const client = open();
    const messages = await client.ask({ id: 1, connect: {} }, { id: 2, subscribe: { channel: "news" } });
    expect(messages).toEqual([]);
    expect(client.closes).toEqual([{ code: 3500, reason: "invalid token: unknown key" }]);
    expect(broker.calls).toEqual([]);
    expect(sizes()).toEqual(nothing);
  });

  it.each([
    ["rejects", async () => Promise.reject(new Error("no database"))],
    [
      "throws",
      () => {
        throw new Error("no database");
      },
    ],
  ] as const)("that %s is reported once and ends the connection with 3004", async (_name, authenticate) => {
    const { errors, open, sizes } = await createSessionNode({ authenticate });
    const client = open();
    expect(await client.ask({ id: 1, connect: {} }, { id: 2, rpc: {} })).toEqual([]);
    expect(client.closeCodes).toEqual([3004]);
    expect(client.closes[0]?.reason).not.toContain("database");
    expect(errors).toEqual([{ error: new Error("no database"), stage: "command connect" }]);
    expect(sizes()).toEqual(nothing);
  });

  it("that outlasts the client leaves nothing behind", async () => {
    const { authenticate, answer } = createSlowAuthenticate();
    const { handler, open, sizes } = await createSessionNode({ authenticate });
    const client = open();
    await client.ask({ id: 1, connect: {} }, { id: 2, subscribe: { channel: "news" } });
    client.session.closed();
    answer(asAnn);
    expect(await client.settle()).toEqual([]);
    expect(handler.sessionsOf("ann")).toEqual([]);
    expect(sizes()).toEqual(nothing);
  });
});
