/** Reading and publishing over plain HTTP: what each request gets. */
import { connect } from "node:http2";
import { gunzipSync } from "node:zlib";
import { request } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import type { ServerOptions } from "../../packages/holdfast/src/index.js";
import { defineApp, channel as kind, reject } from "../../packages/holdfast/src/index.js";
import { connectSdk, startApp, subscribeSdk } from "../../packages/holdfast/test/support/app-server.js";
import {
  channelAt,
  dataOf,
  positionOf,
  sinceOf,
} from "../../packages/holdfast/test/support/http-channels.js";
import { RawClient, startServer } from "../../packages/holdfast/test/support/server.js";

async function start(options: ServerOptions = {}) {
  const running = await startServer(options);
  const http = `http://127.0.0.1:${running.port}`;
  return { ...running, http, news: channelAt(http, "news") };
}

describe("GET /channels/{channel}", () => {
  it("returns the newest publications in order, and the head", async () => {
    const { server, news } = await start();
    for (let i = 1; i <= 5; i++) await server.publish("news", i);
    const { status, body } = await news.get("limit=2");
    expect(status).toBe(200);
    expect(body).toEqual({
      epoch: expect.any(String),
      offset: 5,
      recovered: false,
      publications: [
        { data: 4, offset: 4, time: expect.any(Number) },
        { data: 5, offset: 5, time: expect.any(Number) },
      ],
    });
    expect(dataOf((await news.get()).body)).toEqual([1, 2, 3, 4, 5]);
    expect((await news.get("limit=0")).body).toMatchObject({ offset: 5, publications: [] });
  });

  it("returns 100 by default, and no more than maxHistoryEntries", async () => {
    const { server, news } = await start({ maxHistoryEntries: 150 });
    await Promise.all(Array.from({ length: 200 }, (_, i) => server.publish("news", i + 1)));
    expect(dataOf((await news.get()).body)).toHaveLength(100);
    const { body } = await news.get("limit=1000");
    expect([dataOf(body).length, dataOf(body)[0], body.offset]).toEqual([150, 51, 200]);
    const from = await news.get(`since=${body.epoch}:0&limit=1000`);
    expect([dataOf(from.body).length, from.body.offset, from.body.recovered]).toEqual([150, 150, true]);
  });

  it("returns publications after a position, and with a limit the first of them", async () => {
    const { server, news } = await start();
    const position = await positionOf(news);
    for (const data of ["a", "b", "c"]) await server.publish("news", data);
    const first = (await news.get(`${position}&limit=2`)).body;
    expect([dataOf(first), first.offset, first.recovered]).toEqual([["a", "b"], 2, true]);
    const rest = (await news.get(sinceOf(first))).body;
    expect([dataOf(rest), rest.offset, rest.recovered]).toEqual([["c"], 3, true]);
    const none = (await news.get(sinceOf(rest))).body;
    expect([dataOf(none), none.offset, none.recovered]).toEqual([[], 3, true]);
  });

  it("accepts percent-encoded channel names with any characters", async () => {
    const { http, server } = await start();
    const name = "a/b c%2F?#é".replace("é", "e");
    await server.publish(name, 1);
    expect(dataOf((await channelAt(http, name).get()).body)).toEqual([1]);
  });

  it.each([
    ["of another epoch", () => "since=another:1"],
    ["beyond the end", (epoch: string) => `since=${epoch}:4000`],
    ["whose publications are no longer kept", (epoch: string) => `since=${epoch}:0`],
  ])("says that a position is gone, and begins anew: %s", async (_name, since) => {
    const retention = { maxEntries: 2, maxBytes: 1000, ttlMs: 3_600_000 };
    const rules = { retention, hasPresence: false, hasJoinLeave: false };
    const { server, news } = await start({ rulesFor: () => rules, ring: { maxEntries: 1 } });
    for (let i = 1; i <= 5; i++) await server.publish("news", i);
    const { epoch } = (await news.get()).body;
    for (const wait of ["", "&wait=25s"]) {
      const { status, body } = await news.get(since(epoch) + wait);
      expect([status, dataOf(body), body.offset, body.recovered]).toEqual([200, [4, 5], 5, false]);
    }
  });

  it("reports a position from before everything expired", async () => {
    const retention = { maxEntries: 10, maxBytes: 1000, ttlMs: 1 };
    const rules = { retention, hasPresence: false, hasJoinLeave: false };
    const { server, news } = await start({ rulesFor: () => rules });
    const position = await positionOf(news);
    await server.publish("news", 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { body } = await news.get(`${position}&wait=25s`);
    expect([dataOf(body), body.offset, body.recovered]).toEqual([[], 1, false]);
  });

  it.each([
    ["since=", "since must be EPOCH:OFFSET"],
    ["since=12", "since must be EPOCH:OFFSET"],
    ["since=e:-1", "since must be EPOCH:OFFSET"],
    ["since=e:1e3", "since must be EPOCH:OFFSET"],
    ["since=e:99999999999999999999", "since must be EPOCH:OFFSET"],
    ["since=e%22:1", "since must be EPOCH:OFFSET"],
    ["limit=-1", "limit must be an integer"],
    ["since=e:1&limit=0", "limit must be at least 1 with since"],
    ["limit=ten", "limit must be an integer"],
    ["wait=25s", "wait needs since"],
    ["since=e:1&wait=soon", "wait must be a number of seconds"],
    ["cursor=x", "cursor must be the cursor of the previous page"],
    ["since=e:1&cursor=ZToxIDA6YQ", "cursor cannot be combined with since"],
  ])("refuses what it can't take: %s", async (query, message) => {
    const { news } = await start();
    const { status, body } = await news.get(query);
    expect([status, body.error.code]).toEqual([400, 107]);
    expect(body.error.message).toContain(message);
  });

  it.each([
    ["/channels/%ff", 400],
    ["/channels/%C3%A9", 400],
    [`/channels/${"x".repeat(256)}`, 400],
    ["/channels/", 404],
    ["/channels/a/b", 404],
  ])("answers %.20s with %i", async (path, status) => {
    const { http } = await start();
    expect((await fetch(http + path)).status).toBe(status);
  });

  it("refuses channels without history, and other methods", async () => {
    const app = defineApp({ channels: { live: kind({ kind: "live" }), news: kind() } });
    const { http } = await startApp(app);
    const { status, body } = await channelAt(http, "live").get();
    expect([status, body.error.code]).toEqual([400, 108]);
    const put = await fetch(`${http}/channels/news`, { method: "PUT", body: "{}" });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, HEAD, POST, DELETE, OPTIONS"]);
  });

  it("returns the newest of each key to returning clients of a channel of kind latest", async () => {
    const { server, http } = await startApp(defineApp({ channels: { quotes: kind({ kind: "latest" }) } }));
    const quotes = channelAt(http, "quotes");
    const position = await positionOf(quotes);
    for (const [key, data] of [
      ["A", 1],
      ["B", 2],
      ["A", 3],
    ] as const)
      await server.publish("quotes", data, { key });
    const { body } = await quotes.get(position);
    expect([dataOf(body), body.offset, body.recovered]).toEqual([[2, 3], 3, true]);
  });
});

describe("GET of a map", () => {
  async function startMap() {
    const { server, http } = await startApp(defineApp({ channels: { scores: kind({ kind: "map" }) } }));
    return { server, scores: channelAt(http, "scores") };
  }

  it("returns its values page by page, then changes since the first page", async () => {
    const { server, scores } = await startMap();
    for (const key of ["a", "b", "c", "d"]) await server.publish("scores", 1, { key });
    const first = (await scores.get("limit=2")).body;
    expect(first).toMatchObject({
      offset: 4,
      state: [
        { key: "a", data: 1 },
        { key: "b", data: 1 },
      ],
    });
    await server.publish("scores", 2, { key: "a" });
    await server.publish("scores", 2, { key: "d" });
    const second = (await scores.get(`limit=2&cursor=${first.cursor}`)).body;
    expect(second).toMatchObject({ offset: 4, state: [{ key: "c", data: 1 }] });
    const changes = (await scores.get(sinceOf(second))).body;
    expect(changes).toMatchObject({
      recovered: true,
      publications: [
        { key: "a", data: 2 },
        { key: "d", data: 2 },
      ],
    });
  });

  it("returns the highest score first when the map is ordered, page by page", async () => {
    const map = { score: "points" };
    const { server, http } = await startApp(defineApp({ channels: { scores: kind({ kind: "map", map }) } }));
    const scores = channelAt(http, "scores");
    for (const [key, points] of [
      ["a", 1],
      ["b", 3],
      ["c", 2],
    ] as const)
      await server.publish("scores", { points }, { key });
    const keys: string[] = [];
    for (let cursor = ""; ; ) {
      const { body } = await scores.get(`limit=1${cursor}`);
      for (const { key } of body.state) keys.push(key);
      if (body.cursor === undefined) break;
      cursor = `&cursor=${body.cursor}`;
    }
    expect(keys).toEqual(["b", "c", "a"]);
  });

  it("returns the subscribers of a presence list, and refuses publications to it", async () => {
    const app = defineApp({
      channels: {
        "room:{id}": kind(),
        "users:{id}": kind({ kind: "map", map: { subscribersOf: "room:{id}", by: "user" } }),
      },
    });
    const { http, url } = await startApp(app);
    const users = channelAt(http, "users:1");
    const position = sinceOf((await users.get()).body);
    await subscribeSdk(await connectSdk(url, { data: { user: "anna" } }), "room:1");
    expect((await users.get(`${position}&wait=25s`)).body.publications).toMatchObject([{ key: "anna" }]);
    expect((await users.get()).body.state).toMatchObject([{ key: "anna" }]);
    expect((await users.post(1, { query: "key=ben" })).status).toBe(403);
  });

  it("returns all values when a position is gone", async () => {
    const { server, scores } = await startMap();
    await server.publish("scores", 1, { key: "a" });
    const { body } = await scores.get("since=another:1&wait=25s");
    expect(body).toMatchObject({ offset: 1, state: [{ key: "a" }] });
  });

  it("refuses a cursor from before the map restarted", async () => {
    const { scores } = await startMap();
    const cursor = Buffer.from("another:3 0:a").toString("base64url");
    expect((await scores.get(`cursor=${cursor}`)).status).toBe(410);
  });

  it("is written by key, and a key is removed with DELETE", async () => {
    const app = defineApp({ channels: { scores: kind({ kind: "map", allow: { publish: "all" } }) } });
    const { http } = await startApp(app);
    const scores = channelAt(http, "scores");
    expect((await scores.post(7)).body.error.message).toContain("key is missing");
    expect((await scores.post(7, { query: "key=anna" })).status).toBe(201);
    expect((await scores.get()).body.state).toMatchObject([{ key: "anna", data: 7 }]);
    const waiting = scores.get(`${sinceOf((await scores.get()).body)}&wait=25s`);
    expect((await scores.remove("key=anna")).status).toBe(201);
    expect((await waiting).body.publications).toMatchObject([{ key: "anna", removed: true }]);
    expect((await scores.get()).body.state).toEqual([]);
    const again = await scores.remove("key=anna");
    expect([again.status, again.body]).toMatchObject([
      200,
      { suppressed: true, suppress_reason: "key_not_found" },
    ]);
  });
});

describe("conditional requests", () => {
  it("are answered 304 without a body until something is published", async () => {
    const { server, news } = await start();
    for (const query of ["", await positionOf(news)]) {
      const first = await news.get(query);
      const condition = { "If-None-Match": first.headers.get("etag") as string };
      const second = await news.get(query, condition);
      expect([second.status, second.text, second.headers.get("etag")]).toEqual([
        304,
        "",
        condition["If-None-Match"],
      ]);
      expect((await news.get(query, { "If-None-Match": `"x", ${condition["If-None-Match"]}` })).status).toBe(
        304,
      );
      await server.publish("news", 1);
      expect((await news.get(query, condition)).status).toBe(200);
    }
  });

  it("are not answered 304 when retention has shrunk, or the position is gone", async () => {
    const { server, news } = await start();
    const position = await positionOf(news);
    await server.publish("news", 1);
    const before = [await news.get(), await news.get(position)];
    await server.removeHistory("news");
    for (const [i, query] of ["", position].entries()) {
      const etag = before[i]?.headers.get("etag") as string;
      expect((await news.get(query, { "If-None-Match": etag })).status).toBe(200);
    }
  });

  it("mark private responses as uncacheable for shared caches", async () => {
    const { news } = await start();
    const { headers } = await news.get();
    expect(headers.get("cache-control")).toBe("private, no-cache");
    expect(headers.get("vary")).toBe("Accept-Encoding, Origin");
    expect((await news.get("since=x")).headers.get("cache-control")).toBe("no-store");
  });

  it("make an empty poll no more than 192 bytes, and 384 the first time", async () => {
    const { news, port } = await start();
    const position = await positionOf(news);
    const client = await RawClient.connect(port);
    const poll = `GET /channels/news?${position} HTTP/1.1\r\nHost: 127.0.0.1\r\n`;
    client.write(`${poll}\r\n`);
    const head = await client.readHead();
    const etag = /^etag: (.*)\r$/im.exec(head)?.[1];
    const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1]);
    expect(head.length + length).toBeLessThanOrEqual(384);
    client.received = client.received.subarray(length);
    client.write(`${poll}If-None-Match: ${etag}\r\n\r\n`);
    const unchanged = await client.readHead();
    expect(unchanged).toMatch(/^HTTP\/1\.1 304 /);
    expect(unchanged.length).toBeLessThanOrEqual(192);
    // And the connection goes on.
    client.write(`${poll}If-None-Match: ${etag}\r\n\r\n`);
    expect(await client.readHead()).toMatch(/^HTTP\/1\.1 304 /);
  });

  it("work with HEAD, which has the fields of GET and no body", async () => {
    const { server, news } = await start();
    await server.publish("news", 1);
    const get = await news.get();
    const head = await news.ask("", { method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
    for (const name of ["etag", "content-length", "content-type"])
      expect(head.headers.get(name)).toBe(get.headers.get(name));
  });
});

describe("compression", () => {
  async function getRaw(http: string, accepted: string | undefined) {
    const { headers, body } = await request(`${http}/channels/news`, {
      headers: accepted === undefined ? {} : { "Accept-Encoding": accepted },
    });
    return { encoding: headers["content-encoding"], bytes: Buffer.from(await body.arrayBuffer()) };
  }

  it("is used for larger responses when the client accepts it", async () => {
    const { server, http } = await start();
    await server.publish("news", "hello ".repeat(1000));
    const plain = await getRaw(http, undefined);
    const zipped = await getRaw(http, "br, gzip;q=0.5");
    expect([plain.encoding, zipped.encoding]).toEqual([undefined, "gzip"]);
    expect(zipped.bytes.length).toBeLessThan(plain.bytes.length / 10);
    expect(gunzipSync(zipped.bytes)).toEqual(plain.bytes);
    expect((await getRaw(http, "gzip;q=0, br")).encoding).toBeUndefined();
  });

  it("is not used for small ones, nor when nothing is gained", async () => {
    const { server, http } = await start();
    await server.publish("news", "hello ".repeat(50));
    expect((await getRaw(http, "gzip")).encoding).toBeUndefined();
  });
});

describe("POST /channels/{channel}", () => {
  it("publishes, and answers 201 with the position", async () => {
    const { news } = await start();
    const { status, body } = await news.post({ text: "hello" });
    expect([status, body]).toEqual([201, { epoch: expect.any(String), offset: 1 }]);
    expect((await news.get()).body.publications).toMatchObject([
      { data: { text: "hello" }, info: { user: "", client: expect.any(String) } },
    ]);
  });

  it("has one effect with an idempotency key, and answers repeats with the first position", async () => {
    const { news } = await start();
    const headers = { "Idempotency-Key": "order-1" };
    const first = await news.post(1, { headers });
    await news.post(2);
    const again = await news.post(1, { headers });
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.body).toEqual({ ...first.body, is_duplicate: true });
    expect(dataOf((await news.get()).body)).toEqual([1, 2]);
  });

  it.each([
    ["nothing", { raw: "" }, 400, "the body must be JSON"],
    ["no JSON", { raw: "{" }, 400, "the body must be JSON"],
    ["JSON that is too deep", { raw: `${"[".repeat(5000)}${"]".repeat(5000)}` }, 400, "nested deeper"],
    ["a form", { headers: { "Content-Type": "text/plain" } }, 415, "application/json"],
    ["compressed JSON", { headers: { "Content-Encoding": "gzip" } }, 415, "Content-Encoding"],
    ["too much", { raw: JSON.stringify("x".repeat(70_000)) }, 413, "65536 bytes"],
    ["a key that is too long", { query: `key=${"k".repeat(256)}` }, 400, "key must have 1 to 255"],
    ["an empty idempotency key", { headers: { "Idempotency-Key": "" } }, 400, "Idempotency-Key must have"],
    ["a key where there are none", { query: "key=a" }, 400, "key is for maps"],
  ])("refuses %s", async (_name, options, status, message) => {
    const { news } = await start();
    const answer = await news.post(1, options);
    expect([answer.status, answer.body.error.code]).toEqual([status, 107]);
    expect(answer.body.error.message).toContain(message);
    expect(dataOf((await news.get()).body)).toEqual([]);
  });

  it("refuses a body without a content type, which any page could send", async () => {
    const { news, port } = await start();
    const client = await RawClient.connect(port);
    client.write("POST /channels/news HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n\r\n1");
    expect(await client.readHead()).toMatch(/^HTTP\/1\.1 415 /);
    expect(dataOf((await news.get()).body)).toEqual([]);
  });

  it("names the path when the data violates the channel's schema", async () => {
    const data = z.object({ text: z.string() });
    const { http } = await startApp(defineApp({ channels: { news: kind({ data }) } }));
    const news = channelAt(http, "news");
    expect((await news.post({ text: "yes" })).status).toBe(201);
    const { status, body } = await news.post({ text: 7 });
    expect([status, body.error.code]).toEqual([400, 107]);
    expect(body.error.message).toContain("data.text");
  });

  it.each([
    [409, 409],
    [451, 451],
    [401, 403],
    [1000, 403],
  ])("answers what the publish hook refuses with %i as %i", async (code, status) => {
    const publish = () => reject(code, "not today");
    const { http } = await startApp(defineApp({ channels: { news: kind({ publish }) } }));
    const answer = await channelAt(http, "news").post(1);
    expect([answer.status, answer.body]).toEqual([status, { error: { code, message: "not today" } }]);
  });

  it("answers 500 when the application fails, without details, and reports it once", async () => {
    const publish = () => {
      throw new Error("secret detail");
    };
    const { http, errors } = await startApp(defineApp({ channels: { news: kind({ publish }) } }));
    const { status, text } = await channelAt(http, "news").post(1);
    expect(status).toBe(500);
    expect(text).not.toContain("secret");
    expect(errors).toHaveLength(1);
  });

  it("answers 507 when the store is full", async () => {
    const map = { maxKeys: 1 };
    const app = defineApp({ channels: { scores: kind({ kind: "map", map, allow: { publish: "all" } }) } });
    const { http } = await startApp(app);
    const scores = channelAt(http, "scores");
    expect((await scores.post(1, { query: "key=a" })).status).toBe(201);
    const { status, body } = await scores.post(1, { query: "key=b" });
    expect([status, body.error.code]).toEqual([507, 106]);
  });

  it("reads and publishes over HTTP/2", async () => {
    const { http, news } = await start();
    const session = connect(http);
    onTestFinished(() => session.destroy());
    const stream = session.request({
      ":method": "POST",
      ":path": "/channels/news",
      "content-type": "application/json",
    });
    stream.end("7");
    const status = await new Promise((resolve) => stream.on("response", (head) => resolve(head[":status"])));
    expect(status).toBe(201);
    expect(dataOf((await news.get()).body)).toEqual([7]);
  });
});
