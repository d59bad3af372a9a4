/** Ways around rules that must not be there, and what happens between two moments. */
import { describe, expect, it, vi } from "vitest";
import { channel, defineApp, jwt, MemoryBroker, reject, rpc } from "../../packages/holdfast/src/index.js";
import { systemClock } from "../../packages/holdfast/src/sockets/system-clock.js";
import {
  type Answer,
  connectSdk,
  createSdk,
  inSeconds,
  next,
  secret,
  startApp,
  subscribeSdk,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { createCounter } from "../../packages/holdfast/test/support/counter.js";
import { RawClient, textFrame, until } from "../../packages/holdfast/test/support/server.js";

async function replies(port: number, ...commands: readonly object[]) {
  const client = await RawClient.upgrade(port);
  client.write(textFrame(...commands));
  const read = () =>
    client.received
      .toString("latin1")
      .split(/(?=\{"(?:id|push)":)/)
      .filter((text) => text.startsWith('{"id":'))
      .map((text) => JSON.parse(text.slice(0, text.lastIndexOf("}") + 1)) as Answer);
  await until(() => read().length >= commands.length || client.hasClosed);
  return read();
}

describe("channels a client requests when it connects", () => {
  const app = defineApp({
    authenticate: jwt({ secret }),
    channels: {
      "room:{id}": channel({
        subscribe: ({ params }) => {
          if (params.id === "broken") throw new Error("a fault of the application");
          return params.id === "secret" ? reject(450, "no") : "hi";
        },
      }),
      "shut:{id}": channel({ allow: { subscribe: false } }),
      "asked:{id}": channel({
        allow: {
          subscribe: ({ params }) =>
            params.id === "now" ? reject(450, "no") : Promise.reject(new Error("broken")),
          history: async () => reject(450, "no"),
        },
      }),
    },
  });

  it("are skipped when the hook or the rules refuse them", async () => {
    const { port, errors } = await startApp(app);
    const recover = { recover: true };
    const subs = {
      "room:secret": recover,
      "room:broken": recover,
      "asked:later": recover,
      "shut:1": recover,
      "room:open": recover,
      "un:known": recover,
      "": recover,
    };
    const [reply] = await replies(port, { id: 1, connect: { token: tokenOf({ sub: "ann" }), subs } });
    expect(Object.keys(reply.connect.subs)).toEqual(["room:open"]);
    expect(reply.connect.subs["room:open"].data).toBe("hi");
    // Told once each, and the connection is none the worse.
    expect(errors.map((error) => (error as Error).message)).toEqual(["a fault of the application", "broken"]);
  });

  it("are refused by rules that reject as by rules that return false", async () => {
    const { port, errors } = await startApp(app);
    const [, subscribed, history] = await replies(
      port,
      { id: 1, connect: { token: tokenOf({ sub: "ann" }) } },
      { id: 2, subscribe: { channel: "asked:now" } },
      { id: 3, history: { channel: "asked:now" } },
    );
    expect(subscribed.error).toMatchObject({ code: 103 });
    expect(history.error).toMatchObject({ code: 103 });
    expect(errors).toEqual([]);
  });
});

describe("personal channel", () => {
  const app = defineApp({
    authenticate: jwt({ secret }),
    channels: { "inbox:{user}": channel() },
    personalChannel: "inbox:{user}",
  });

  it("is open to its user only", async () => {
    const { url, server } = await startApp(app);
    const ann = await connectSdk(url, { token: tokenOf({ sub: "ann" }) });
    const bob = await connectSdk(url, { token: tokenOf({ sub: "bob" }) });
    const refused = bob.newSubscription("inbox:ann");
    const ended = next<object>(refused, "unsubscribed");
    refused.subscribe();
    expect(await ended).toMatchObject({ code: 103 });
    const received = next<object>(ann, "publication");
    await server.publish("inbox:ann", "x");
    expect(await received).toMatchObject({ channel: "inbox:ann", data: "x" });
  });

  it.each(["josé", "a:b", "x".repeat(255)])("is none for %s, who connects all the same", async (user) => {
    const { url } = await startApp(app);
    expect((await connectSdk(url, { token: tokenOf({ sub: user }) })).state).toBe("connected");
  });

  it.each(["inbox", "inbox:{id}", "other:{user}"])(
    "has to be a pattern of channels: not %s",
    async (name) => {
      const wrong = defineApp({
        channels: { "inbox:{id}": channel(), inbox: channel() },
        personalChannel: name,
      });
      await expect(startApp(wrong)).rejects.toMatchObject({ code: "HF_OPTION_INVALID" });
    },
  );
});

describe("a newer token", () => {
  it("replaces the roles and the revocation claims", async () => {
    const app = defineApp({
      authenticate: jwt({ secret }),
      rpc: { roles: rpc({ handler: ({ user }) => user.roles.join() }) },
    });
    const { url, api } = await startApp(app);
    const getToken = vi.fn(async () =>
      tokenOf({ sub: "ann", jti: "new", roles: ["user"], exp: inSeconds(1000) }),
    );
    const token = tokenOf({ sub: "ann", jti: "old", roles: ["admin"], exp: inSeconds(3) });
    const client = await connectSdk(url, { token, getToken });
    expect(await client.rpc("roles", null)).toEqual({ data: "admin" });
    await until(async () => ((await client.rpc("roles", null)) as Answer).data === "user");
    await api("revoke", { token_id: "old" });
    expect(await client.rpc("roles", null)).toEqual({ data: "user" });
    const ended = next<object>(client, "disconnected");
    await api("revoke", { token_id: "new" });
    expect(await ended).toMatchObject({ code: 3500 });
  });
});

describe("clients authenticated without a token", () => {
  const app = defineApp({
    authenticate: [jwt({ secret }), () => ({ id: "cookie", expiresAt: Date.now() + 60_000 })],
    channels: { news: channel() },
  });

  it("are not sent an expiry they cannot act on", async () => {
    const { port } = await startApp(app);
    const [reply] = await replies(port, { id: 1, connect: {} });
    expect(reply.connect).not.toHaveProperty("expires");
    expect(reply.connect).not.toHaveProperty("ttl");
  });

  it("stay when tokens are revoked", async () => {
    const { url, api } = await startApp(app);
    const client = await connectSdk(url);
    const bearer = await connectSdk(url, { token: tokenOf({ sub: "ann", iat: inSeconds(-100) }) });
    const ended = next<object>(bearer, "disconnected");
    await api("revoke", { issued_before: inSeconds(0) });
    await ended;
    await subscribeSdk(client, "news");
    expect(client.state).toBe("connected");
  });
});

describe("commands right behind a subscribe", () => {
  it("see the client subscribed", async () => {
    const app = defineApp({
      channels: { news: channel({ allow: { publish: "subscribers" }, subscribe: async () => "later" }) },
    });
    const { port } = await startApp(app);
    const answers = await replies(
      port,
      { id: 1, connect: {} },
      { id: 2, subscribe: { channel: "news" } },
      { id: 3, publish: { channel: "news", data: 1 } },
      { id: 4, history: { channel: "news", limit: 0 } },
    );
    expect(answers.map(({ id, error }) => [id, error?.code])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, undefined],
      [4, undefined],
    ]);
  });
});

describe("one-way messages", () => {
  it("run up to the command concurrency, and later ones wait", async () => {
    const waiting: (() => void)[] = [];
    const onMessage = vi.fn(() => new Promise<void>((resolve) => waiting.push(resolve)));
    const { port } = await startApp(defineApp({ onMessage }), { maxCommandsInFlight: 3 });
    const client = await RawClient.upgrade(port);
    const messages = Array.from({ length: 5 }, (_, n) => ({ send: { data: n } }));
    client.write(textFrame({ id: 1, connect: {} }, ...messages, { id: 2, rpc: { method: "none" } }));
    await until(() => onMessage.mock.calls.length === 3);
    expect(client.received.toString("latin1")).not.toContain('"id":2');
    for (const resolve of waiting.splice(0)) resolve();
    await until(() => onMessage.mock.calls.length === 5);
    for (const resolve of waiting.splice(0)) resolve();
    await until(() => client.received.toString("latin1").includes('"id":2'));
  });
});

describe("broadcast", () => {
  it("returns a result for each channel, also after an unexpected failure of one", async () => {
    const broker = new MemoryBroker({ clock: systemClock, createEpoch: createCounter("epoch") });
    const inner = broker.log.publish.bind(broker.log);
    broker.log.publish = (name, ...rest) =>
      name === "b" ? Promise.reject(new Error("broken")) : inner(name, ...rest);
    const { api, errors } = await startApp(defineApp({ channels: { "{name}": channel() } }), { broker });
    const { body } = await api("broadcast", { channels: ["a", "b", "c"], data: 1 });
    expect(body.result.responses).toMatchObject([{ result: {} }, { error: { code: 100 } }, { result: {} }]);
    expect(errors).toHaveLength(1);
  });
});

describe("unknown method fields", () => {
  it.each([
    ["disconnect", { user: "ann", sesion: "x" }, "sesion"],
    ["map_publish", { channel: "a", key: "x", data: 1, stream_data: 1 }, "stream_data"],
    ["revoke", { user: "ann", token_id: "x" }, "token_id alone"],
  ])("are refused: %s of %j", async (method, params, word) => {
    const { api } = await startApp(defineApp({ channels: { a: channel() } }));
    expect((await api(method, params)).body.error).toMatchObject({
      code: 107,
      message: expect.stringContaining(word),
    });
  });
});

function createSlowGreeting() {
  const waiting: ((answer: undefined) => void)[] = [];
  return {
    onConnect: vi.fn(() => new Promise<undefined>((resolve) => waiting.push(resolve))),
    greet: () => {
      for (const resolve of waiting) resolve(undefined);
    },
  };
}

describe("client that leaves during onConnect", () => {
  it("gets onDisconnect", async () => {
    const { onConnect, greet } = createSlowGreeting();
    const onDisconnect = vi.fn();
    const { url } = await startApp(
      defineApp({ onConnect, onDisconnect: ({ user }) => onDisconnect(user.id) }),
    );
    const client = createSdk(url, { data: { user: "ann" } });
    client.connect();
    await until(() => onConnect.mock.calls.length === 1);
    client.disconnect();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(onDisconnect).not.toHaveBeenCalled();
    greet();
    await until(() => onDisconnect.mock.calls.length === 1);
    expect(onDisconnect).toHaveBeenCalledWith("ann");
  });

  it("gets it when the server ends the connection, too", async () => {
    const { onConnect, greet } = createSlowGreeting();
    const { url, api } = await startApp(defineApp({ onConnect }));
    const client = createSdk(url, { data: { user: "ann" } });
    const ended = next<object>(client, "disconnected");
    client.connect();
    await until(() => onConnect.mock.calls.length === 1);
    await api("disconnect", { user: "ann" });
    expect(await ended).toMatchObject({ code: 3503 });
    greet();
  });
});
