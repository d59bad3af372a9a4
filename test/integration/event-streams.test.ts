/** Channels for clients without an SDK: events as browsers read them, and lines. */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { EventSource } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { channel, defineApp, jwt, reject, type ServerOptions } from "../../packages/holdfast/src/index.js";
import {
  type Answer,
  inSeconds,
  secret,
  startApp,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { PlainStream } from "../../packages/holdfast/test/support/plain-stream.js";
import { until } from "../../packages/holdfast/test/support/server.js";
import { testTls } from "../../packages/holdfast/test/support/tls.js";

const app = defineApp({
  channels: {
    news: channel({ presence: true, history: { size: 5 } }),
    ticks: channel(),
    ticker: channel({ kind: "live" }),
    board: channel({ kind: "map" }),
    secret: channel({ allow: { subscribe: false } }),
    hooked: channel({
      subscribe: () => {
        throw reject(1234, "not today");
      },
    }),
  },
});

async function start(options: ServerOptions = {}) {
  const { server, http, errors, port } = await startApp(app, options);
  const open = (path: string, headers: Record<string, string> = {}) =>
    PlainStream.open(`${http}/channels/${path}`, headers);
  return { server, http, errors, port, open };
}

const emptyStats = {
  connections: 0,
  users: 0,
  subscriptions: 0,
  unsentBytes: 0,
  heldBytes: 0,
  behind: 0,
  channels: 0,
  sockets: 0,
  deadlines: 0,
  deliveries: 0,
};

describe("channel as server-sent events", () => {
  it("starts with the position, then sends publications with their positions as ids", async () => {
    const { server, open, errors } = await start();
    const before = await server.publish("news", "before");
    const stream = await open("news/events", { Accept: "text/event-stream" });
    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({
      "content-type": "text/event-stream",
      "x-accel-buffering": "no",
      "cache-control": expect.stringMatching(/no-store/),
    });
    await stream.nextEvents(1);
    await server.publish("news", { text: "é 😀" }, { tags: { lang: "fr" } });
    const { epoch } = before;
    expect(await stream.nextEvents(2)).toEqual([
      { type: "position", data: { epoch, offset: 1 }, lastEventId: `${epoch}:1` },
      {
        type: "message",
        data: { offset: 2, epoch, data: { text: "é 😀" }, tags: { lang: "fr" }, time: expect.any(Number) },
        lastEventId: `${epoch}:2`,
      },
    ]);
    expect(stream.text).toMatch(/^retry: \d{4}\nid: .*\nevent: position\n/);
    expect(await server.presence("news")).toHaveLength(1);
    stream.cut();
    await until(() => server.stats().sockets === 0);
    expect(server.stats()).toMatchObject(emptyStats);
    expect(errors).toEqual([]);
  });

  it("resumes a browser's position with nothing missing or repeated", async () => {
    const { server, http, open } = await start();
    const source = new EventSource(`${http}/channels/news/events`);
    onTestFinished(() => source.close());
    const came: string[] = [];
    source.onmessage = ({ data }) => void came.push((JSON.parse(data as string) as Answer).data);
    await once(source, "position");
    await server.publish("news", "a");
    await until(() => came.length === 1);
    const opened = once(source, "open");
    // Not for good, so that it comes back.
    await server.disconnect("", { code: 3011, reason: "force reconnect" });
    await server.publish("news", "b");
    await opened;
    await server.publish("news", "c");
    await until(() => came.length >= 3);
    expect(came).toEqual(["a", "b", "c"]);
    expect((await open("news/events?since=:1")).status).toBe(200);
  });

  it("recovers by Last-Event-ID, which takes precedence over since", async () => {
    const { server, open } = await start();
    const { epoch } = await server.publish("news", 1);
    for (const n of [2, 3, 4]) await server.publish("news", n);
    const stream = await open(`news/events?since=${epoch}:0`, { "Last-Event-ID": `${epoch}:2` });
    const events = await stream.nextEvents(3);
    expect(events[0]).toEqual({
      type: "position",
      data: { recovered: true, epoch, offset: 2 },
      lastEventId: `${epoch}:2`,
    });
    expect(stream.offsets).toEqual([3, 4]);
  });

  it.each([
    ["entries that are not kept", (epoch: string) => `${epoch}:1`],
    ["another epoch", () => "other:9"],
    ["what was never published", (epoch: string) => `${epoch}:99`],
  ])("says so where the position is gone: %s", async (_name, place) => {
    const { server, open } = await start();
    const { epoch } = await server.publish("news", 1);
    for (let n = 2; n <= 10; n++) await server.publish("news", n);
    const stream = await open(`news/events?since=${place(epoch)}`);
    expect(await stream.nextEvents(1)).toEqual([
      { type: "lost", data: { recovered: false, epoch, offset: 10 }, lastEventId: `${epoch}:10` },
    ]);
    await server.publish("news", "next");
    expect((await stream.nextEvents(2))[1]).toMatchObject({ data: { offset: 11, data: "next" } });
  });

  it("has no positions on channels without history", async () => {
    const { server, open } = await start();
    const stream = await open("ticker/events");
    await stream.nextEvents(1);
    await server.publish("ticker", 1);
    expect(await stream.nextEvents(2)).toEqual([
      { type: "position", data: {}, lastEventId: "" },
      { type: "message", data: { data: 1, time: expect.any(Number) }, lastEventId: "" },
    ]);
    const lost = await open("ticker/events?since=x:1");
    expect(await lost.nextEvents(1)).toMatchObject([{ type: "lost", data: { recovered: false } }]);
  });

  it("sends keep-alive comments and stays open", async () => {
    const { open, server } = await start({ pingIntervalMs: 600, pongTimeoutMs: 500 });
    const stream = await open("news/events");
    await stream.until(() => stream.text.split(": keepalive\n").length > 3);
    expect(stream.events).toHaveLength(1);
    expect(server.stats().connections).toBe(1);
  });

  it("has an empty line after events only, since some readers count each as an event", async () => {
    const { open, http, server } = await start({ pingIntervalMs: 600, pongTimeoutMs: 500 });
    const accept = { Accept: "text/event-stream" };
    const oneWay = await PlainStream.open(`${http}/connection/uni_sse`, accept);
    const stream = await open("news/events", accept);
    await stream.until(() => stream.text.split(": keepalive\n").length > 3);
    await server.publish("news", 1);
    await stream.nextEvents(2);
    await oneWay.until(() => oneWay.events.length > 1);
    for (const { text } of [stream, oneWay])
      expect(
        text
          .split("\n\n")
          .slice(0, -1)
          .filter((block) => !/^data: /m.test(block)),
      ).toEqual([]);
  });

  it("ends with an error when the server or its subscription ends it", async () => {
    const { open, server } = await start();
    const first = await open("news/events");
    await first.nextEvents(1);
    await server.unsubscribe("", "news");
    await first.ended();
    expect(first.events.at(-1)).toMatchObject({
      type: "error",
      data: { code: 2000, message: "server unsubscribe" },
    });
    const second = await open("news/events");
    await second.nextEvents(1);
    await server.close();
    await second.ended();
    expect(second.events.at(-1)).toMatchObject({ type: "error", data: { code: 3001 } });
    expect(server.stats()).toMatchObject(emptyStats);
  });

  it("gets no other server-side subscriptions", async () => {
    const { open, server } = await start();
    const stream = await open("news/events");
    await stream.nextEvents(1);
    await server.subscribe("", "ticker");
    await server.publish("ticker", "other");
    await server.publish("news", "own");
    expect((await stream.nextEvents(2)).map(({ data }) => data.data)).toEqual([undefined, "own"]);
    expect(server.stats().subscriptions).toBe(1);
  });
});

describe("slow reader of server-sent events", () => {
  it("falls behind and catches up, or is told of the gap", async () => {
    const { server, open } = await start({ ring: { maxEntries: 2 } });
    const stream = await open("news/events");
    await stream.nextEvents(1);
    stream.pause();
    const data = "x".repeat(60_000);
    while (server.stats().behind === 0) {
      await server.publish("news", data);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Beyond what ring and log keep.
    for (let n = 0; n < 20; n++) await server.publish("news", data);
    stream.resume();
    await stream.ended();
    const { offsets } = stream;
    expect(offsets).toEqual(offsets.map((_, i) => i + 1));
    const { data: error } = stream.events.at(-1) as Answer;
    expect(error).toMatchObject({ code: 2500 });
    const again = await open("news/events", { "Last-Event-ID": stream.events.at(-1)?.lastEventId as string });
    expect(await again.nextEvents(1)).toMatchObject([{ type: "lost", data: { recovered: false } }]);
    again.cut();
    await until(() => server.stats().sockets === 0);
    expect(server.stats()).toMatchObject(emptyStats);
  });
});

describe("channel as JSON lines", () => {
  it("has the same content with names as keys, over HTTP/2 too", async () => {
    const { server, port } = await start();
    const { epoch } = await server.publish("news", "a");
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({
      ":path": `/channels/news/events?since=${epoch}:0`,
      accept: "application/x-ndjson",
    });
    stream.setEncoding("utf8");
    let text = "";
    stream.on("data", (part) => {
      text += part;
    });
    const [headers] = await once(stream, "response");
    expect(headers).toMatchObject({ ":status": 200, "content-type": "application/x-ndjson" });
    await until(() => text.includes('"a"'));
    await server.publish("news", "b");
    await until(() => text.includes('"b"'));
    const ended = once(stream, "end");
    await server.disconnect("", { code: 4501, reason: "enough" });
    await ended;
    const time = expect.any(Number);
    expect(
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { position: { recovered: true, epoch, offset: 0 } },
      { offset: 1, epoch, data: "a", time },
      { offset: 2, epoch, data: "b", time },
      { error: { code: 4501, message: "enough" } },
    ]);
    await until(() => server.stats().sockets === 0);
    expect(server.stats()).toMatchObject(emptyStats);
  });

  it.each([false, true])(
    "falls behind over HTTP/2 (TLS %s) while unread, and misses nothing",
    async (isSecure) => {
      const { server, port } = await start(isSecure ? { tls: testTls } : {});
      const scheme = isSecure ? "https" : "http";
      const session = connectHttp2(`${scheme}://localhost:${port}`, { rejectUnauthorized: false });
      onTestFinished(() => session.destroy());
      const stream = session.request({ ":path": "/channels/ticks/events", accept: "application/x-ndjson" });
      stream.setEncoding("utf8");
      let text = "";
      stream.on("data", (part) => {
        text += part;
      });
      await until(() => text.includes("position"));
      stream.pause();
      const published = 40;
      for (let n = 0; n < published; n++) {
        await server.publish("ticks", "x".repeat(30_000));
        await new Promise((resolve) => setImmediate(resolve));
      }
      // Its window is used up, and what it has not read is in the log.
      await until(() => server.stats().behind === 1);
      expect(server.stats().unsentBytes).toBeLessThan(100_000);
      stream.resume();
      const offsets = () => [...text.matchAll(/"offset":(\d+),"epoch"/g)].map(([, offset]) => Number(offset));
      await until(() => offsets().at(-1) === published);
      expect(offsets()).toEqual(Array.from({ length: published }, (_, i) => i + 1));
      await until(() => server.stats().behind === 0 && server.stats().heldBytes === 0);
    },
  );

  it("is served over HTTP/1.1 with TLS, too", async () => {
    const { server, port } = await start({ tls: testTls });
    const stream = await PlainStream.open(`https://localhost:${port}/channels/news/events`);
    await stream.nextEvents(1);
    for (let n = 0; n < 5; n++) await server.publish("news", "x".repeat(50_000));
    await stream.until(() => stream.offsets.length === 5);
    expect(stream.offsets).toEqual([1, 2, 3, 4, 5]);
    await until(() => server.stats().unsentBytes === 0);
    expect(server.stats()).toMatchObject({ behind: 0, heldBytes: 0 });
  });

  it("treats an HTTP/2 stream reset as the client leaving", async () => {
    const { server, port } = await start();
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ":path": "/channels/news/events" });
    await once(stream, "response");
    stream.close(8);
    await until(() => server.stats().sockets === 0);
    expect(server.stats()).toMatchObject(emptyStats);
  });
});

describe("map as server-sent events", () => {
  it("sends its state, then changes; resumes a position, and starts over from a lost one", async () => {
    const { server, open } = await start();
    for (let n = 0; n < 250; n++) await server.publish("board", n, { key: `k${n}` });
    const stream = await open("board/events");
    await stream.until(() => stream.events.some(({ type }) => type === "position"));
    const states = stream.events.filter(({ type }) => type === "state");
    expect(new Set(states.map(({ data }) => data.key)).size).toBe(250);
    expect(states).toHaveLength(250);
    expect(stream.events.at(-1)).toMatchObject({ type: "position", data: { offset: 250 } });
    const id = stream.events.at(-1)?.lastEventId as string;
    expect(states.every(({ lastEventId }) => lastEventId === "")).toBe(true);
    await server.publish("board", "new", { key: "k0" });
    await server.remove("board", "k1");
    await stream.until(() => stream.offsets.length === 2);
    expect(stream.events.slice(-2)).toMatchObject([
      { type: "message", data: { key: "k0", data: "new", offset: 251 } },
      { type: "message", data: { key: "k1", removed: true, offset: 252 } },
    ]);
    const resumed = await open("board/events", { "Last-Event-ID": id });
    await resumed.until(() => resumed.offsets.length === 2);
    expect(resumed.events.some(({ type }) => type === "state" || type === "lost")).toBe(false);
    const lost = await open("board/events?since=other:3");
    await lost.until(() => lost.events.some(({ type }) => type === "position"));
    expect(lost.events[0]).toMatchObject({ type: "lost", data: { recovered: false } });
    expect(lost.events.filter(({ type }) => type === "state")).toHaveLength(249);
  });
});

describe("tokens of plain streams", () => {
  const withTokens = defineApp({
    authenticate: jwt({ secret }),
    channels: { news: channel(), secret: channel({ allow: { subscribe: false } }) },
  });
  const token = tokenOf({ sub: "ann", exp: inSeconds(3600) });

  async function startWithTokens() {
    const { server, http } = await startApp(withTokens);
    const open = (path: string, headers: Record<string, string> = {}) =>
      PlainStream.open(`${http}/channels/${path}`, headers);
    return { server, open };
  }

  it("are accepted in a field or a parameter", async () => {
    const { server, open } = await startWithTokens();
    await (await open("news/events", { Authorization: `Bearer ${token}` })).nextEvents(1);
    await (await open(`news/events?token=${token}`)).nextEvents(1);
    expect(server.stats()).toMatchObject({ connections: 2, users: 1 });
  });

  it("resume a channel named in the token like any other", async () => {
    const { server, open } = await startWithTokens();
    const { epoch } = await server.publish("secret", 1);
    await server.publish("secret", 2);
    const named = tokenOf({ sub: "ann", channels: ["secret"], exp: inSeconds(3600) });
    const stream = await open(`secret/events?token=${named}&since=${epoch}:1`);
    expect(await stream.nextEvents(2)).toMatchObject([
      { type: "position", data: { recovered: true, epoch, offset: 1 } },
      { type: "message", data: { data: 2, offset: 2 } },
    ]);
  });

  it.each([
    ["none", {}],
    ["nonsense", { Authorization: "Bearer nonsense" }],
    ["one that has expired", { Authorization: `Bearer ${tokenOf({ sub: "ann", exp: inSeconds(-60) })}` }],
  ])("are asked for with 401 where there is %s", async (_name, headers) => {
    const { server, open } = await startWithTokens();
    const stream = await open("news/events", headers as Record<string, string>);
    await stream.ended();
    expect(stream.status).toBe(401);
    expect(stream.headers["www-authenticate"]).toBe("Bearer");
    expect(stream.lines).toMatchObject([
      { error: { code: expect.any(Number), message: expect.any(String) } },
    ]);
    await until(() => server.stats().sockets === 0);
    expect(server.stats()).toMatchObject(emptyStats);
  });

  it("open a channel closed by its rules: by name in the token, or with a token of its own", async () => {
    const { server, open } = await startWithTokens();
    const headers = { Authorization: `Bearer ${token}` };
    const refused = await open("secret/events", headers);
    await refused.ended();
    expect(refused.status).toBe(403);
    const named = tokenOf({ sub: "ann", channels: ["secret", "news"], exp: inSeconds(3600) });
    const granted = await open(`secret/events?token=${named}`);
    expect(await granted.nextEvents(1)).toMatchObject([{ type: "position" }]);
    // The other channel of the token is not for this stream.
    expect(server.stats().subscriptions).toBe(1);
    const own = tokenOf({ sub: "ann", channel: "secret", exp: inSeconds(3600) });
    const byChannel = await open(`secret/events?channel_token=${own}`, headers);
    expect(await byChannel.nextEvents(1)).toMatchObject([{ type: "position" }]);
  });
});

describe("request refused before a stream starts", () => {
  it.each([
    ["nowhere/events", {}, 404, 102],
    ["secret/events", {}, 403, 103],
    ["hooked/events", {}, 403, 1234],
    ["news/events?since=nonsense", {}, 400, 107],
    ["news/events?since=a:-1", {}, 400, 107],
    ["news/events", { "Last-Event-ID": "nonsense" }, 400, 107],
    ["%FF/events", {}, 400, 107],
    ["%C3%A9/events", {}, 400, 107],
    ["/events", {}, 400, 107],
    [`${"x".repeat(256)}/events`, {}, 400, 107],
    ["news/events", { Accept: "application/json" }, 406, 107],
    ["news/events", { Origin: "https://elsewhere.example" }, 403, 103],
    ["news/events", { Authorization: "Bearer x" }, 401, 3500],
  ])("%s with %j gets %i and code %i", async (path, headers, status, code) => {
    const { server, open, errors } = await start();
    const stream = await open(path, headers as Record<string, string>);
    await stream.ended();
    expect(stream.lines).toMatchObject([{ error: { code, message: expect.stringMatching(/\w{3}/) } }]);
    expect(stream.status).toBe(status);
    await until(() => server.stats().sockets === 0);
    expect(server.stats()).toMatchObject(emptyStats);
    expect(errors).toEqual([]);
  });

  it("has an unsupported method", async () => {
    const { http } = await start();
    const response = await fetch(`${http}/channels/news/events`, { method: "POST", body: "x" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, OPTIONS"]);
  });

  it("exceeds the connection limit, in total or of a user", async () => {
    const { open } = await start({ maxConnections: 1 });
    await (await open("news/events")).nextEvents(1);
    const refused = await open("news/events");
    await refused.ended();
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "5"]);
    const withTokens = defineApp({ authenticate: jwt({ secret }), channels: { news: channel() } });
    const { http } = await startApp(withTokens, { maxUserConnections: 1 });
    const url = `${http}/channels/news/events?token=${tokenOf({ sub: "ann" })}`;
    await (await PlainStream.open(url)).nextEvents(1);
    const second = await PlainStream.open(url);
    await second.ended();
    expect(second.status).toBe(429);
    expect(second.lines).toMatchObject([{ error: { code: 3504 } }]);
  });
});
