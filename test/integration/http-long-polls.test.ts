/** Requests that wait: what releases them, what they leave behind, and many at once. */
import { type ClientHttp2Session, connect } from "node:http2";
import { describe, expect, it, onTestFinished } from "vitest";
import type { HoldfastServer, ServerOptions } from "../../packages/holdfast/src/index.js";
import { defineApp, jwt, channel as kind } from "../../packages/holdfast/src/index.js";
import { inSeconds, secret, startApp, tokenOf } from "../../packages/holdfast/test/support/app-server.js";
import { channelAt, dataOf, positionOf } from "../../packages/holdfast/test/support/http-channels.js";
import { RawClient, startServer, until } from "../../packages/holdfast/test/support/server.js";

async function start(options: ServerOptions = {}) {
  const running = await startServer(options);
  const http = `http://127.0.0.1:${running.port}`;
  return { ...running, http, news: channelAt(http, "news") };
}

const waitingAt = (server: HoldfastServer, count: number) =>
  until(() => server.stats().waitingRequests === count);

/** What is left of requests when all are answered. */
const idle = { requests: 0, waitingRequests: 0, channels: 0, deadlines: 0, deliveries: 0 };

describe("waiting request", () => {
  it("is answered when something is published, with the publication", async () => {
    const { server, news } = await start();
    const answer = news.get(`${await positionOf(news)}&wait=25s`);
    await waitingAt(server, 1);
    await news.post("now");
    expect((await answer).body).toMatchObject({
      offset: 1,
      recovered: true,
      publications: [{ data: "now" }],
    });
    expect(server.stats()).toMatchObject(idle);
  });

  it("is answered at once when publications are available", async () => {
    const { server, news } = await start();
    const position = await positionOf(news);
    await news.post("before");
    const { body } = await news.get(`${position}&wait=25s`);
    expect(dataOf(body)).toEqual(["before"]);
    expect(server.stats()).toMatchObject(idle);
  });

  it("is answered empty when it times out, and without a body when that is unchanged", async () => {
    const { server, news } = await start();
    const position = await positionOf(news);
    const { status, headers, body } = await news.get(`${position}&wait=100ms`);
    expect([status, dataOf(body), body.recovered]).toEqual([200, [], true]);
    const again = await news.get(`${position}&wait=100ms`, {
      "If-None-Match": headers.get("etag") as string,
    });
    expect([again.status, again.text]).toEqual([304, ""]);
    expect(server.stats()).toMatchObject(idle);
  });

  it("waits no longer than maxWaitMs", async () => {
    const { news } = await start({ maxWaitMs: 100 });
    const { body } = await news.get(`${await positionOf(news)}&wait=1000m`);
    expect(dataOf(body)).toEqual([]);
  });

  it("gets no more than its limit, and the rest from the returned position", async () => {
    const { server, news } = await start();
    const one = news.get(`${await positionOf(news)}&wait=25s&limit=1`);
    const all = news.get(`${await positionOf(news)}&wait=25s`);
    await waitingAt(server, 2);
    await Promise.all([1, 2, 3].map((data) => server.publish("news", data)));
    const { body } = await one;
    expect([dataOf(body), body.offset]).toEqual([[1], 1]);
    expect(dataOf((await all).body)).toEqual([1, 2, 3]);
    const next = await news.get(`since=${body.epoch}:${body.offset}&wait=25s&limit=5`);
    expect(dataOf(next.body)).toEqual([2, 3]);
  });

  it("that is HEAD is answered at once", async () => {
    const { news } = await start();
    const { status, text } = await news.ask(`${await positionOf(news)}&wait=25s`, { method: "HEAD" });
    expect([status, text]).toEqual([200, ""]);
  });

  it.each(["close", "reset", "half-close"])(
    "leaves nothing behind when its client vanishes: %s",
    async (how) => {
      const { server, news, port, errors } = await start();
      const position = await positionOf(news);
      const client = await RawClient.connect(port);
      client.write(`GET /channels/news?${position}&wait=60s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
      await waitingAt(server, 1);
      if (how === "close") client.socket.destroy();
      else if (how === "reset") client.socket.resetAndDestroy();
      else client.socket.end();
      await waitingAt(server, 0);
      expect(server.stats()).toMatchObject(idle);
      await news.post("for nobody");
      expect(errors).toEqual([]);
    },
  );

  it.each(["stream", "connection"])("over HTTP/2 leaves nothing behind when its %s goes", async (what) => {
    const { server, http, news, errors } = await start();
    const position = await positionOf(news);
    const session = openSession(http);
    const stream = session.request({ ":path": `/channels/news?${position}&wait=60s` });
    stream.on("error", () => {});
    await waitingAt(server, 1);
    if (what === "stream") stream.close(0x8);
    else session.destroy();
    await until(() => server.stats().requests === 0);
    expect(server.stats()).toMatchObject(idle);
    expect(errors).toEqual([]);
  });

  it("waits on a channel of kind latest, too", async () => {
    const app = defineApp({ channels: { news: kind({ recoveryMode: "cache" }) } });
    const { server, http } = await startApp(app);
    const news = channelAt(http, "news");
    const answer = news.get(`${await positionOf(news)}&wait=60s`);
    await waitingAt(server as HoldfastServer, 1);
    await server.publish("news", 1);
    expect(dataOf((await answer).body)).toEqual([1]);
    await server.publish("news", 2);
    const { body } = await news.get(`since=${(await answer).body.epoch}:0`);
    expect([dataOf(body), body.recovered]).toEqual([[2], true]);
  });

  it("leaves nothing behind when its client disappears before it waits", async () => {
    const { server, news, port, errors } = await start();
    const position = await positionOf(news);
    for (let i = 0; i < 20; i++) {
      const client = await RawClient.connect(port);
      client.write(`GET /channels/news?${position}&wait=60s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
      client.socket.destroy();
    }
    await news.get();
    await until(() => server.stats().requests === 0);
    expect(server.stats()).toMatchObject(idle);
    expect(errors).toEqual([]);
  });

  it("ends with an empty response and closes its connection when the server closes", async () => {
    const { server, news } = await start();
    const answer = news.get(`${await positionOf(news)}&wait=60s`);
    await waitingAt(server, 1);
    await server.close();
    const { status, headers, body } = await answer;
    expect([status, dataOf(body), headers.get("connection")]).toEqual([200, [], "close"]);
    expect(server.stats()).toMatchObject({ requests: 0, waitingRequests: 0, deadlines: 0 });
  });

  it("over HTTP/2 ends with an empty response when the server closes", async () => {
    const { server, http, news } = await start();
    const session = openSession(http);
    const answer = get(session, `/channels/news?${await positionOf(news)}&wait=60s`);
    await waitingAt(server, 1);
    await server.close();
    expect(await answer).toMatchObject({ status: 200, body: expect.stringContaining('"publications":[]') });
  });

  it("is refused beyond maxWaitingRequests, while others continue", async () => {
    const { server, news } = await start({ maxWaitingRequests: 2 });
    const position = await positionOf(news);
    const answers = [news.get(`${position}&wait=60s`), news.get(`${position}&wait=60s`)];
    await waitingAt(server, 2);
    const refused = await news.get(`${position}&wait=60s`);
    expect([refused.status, refused.headers.get("retry-after"), refused.body.error.code]).toEqual([
      503,
      "5",
      106,
    ]);
    expect((await news.get(position)).status).toBe(200);
    await news.post("x");
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    expect(server.stats()).toMatchObject(idle);
  });

  it("is refused beyond maxAddressWaitingRequests, but not from other addresses", async () => {
    const { server, http } = await start({
      trustedProxies: ["loopback"],
      maxAddressWaitingRequests: 1,
    });
    const [one, other] = ["203.0.113.1", "203.0.113.2"].map((address) =>
      channelAt(http, "news", { "X-Forwarded-For": address }),
    ) as [ReturnType<typeof channelAt>, ReturnType<typeof channelAt>];
    const position = await positionOf(one);
    const answers = [one.get(`${position}&wait=60s`), other.get(`${position}&wait=60s`)];
    await waitingAt(server, 2);
    expect((await one.get(`${position}&wait=60s`)).status).toBe(503);
    await server.publish("news", 1);
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
  });

  it("ends when its token expires, and with 401 when it is revoked", async () => {
    const app = defineApp({ authenticate: jwt({ secret }), channels: { news: kind() } });
    const { server, http, api } = await startApp(app);
    const reader = (claims: object) =>
      channelAt(http, "news", { Authorization: `Bearer ${tokenOf({ sub: "anna", ...claims })}` });
    const position = await positionOf(reader({ exp: inSeconds(60) }));
    const short = await reader({ exp: inSeconds(2) }).get(`${position}&wait=60s`);
    expect([short.status, dataOf(short.body)]).toEqual([200, []]);

    const long = reader({ exp: inSeconds(60), jti: "stolen" });
    const answer = long.get(`${position}&wait=60s`);
    await waitingAt(server as HoldfastServer, 1);
    await api("revoke", { token_id: "stolen" });
    expect((await answer).status).toBe(401);
    expect((await long.get()).status).toBe(401);
    expect(server.stats()).toMatchObject({ requests: 0, waitingRequests: 0 });
  });

  it("ends with 403 when the server unsubscribes its user, and others keep waiting", async () => {
    const app = defineApp({ authenticate: jwt({ secret }), channels: { news: kind(), more: kind() } });
    const { server, http, api } = await startApp(app);
    const wait = async (user: string, channel: string) => {
      const reader = channelAt(http, channel, {
        Authorization: `Bearer ${tokenOf({ sub: user, exp: inSeconds(60) })}`,
      });
      return reader.get(`${await positionOf(reader)}&wait=60s`);
    };
    const [annaNews, annaMore, boNews] = [wait("anna", "news"), wait("anna", "more"), wait("bo", "news")];
    await waitingAt(server as HoldfastServer, 3);
    await api("unsubscribe", { user: "anna", channel: "news" });
    expect(await annaNews).toMatchObject({
      status: 403,
      body: { error: { message: expect.stringContaining("the server has ended this subscription") } },
    });
    await waitingAt(server as HoldfastServer, 2);
    await api("disconnect", { user: "anna" });
    expect((await annaMore).status).toBe(403);
    await waitingAt(server as HoldfastServer, 1);
    await server.publish("news", 1);
    expect((await boNews).status).toBe(200);
  });
});

describe("ten thousand waiting requests in one channel", () => {
  it("are released by one publication, with the same bytes, and leave nothing behind", async () => {
    const { server, news, http, errors } = await start();
    const position = await positionOf(news);
    const sessions = Array.from({ length: 40 }, () => openSession(http));
    const answers = sessions.flatMap((session) =>
      Array.from({ length: 250 }, () => get(session, `/channels/news?${position}&wait=60s`)),
    );
    await waitingAt(server, 10_000);
    expect(server.stats()).toMatchObject({ channels: 1, deadlines: 10_000 });
    await server.publish("news", { text: "for all" });
    const all = await Promise.all(answers);
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(all.map(({ body }) => body)).size).toBe(1);
    expect(dataOf(JSON.parse(all[0]?.body ?? ""))).toEqual([{ text: "for all" }]);
    await until(() => server.stats().requests === 0);
    expect(server.stats()).toMatchObject(idle);
    expect(errors).toEqual([]);
  }, 60_000);
});

function openSession(http: string): ClientHttp2Session {
  const session = connect(http);
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  return session;
}

function get(session: ClientHttp2Session, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": path });
    let [status, body] = [0, ""];
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
    });
    stream.setEncoding("utf8");
    stream.on("data", (chunk) => {
      body += chunk;
    });
    stream.on("end", () => resolve({ status, body }));
    stream.on("error", reject);
  });
}
