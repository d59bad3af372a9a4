/** What servers of the protocol accept, and applications that move here rely on. */
import { describe, expect, it } from "vitest";
import WsWebSocket from "ws";
import { channel, defineApp, jwt } from "../../packages/holdfast/src/index.js";
import {
  type Answer,
  connectSdk,
  inSeconds,
  secret,
  startApp,
  subscribeSdk,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { connectByHand } from "../../packages/holdfast/test/support/map-model.js";
import { PlainStream } from "../../packages/holdfast/test/support/plain-stream.js";
import { encodeMessage, toJsonLines } from "../../packages/holdfast/test/support/protobuf-oracle.js";
import { until } from "../../packages/holdfast/test/support/server.js";

const all = { subscribe: "all", publish: "all", presence: "all", history: "all" } as const;
const app = defineApp({
  channels: {
    "news:{topic}": channel({ allow: all, delta: true }),
    "ticks:{name}": channel({ allow: all, kind: "live" }),
    "newest:{name}": channel({ allow: all, kind: "latest" }),
    "objects:{room}": channel({ allow: all, kind: "map", publishDebounce: "40ms" }),
    "forgetful:{topic}": channel({ allow: all, recovery: "off" }),
    "cursors:{room}": channel({ allow: all, publishDebounce: 75 }),
    "dialog:{name}": channel({ allow: { ...all, subscribe: false, history: "users" }, userLimited: true }),
  },
});

describe("skip_history", () => {
  it("reaches readers of this moment, between stored publications, and is not stored", async () => {
    const { api, url, server, errors } = await startApp(app);
    const hand = await connectByHand(url);
    await hand.ask({ subscribe: { channel: "news:a", delta: "fossil" } });
    const sdk: Answer[] = [];
    const patched = await subscribeSdk(await connectSdk(url), "news:a", { delta: "fossil" });
    patched.on("publication", (each) => sdk.push(each));
    const text = (n: number) => `${"x".repeat(200)}${n}`;
    for (const n of [1, 2]) await api("publish", { channel: "news:a", data: text(n) });
    const { body } = await api("publish", {
      channel: "news:a",
      data: text(3),
      tags: { a: "b" },
      skip_history: true,
    });
    expect(body).toEqual({ result: { offset: 0, epoch: "" } });
    for (const n of [4, 5]) await api("publish", { channel: "news:a", data: text(n) });
    await until(() => sdk.length === 5 && hand.pushes.length === 5);
    expect(sdk.map(({ data, offset }) => [data, offset])).toEqual(
      [1, 2, undefined, 3, 4].map((offset, i) => [text(i + 1), offset]),
    );
    // It is whole, and so is what follows, since readers of patches have another base now.
    expect(hand.pushes.map(({ pub }) => pub.delta === true)).toEqual([false, true, false, false, true]);
    expect(hand.pushes[2].pub).toMatchObject({ tags: { a: "b" } });
    const { publications } = await server.history("news:a");
    expect(publications.map(({ data }) => data)).toEqual([1, 2, 4, 5].map(text));
    expect(errors).toEqual([]);
  });

  it.each([
    ["newest:a", {}, /latest/],
    ["news:a", { idempotency_key: "k" }, /idempotency_key or version/],
    ["news:a", { version: 1 }, /idempotency_key or version/],
  ])("is refused in %s with %o", async (name, fields, text) => {
    const { api } = await startApp(app);
    const { body } = await api("publish", { channel: name, data: 1, skip_history: true, ...fields });
    expect(body.error).toMatchObject({ code: 107, message: expect.stringMatching(text) });
  });

  it("is what a live channel does anyway", async () => {
    const { api, url } = await startApp(app);
    const received: Answer[] = [];
    const subscription = await subscribeSdk(await connectSdk(url), "ticks:a");
    subscription.on("publication", ({ data }) => received.push(data));
    await api("broadcast", { channels: ["ticks:a", "ticks:b"], data: 1, skip_history: true });
    await until(() => received.length === 1);
  });
});

describe("version", () => {
  it("keeps what is older out of a channel, for every way to publish over the API", async () => {
    const { api, server } = await startApp(app);
    const publish = (version: number, fields = {}) =>
      api("publish", { channel: "news:a", data: version, version, ...fields }).then(
        ({ body }) => body.result,
      );
    expect(await publish(2)).toMatchObject({ offset: 1 });
    expect(await publish(2)).toMatchObject({ offset: 1, suppressed: true, suppress_reason: "version" });
    const { body } = await api("broadcast", { channels: ["news:a", "news:b"], data: 1, version: 1 });
    expect(body.result.responses).toMatchObject([
      { result: { suppressed: true } },
      { result: { offset: 1 } },
    ]);
    expect(await publish(1, { version_epoch: "next" })).toMatchObject({ offset: 2 });
    expect((await server.history("news:a")).publications.map(({ data }) => data)).toEqual([2, 1]);
    const keyed = await api("publish", { channel: "newest:a", data: 1, key: "k", version: 1 });
    expect(keyed.body.error).toMatchObject({
      code: 107,
      message: expect.stringContaining("version with a key"),
    });
  });
});

it("stream_data is refused with what to use instead", async () => {
  const { api } = await startApp(app);
  const { body } = await api("map_publish", { channel: "objects:a", key: "k", data: 1, stream_data: 2 });
  expect(body.error).toMatchObject({ code: 107, message: expect.stringMatching(/stream_data: .*data/) });
});

describe("session", () => {
  it("names one of a user's connections in subscribe, unsubscribe, refresh and disconnect", async () => {
    const { api, http, url } = await startApp(app);
    const open = async () => {
      const stream = await PlainStream.open(
        `${http}/connection/http_stream`,
        { "Content-Type": "application/json" },
        "POST",
        '{"id":1,"connect":{}}',
      );
      await stream.until(() => stream.lines.length === 1);
      return { stream, session: stream.lines[0].connect.session as string };
    };
    const [a, b] = [await open(), await open()];
    const other = await connectByHand(url);
    const target = { user: "", session: a.session };
    await api("subscribe", { ...target, channel: "news:a" });
    await a.stream.until(() => a.stream.lines.length === 2);
    await api("unsubscribe", { ...target, channel: "news:a" });
    await a.stream.until(() => a.stream.lines.length === 3);
    expect(a.stream.lines.slice(1)).toMatchObject([
      { push: { channel: "news:a", subscribe: {} } },
      { push: { channel: "news:a", unsubscribe: { code: 2000 } } },
    ]);
    await api("refresh", { ...target, expired: true });
    await a.stream.ended();
    expect(a.stream.lines.at(-1)).toMatchObject({ push: { disconnect: { code: 3005 } } });
    await api("disconnect", { user: "", session: b.session });
    await b.stream.ended();
    expect(b.stream.lines.slice(1)).toMatchObject([{ push: { disconnect: { code: 3503 } } }]);
    expect((await other.ask({ history: { channel: "news:a" } })).history).toBeDefined();
    expect(other.pushes).toEqual([]);
  });
});

it("an rpc is not available where no method exists, and not found where others do", async () => {
  const { url } = await startApp(app);
  const hand = await connectByHand(url);
  expect((await hand.ask({ rpc: { method: "x" } })).error).toMatchObject({ code: 108 });
});

it("was_recovering is true whenever recovery was asked for", async () => {
  const { url, server } = await startApp(app);
  await server.publish("forgetful:a", 1);
  const hand = await connectByHand(url);
  const { subscribe } = await hand.ask({ subscribe: { channel: "forgetful:a", recover: true } });
  expect(subscribe).toEqual({ was_recovering: true });
});

it("publish_debounce is told to subscribers of a stream and of a map", async () => {
  const { url } = await startApp(app);
  const hand = await connectByHand(url);
  const { subscribe } = await hand.ask({ subscribe: { channel: "cursors:a" } });
  expect(subscribe).toMatchObject({ publish_debounce: 75 });
  const map = await hand.ask({ subscribe: { channel: "objects:a", type: 1, phase: 2 } });
  expect(map.subscribe).toMatchObject({ publish_debounce: 40 });
});

describe("a user-limited channel", () => {
  const limited = defineApp({
    authenticate: jwt({ secret }),
    channels: {
      "dialog:{name}": channel({
        allow: { subscribe: false, publish: "subscribers", history: "users", presence: "users" },
        presence: true,
        userLimited: true,
      }),
    },
  });
  const as = (sub: string) => ({ token: tokenOf({ sub, exp: inSeconds(3600) }) });

  it("is for the users that its name ends with, for every action", async () => {
    const { url } = await startApp(limited);
    const ann = await connectByHand(url, as("ann"));
    const bo = await connectByHand(url, as("bo"));
    const name = "dialog:x#ann,cy";
    expect((await ann.ask({ subscribe: { channel: name } })).subscribe).toBeDefined();
    expect((await ann.ask({ publish: { channel: name, data: 1 } })).publish).toBeDefined();
    for (const command of [
      { subscribe: { channel: name } },
      { history: { channel: name, limit: 1 } },
      { presence: { channel: name } },
      { publish: { channel: name, data: 1 } },
    ])
      expect((await bo.ask(command)).error).toMatchObject({ code: 103 });
    for (const channel of ["dialog:x", "dialog:x#", "dialog:x#bob", "dialog:#ann#cy"])
      expect((await ann.ask({ subscribe: { channel } })).error).toMatchObject({ code: 103 });
  });

  it("lets in whoever has a token for it", async () => {
    const { url } = await startApp(limited);
    const bo = await connectByHand(url, as("bo"));
    const channel = "dialog:x#ann";
    const token = tokenOf({ sub: "bo", channel, exp: inSeconds(3600) });
    expect((await bo.ask({ subscribe: { channel, token } })).subscribe).toBeDefined();
  });
});

it("info tells of each node's process", async () => {
  const { api } = await startApp(app);
  const { body } = await api("info", {});
  expect(body.result.nodes).toMatchObject([
    { uid: expect.any(String), process: { cpu: expect.any(Number), rss: expect.any(Number) } },
  ]);
});

describe("/connection/uni_websocket", () => {
  const withTokens = defineApp({
    authenticate: jwt({ secret }),
    channels: { "{name}": channel({ allow: all }) },
  });
  const token = tokenOf({ sub: "ann", channels: ["news"], exp: inSeconds(3600) });

  async function open(url: string, protocols: string[] = []) {
    const socket = new WsWebSocket(url.replace("/websocket", "/uni_websocket"), protocols);
    const messages: Answer[] = [];
    let end: { code: number; reason: string } | undefined;
    socket.on("message", (data, isBinary) => {
      const lines = isBinary ? toJsonLines("Push", data as Buffer) : data.toString();
      messages.push(...lines.split("\n").map((line) => JSON.parse(line)));
    });
    socket.on("close", (code, reason) => {
      end = { code, reason: reason.toString() };
    });
    if (!url.includes("?")) await new Promise((resolve) => socket.once("open", resolve));
    const ended = async () => {
      await until(() => end !== undefined);
      return end as { readonly code: number; readonly reason: string } | undefined;
    };
    return { socket, messages, ended };
  }

  it.each(["message", "query"])(
    "pushes without an envelope what connect by a %s subscribes to",
    async (way) => {
      const { server, url } = await startApp(withTokens);
      const connect = JSON.stringify({ token });
      const query = way === "query" ? `?cf_connect=${encodeURIComponent(connect)}` : "";
      const { socket, messages, ended } = await open(url + query);
      if (way === "message") socket.send(connect);
      await until(() => messages.length === 1);
      expect(messages[0]).toMatchObject({ connect: { client: expect.any(String), subs: { news: {} } } });
      expect(messages[0].connect).not.toHaveProperty("ping");
      await server.publish("news", { n: 1 });
      await until(() => messages.length === 2);
      expect(messages[1]).toMatchObject({ channel: "news", pub: { data: { n: 1 }, offset: 1 } });
      await server.disconnect("ann", { code: 4501, reason: "enough" });
      expect(await ended()).toEqual({ code: 4501, reason: "enough" });
      await until(() => server.stats().connections === 0);
    },
  );

  it("speaks Protobuf, too", async () => {
    const { server, url } = await startApp(withTokens);
    const { socket, messages } = await open(url, ["centrifuge-protobuf"]);
    socket.send(encodeMessage("ConnectRequest", { token }));
    await until(() => messages.length === 1);
    await server.publish("news", { n: 1 });
    await until(() => messages.length === 2);
    expect(messages[1]).toMatchObject({ channel: "news" });
  });

  it.each([
    ["an expired token", JSON.stringify({ token: tokenOf({ sub: "a", exp: inSeconds(-100) }) }), 3005],
    ["parameters that are none", "[]", 3501],
  ])("ends for %s", async (_name, text, code) => {
    const { url } = await startApp(withTokens);
    const { socket, ended } = await open(url);
    socket.send(text);
    expect(await ended()).toMatchObject({ code });
  });

  it("ends when a second message comes", async () => {
    const { url } = await startApp(withTokens);
    const { socket, ended } = await open(url);
    socket.send(JSON.stringify({ token }));
    socket.send("{}");
    expect(await ended()).toMatchObject({ code: 3501, reason: expect.stringContaining("no messages") });
  });
});

describe("allowWeakSecret", () => {
  it("lets tokens of a short secret in, besides those of a long one", async () => {
    const authenticate = jwt({ secret: [secret, "short"], allowWeakSecret: true });
    const { url } = await startApp(defineApp({ authenticate, channels: {} }));
    for (const key of [secret, "short"]) {
      const { hello } = await connectByHand(url, { token: tokenOf({ sub: "ann", exp: inSeconds(60) }, key) });
      expect(hello.connect).toBeDefined();
    }
  });

  it("is needed for them", () => {
    const short = () => startApp(defineApp({ authenticate: jwt({ secret: "short" }), channels: {} }));
    return expect(short()).rejects.toThrow(/secret must be at least 32 bytes/);
  });
});
