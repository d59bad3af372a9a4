/** Who may read and publish over plain HTTP: each rule from its allowed and its refused side. */
import { describe, expect, it } from "vitest";
import type { App, ChannelOptions, ServerOptions } from "../../packages/holdfast/src/index.js";
import { defineApp, jwt, channel as kind, reject } from "../../packages/holdfast/src/index.js";
import { inSeconds, secret, startApp, tokenOf } from "../../packages/holdfast/test/support/app-server.js";
import {
  channelAt,
  dataOf,
  positionOf,
  sinceOf,
} from "../../packages/holdfast/test/support/http-channels.js";
import { until } from "../../packages/holdfast/test/support/server.js";

const bearer = (claims: object) => ({
  Authorization: `Bearer ${tokenOf({ exp: inSeconds(60), ...claims })}`,
});
const anna = bearer({ sub: "anna" });

async function start(app: App, options: ServerOptions = {}) {
  const running = await startApp(app, options);
  return { ...running, at: (name: string, headers = {}) => channelAt(running.http, name, headers) };
}

const withTokens = (options: ChannelOptions = {}, more: object = {}) =>
  start(defineApp({ authenticate: jwt({ secret }), channels: { news: kind(options) }, ...more }));

describe("authentication over HTTP", () => {
  it("accepts a token in Authorization or in the URL", async () => {
    const { at, http } = await withTokens();
    expect((await at("news", anna).get()).status).toBe(200);
    const token = tokenOf({ sub: "anna", exp: inSeconds(60) });
    expect((await at("news").get(`token=${token}`)).status).toBe(200);
    // The field counts where both are there.
    expect((await at("news", { Authorization: "Bearer nonsense" }).get(`token=${token}`)).status).toBe(401);
    expect((await fetch(`${http}/channels/news`)).headers.get("www-authenticate")).toBe("Bearer");
  });

  it.each([
    ["none", {}, 101],
    ["nonsense", { Authorization: "Bearer nonsense" }, 101],
    ["of another key", { Authorization: `Bearer ${tokenOf({ sub: "anna" }, "k".repeat(40))}` }, 101],
    ["expired", bearer({ sub: "anna", exp: inSeconds(-10) }), 109],
  ])("gets 401 without a token that is good: %s", async (_name, headers, code) => {
    const { at } = await withTokens({ allow: { publish: "all" } });
    const news = at("news", headers as Record<string, string>);
    for (const answer of [await news.get(), await news.post(1), await news.get("since=e:1&wait=20s")])
      expect([answer.status, answer.body.error.code]).toEqual([401, code]);
  });

  it("answers 401 to a revoked token", async () => {
    const { at, api } = await withTokens();
    await api("revoke", { user: "anna" });
    expect((await at("news", anna).get()).status).toBe(401);
    expect((await at("news", bearer({ sub: "ben" })).get()).status).toBe(200);
  });

  it("is anonymous only when the application accepts anonymous clients", async () => {
    const open = await withTokens({ allow: { subscribe: "all", history: "all" } }, { anonymous: true });
    expect((await open.at("news").get()).status).toBe(200);
    const users = await withTokens({}, { anonymous: true });
    expect((await users.at("news").get()).status).toBe(403);
  });

  it("uses the application's function, with cookies, address and path", async () => {
    const seen: unknown[] = [];
    const { at } = await start(
      defineApp({
        authenticate: ({ headers, url, address }) => {
          seen.push({ url, address });
          return headers.cookie === "session=1" ? { id: "anna" } : undefined;
        },
        channels: { news: kind() },
      }),
    );
    expect((await at("news", { Cookie: "session=1" }).get("limit=1")).status).toBe(200);
    expect((await at("news", { Cookie: "session=2" }).get()).status).toBe(401);
    expect(seen[0]).toEqual({ url: "/channels/news?limit=1", address: "127.0.0.1" });
  });

  it("can be refused by onConnect; hooks see accepted clients and their end", async () => {
    const events: string[] = [];
    const { at } = await withTokens(
      {},
      {
        onConnect: ({ user }: { user: { id: string } }) => {
          events.push(`+${user.id}`);
          if (user.id === "ben") reject(403, "banned");
        },
        onDisconnect: ({ user }: { user: { id: string } }) => void events.push(`-${user.id}`),
      },
    );
    const refused = await at("news", bearer({ sub: "ben" })).get();
    expect([refused.status, refused.body.error.message]).toEqual([403, "banned"]);
    expect((await at("news", anna).get()).status).toBe(200);
    await until(() => events.length === 3);
    expect(events).toEqual(["+ben", "+anna", "-anna"]);
  });
});

describe("reading over HTTP", () => {
  it("requires permission to subscribe, and for the past permission for history", async () => {
    const { at, server } = await withTokens({ allow: { history: false } });
    await server.publish("news", 1);
    const news = at("news", anna);
    expect((await news.get()).status).toBe(403);
    const { epoch, offset } = (await news.get("limit=0")).body;
    expect(offset).toBe(1);
    // What was published before the reader came is history; what follows the position that it was told is not.
    expect((await news.get(`since=${epoch}:0`)).body).toMatchObject({
      offset: 1,
      recovered: false,
      publications: [],
    });
    await server.publish("news", 2);
    expect(dataOf((await news.get(`since=${epoch}:1`)).body)).toEqual([2]);
    // One that is gone gives nobody what it may not read.
    expect((await news.get("since=another:1")).body).toMatchObject({
      offset: 2,
      recovered: false,
      publications: [],
    });

    const closed = await withTokens({ allow: { subscribe: "role:editor" } });
    const position = await positionOf(closed.at("news", bearer({ sub: "anna", roles: ["editor"] })));
    for (const query of ["", "limit=0", position, `${position}&wait=20s`]) {
      const { status, body } = await closed.at("news", anna).get(query);
      expect([status, body.error.code]).toEqual([403, 103]);
    }
  });

  it("can be refused by the subscribe hook", async () => {
    const subscribe = ({ user }: { user: { id: string } }) => {
      if (user.id !== "anna") reject(402, "pay first");
    };
    const { at } = await withTokens({ subscribe });
    expect((await at("news", anna).get()).status).toBe(200);
    const { status, body } = await at("news", bearer({ sub: "ben" })).get();
    expect([status, body.error]).toEqual([402, { code: 402, message: "pay first" }]);
  });

  it("requires history permission for a position, too, when recovery is off", async () => {
    for (const [history, status] of [
      ["subscribers", 200],
      [false, 403],
    ] as const) {
      const { at } = await withTokens({ recovery: "off", allow: { history } });
      const news = at("news", anna);
      expect((await news.get(await positionOf(news))).status).toBe(status);
    }
  });

  it("is allowed on channels that the token's claims or onConnect subscribe to", async () => {
    const app = defineApp({
      authenticate: jwt({ secret }),
      personalChannel: "inbox:{user}",
      channels: { news: kind({ allow: { subscribe: false } }), "inbox:{user}": kind() },
    });
    const { at, server } = await start(app);
    await server.publish("inbox:anna", "for anna");
    expect((await at("news", anna).get()).status).toBe(403);
    expect((await at("news", bearer({ sub: "anna", channels: ["news"] })).get()).status).toBe(200);
    expect(dataOf((await at("inbox:anna", anna).get()).body)).toEqual(["for anna"]);
    expect((await at("inbox:anna", bearer({ sub: "ben" })).get()).status).toBe(403);
  });

  it("is allowed with a token for the channel", async () => {
    const { at } = await withTokens({ allow: { subscribe: false } });
    const ask = (claims: object) =>
      at("news", anna).get(`channel_token=${tokenOf({ exp: inSeconds(60), ...claims })}`);
    expect((await ask({ sub: "anna", channel: "news" })).status).toBe(200);
    expect((await ask({ sub: "ben", channel: "news" })).status).toBe(401);
    expect((await ask({ sub: "anna", channel: "other" })).status).toBe(401);
    expect((await ask({ sub: "anna", channel: "news", exp: inSeconds(-60) })).status).toBe(401);
  });

  it("does not find channels unknown to the application", async () => {
    const { at } = await withTokens();
    for (const answer of [await at("other", anna).get(), await at("other", anna).post(1)])
      expect([answer.status, answer.body.error.code]).toEqual([404, 102]);
  });
});

describe("publishing over HTTP", () => {
  it("is denied by default, and allowed to subscribers when the channel has a hook", async () => {
    const closed = await withTokens();
    expect((await closed.at("news", anna).post(1)).status).toBe(403);

    const app = await withTokens({
      publish: ({ data, user }) => ({ data, by: user.id }),
      allow: { subscribe: "role:editor" },
    });
    const editor = app.at("news", bearer({ sub: "anna", roles: ["editor"], info: { name: "Anna" } }));
    expect((await editor.post(1)).status).toBe(201);
    expect((await app.at("news", bearer({ sub: "ben" })).post(1)).status).toBe(403);
    expect((await editor.get()).body.publications).toMatchObject([
      { data: { data: 1, by: "anna" }, info: { user: "anna", conn_info: { name: "Anna" } } },
    ]);
  });

  it("removes its own keys only, and none when connections own keys", async () => {
    const app = defineApp({
      authenticate: jwt({ secret }),
      channels: {
        own: kind({ kind: "map", map: { keys: "user" }, allow: { publish: "all" } }),
        clients: kind({ kind: "map", map: { keys: "client" }, allow: { publish: "all" } }),
      },
    });
    const { at } = await start(app);
    await at("own", bearer({ sub: "ben" })).post(1);
    await at("own", anna).remove("key=ben");
    expect((await at("own", anna).get()).body.state).toMatchObject([{ key: "ben" }]);
    expect((await at("clients", anna).post(1)).status).toBe(403);
  });

  it("is limited to the user's rate, shared with sockets, and says when to retry", async () => {
    const limits = { userPublishesPerSecond: 1, userPublishBurst: 2 };
    const app = defineApp({
      authenticate: jwt({ secret }),
      channels: { news: kind({ allow: { publish: "all" } }) },
    });
    const { at } = await start(app, { ...limits });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await at("news", anna).post(i)).status);
    expect(statuses).toEqual([201, 201, 429]);
    const { headers, body } = await at("news", anna).post(9);
    expect([headers.get("retry-after"), body.error]).toMatchObject(["1", { code: 111, temporary: true }]);
    expect((await at("news", bearer({ sub: "ben" })).post(1)).status).toBe(201);
  });
});

describe("request rate of one address", () => {
  it.each<[string, Record<string, string>]>([
    ["idempotency_key=k", {}],
    ["idempotencyKey=k", {}],
    ["key=a&key_mode=if_new", {}],
    ["key=a&version=2", {}],
    ["key=a", { "If-Match": 'W/"e:1"' }],
    ["key=a", { "If-None-Match": "*" }],
    ["", { "X-Idempotency-Key": "k" }],
  ])("is refused with a condition that would not be looked at: ?%s %j", async (query, headers) => {
    const { at, server } = await start(
      defineApp({ anonymous: true, channels: { m: kind({ kind: "map", allow: { publish: "all" } }) } }),
    );
    const m = at("m", headers);
    for (const { status, body } of [await m.post(1, { query }), await m.remove(query)]) {
      expect([status, body.error.code]).toEqual([400, 107]);
      expect(body.error.message).toMatch(/Idempotency-Key.*map_publish/);
    }
    expect((await server.history("m", { limit: 0 })).position.offset).toBe(0);
  });

  it("is limited when the address is known", async () => {
    const limits = { commandsPerSecond: 1, commandBurst: 3 };
    const { at } = await start(defineApp({ channels: { news: kind() } }), {
      ...limits,
      trustedProxies: ["loopback"],
    });
    const statuses = [];
    for (let i = 0; i < 4; i++)
      statuses.push((await at("news", { "X-Forwarded-For": "203.0.113.1" }).get()).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    expect((await at("news", { "X-Forwarded-For": "203.0.113.2" }).get()).status).toBe(200);
  });
});

describe("requests from pages", () => {
  const cookie = { Cookie: "session=1" };
  const startPages = (allowedOrigins: ServerOptions["allowedOrigins"] = []) =>
    start(
      defineApp({
        authenticate: ({ headers }) => (headers.cookie === "session=1" ? { id: "anna" } : undefined),
        channels: { news: kind({ allow: { publish: "all" } }) },
      }),
      { allowedOrigins: allowedOrigins ?? [] },
    );

  it("of another origin are refused before any effect, with cookies or without", async () => {
    const { at, server } = await startPages(["https://app.example"]);
    const evil = at("news", { ...cookie, Origin: "https://evil.example" });
    for (const answer of [await evil.get(), await evil.post(1), await evil.remove("key=a")]) {
      expect([answer.status, answer.body.error.code]).toEqual([403, 103]);
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    }
    const { publications } = await server.history("news");
    expect(publications).toEqual([]);
  });

  it("of allowed origins read and publish with their cookies", async () => {
    const { at } = await startPages(["https://app.example"]);
    const page = at("news", { ...cookie, Origin: "https://app.example" });
    expect((await page.post(1)).status).toBe(201);
    const { status, headers } = await page.get();
    expect(status).toBe(200);
    expect(headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(headers.get("access-control-allow-credentials")).toBe("true");
    expect(headers.get("access-control-expose-headers")).toBe("ETag, Retry-After");
    // What went wrong may be read, too.
    expect((await page.get("since=x")).headers.get("access-control-allow-origin")).toBe(
      "https://app.example",
    );
    const unchanged = await page.get("", { "If-None-Match": headers.get("etag") as string });
    expect([unchanged.status, unchanged.headers.get("access-control-allow-origin")]).toEqual([
      304,
      "https://app.example",
    ]);
  });

  it("of any origin are allowed by *, without cookies", async () => {
    const { at } = await startPages("*");
    const { headers } = await at("news", { ...cookie, Origin: "https://any.example" }).get();
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect(headers.get("access-control-allow-credentials")).toBeNull();
  });

  it("of the server's own origin are allowed", async () => {
    const { at, http } = await startPages();
    expect((await at("news", { ...cookie, Origin: http }).post(1)).status).toBe(201);
  });

  it("get preflight answers with what is allowed", async () => {
    const { at } = await startPages(["https://app.example"]);
    const preflight = (origin: string) =>
      at("news", { Origin: origin, "Access-Control-Request-Method": "POST" }).ask("", { method: "OPTIONS" });
    const { status, headers } = await preflight("https://app.example");
    expect(status).toBe(204);
    expect(headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(headers.get("access-control-allow-methods")).toContain("DELETE");
    expect(headers.get("access-control-allow-headers")).toContain("Idempotency-Key");
    expect((await preflight("https://evil.example")).status).toBe(403);
    const options = await at("news").ask("", { method: "OPTIONS" });
    expect([options.status, options.headers.get("allow")]).toEqual([204, "GET, HEAD, POST, DELETE, OPTIONS"]);
  });
});

describe("embedded server", () => {
  it("waits longer than the idle timeout under its handler's path", async () => {
    const { createServer } = await import("node:http");
    const { server } = await start(defineApp({ channels: { news: kind() } }));
    const host = createServer((request, response) => server.handler(request, response));
    host.timeout = 100;
    await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
    const news = channelAt(`http://127.0.0.1:${(host.address() as { port: number }).port}`, "news");
    const { status, body } = await news.get(`${await positionOf(news)}&wait=600ms`);
    expect([status, dataOf(body)]).toEqual([200, []]);
    host.closeAllConnections();
    host.close();
  });

  it("serves channels under its handler's path, and leaves the paths below to the application", async () => {
    const { createServer } = await import("node:http");
    const { server } = await start(defineApp({ channels: { news: kind() } }));
    const host = createServer((request, response) =>
      server.handler(request, response, () => response.end("the host's own")),
    );
    await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
    const http = `http://127.0.0.1:${(host.address() as { port: number }).port}`;
    const { body } = await channelAt(http, "news").get();
    expect(sinceOf(body)).toMatch(/^since=[\w-]+:0$/);
    expect(await (await fetch(`${http}/channels/news/settings`)).text()).toBe("the host's own");
    host.closeAllConnections();
    host.close();
  });
});
