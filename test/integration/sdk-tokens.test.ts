/** Tokens as the published SDK shows them: connecting, refreshing, expiring, being refused and revoked. */
import { describe, expect, it, vi } from "vitest";
import { channel, defineApp, jwt } from "../../packages/holdfast/src/index.js";
import {
  connectSdk,
  createSdk,
  inSeconds,
  next,
  secret,
  startApp,
  subscribeSdk,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { until } from "../../packages/holdfast/test/support/server.js";

const app = defineApp({
  authenticate: jwt({ secret }),
  channels: {
    news: channel({ presence: true }),
    "closed:{room}": channel({ allow: { subscribe: false }, presence: true }),
  },
});

interface Ended {
  readonly code: number;
  readonly reason: string;
}

describe("connection token", () => {
  it("identifies the client, and others see its info", async () => {
    const { url } = await startApp(app);
    const client = await connectSdk(url, { token: tokenOf({ sub: "ann", info: { name: "Ann" } }) });
    const news = await subscribeSdk(client, "news");
    await until(async () => Object.keys((await news.presence()).clients).length === 1);
    const [info] = Object.values((await news.presence()).clients);
    expect(info).toMatchObject({ user: "ann", connInfo: { name: "Ann" } });
  });

  it.each([
    ["with another key", tokenOf({ sub: "ann" }, "another secret that is just as long as the other"), 3500],
    ["that is none", "nonsense", 3500],
    ["that is missing", "", 3501],
  ])("%s ends the connection for good", async (_name, token, code) => {
    const { url } = await startApp(app);
    const client = createSdk(url, token === "" ? {} : { token });
    const ended = next<Ended>(client, "disconnected");
    client.connect();
    expect(await ended).toMatchObject({ code });
  });

  it("that has expired is fetched again, and the client connects", async () => {
    const { url } = await startApp(app);
    const getToken = vi.fn(async () => tokenOf({ sub: "ann", exp: inSeconds(100) }));
    const client = createSdk(url, { token: tokenOf({ sub: "ann", exp: inSeconds(-10) }), getToken });
    client.connect();
    await client.ready(5000);
    expect(getToken).toHaveBeenCalledTimes(1);
  });

  it("is refreshed before it expires, on the same connection", async () => {
    const { url } = await startApp(app);
    const getToken = vi.fn(async () => tokenOf({ sub: "ann", exp: inSeconds(1000) }));
    const client = await connectSdk(url, { token: tokenOf({ sub: "ann", exp: inSeconds(3) }), getToken });
    const lost = vi.fn();
    client.on("connecting", lost);
    await until(() => getToken.mock.calls.length === 1);
    expect(await client.rpc("holdfast.publish", { channel: "news", data: 1 }).catch(({ code }) => code)).toBe(
      103,
    );
    expect(lost).not.toHaveBeenCalled();
  });

  it("of another user ends the connection that is refreshed with it", async () => {
    const { url } = await startApp(app);
    const getToken = async () => tokenOf({ sub: "bob", exp: inSeconds(1000) });
    const client = await connectSdk(url, { token: tokenOf({ sub: "ann", exp: inSeconds(3) }), getToken });
    expect(await next<Ended>(client, "disconnected")).toMatchObject({ code: 3500 });
  });

  it("that is revoked admits nobody, and ends connections made with it", async () => {
    const { url, api } = await startApp(app);
    const token = tokenOf({ sub: "ann", jti: "t-1" });
    const client = await connectSdk(url, { token });
    const other = await connectSdk(url, { token: tokenOf({ sub: "ann", jti: "t-2" }) });
    const ended = next<Ended>(client, "disconnected");
    expect((await api("revoke", { token_id: "t-1" })).body).toEqual({ result: {} });
    expect(await ended).toMatchObject({ code: 3500 });
    const again = createSdk(url, { token });
    const refused = next<Ended>(again, "disconnected");
    again.connect();
    expect(await refused).toMatchObject({ code: 3500 });
    expect(other.state).toBe("connected");
  });
});

describe("subscription token", () => {
  const claims = { sub: "ann", channel: "closed:1", info: { seat: 4 } };

  it("admits its bearer when the rules admit nobody, with an info for that channel", async () => {
    const { url } = await startApp(app);
    const client = await connectSdk(url, { token: tokenOf({ sub: "ann" }) });
    const room = await subscribeSdk(client, "closed:1", { token: tokenOf(claims) });
    await until(async () => Object.keys((await room.presence()).clients).length === 1);
    expect(Object.values((await room.presence()).clients)).toMatchObject([{ chanInfo: { seat: 4 } }]);
  });

  it("is required there", async () => {
    const { url } = await startApp(app);
    const client = await connectSdk(url, { token: tokenOf({ sub: "ann" }) });
    const room = client.newSubscription("closed:1");
    const ended = next<Ended>(room, "unsubscribed");
    room.subscribe();
    expect(await ended).toMatchObject({ code: 103 });
  });

  it.each([
    ["another channel", { ...claims, channel: "closed:2" }],
    ["another user", { ...claims, sub: "bob" }],
  ])("for %s ends the connection", async (_name, wrong) => {
    const { url } = await startApp(app);
    const client = await connectSdk(url, { token: tokenOf({ sub: "ann" }) });
    const ended = next<Ended>(client, "disconnected");
    client.newSubscription("closed:1", { token: tokenOf(wrong) }).subscribe();
    expect(await ended).toMatchObject({ code: 3500 });
  });

  it("that has expired is fetched again", async () => {
    const { url } = await startApp(app);
    const client = await connectSdk(url, { token: tokenOf({ sub: "ann" }) });
    const getToken = vi.fn(async () => tokenOf(claims));
    const token = tokenOf({ ...claims, exp: inSeconds(-5) });
    await subscribeSdk(client, "closed:1", { token, getToken });
    expect(getToken).toHaveBeenCalledTimes(1);
  });

  it("is refreshed before it expires, and the subscription goes on", async () => {
    const { url, server } = await startApp(app);
    const client = await connectSdk(url, { token: tokenOf({ sub: "ann" }) });
    const getToken = vi.fn(async () => tokenOf({ ...claims, exp: inSeconds(1000) }));
    const token = tokenOf({ ...claims, exp: inSeconds(3) });
    const room = await subscribeSdk(client, "closed:1", { token, getToken });
    const lost = vi.fn();
    room.on("subscribing", lost);
    await until(() => getToken.mock.calls.length === 1);
    const received = next<{ data: unknown }>(room, "publication");
    await server.publish("closed:1", "after");
    expect(await received).toMatchObject({ data: "after" });
    expect(lost).not.toHaveBeenCalled();
  });

  it("that expires during its refresh is fetched once more, and nothing is missed", async () => {
    const { url, server } = await startApp(app);
    const client = await connectSdk(url, { token: tokenOf({ sub: "ann" }) });
    const tokens = [tokenOf({ ...claims, exp: inSeconds(-5) }), tokenOf({ ...claims, exp: inSeconds(1000) })];
    const getToken = vi.fn(async () => tokens.shift() as string);
    const token = tokenOf({ ...claims, exp: inSeconds(3) });
    const room = await subscribeSdk(client, "closed:1", { token, getToken });
    const again = next<{ recovered: boolean }>(room, "subscribed");
    await server.publish("closed:1", 1);
    expect(await again).toMatchObject({ recovered: true });
    expect(getToken).toHaveBeenCalledTimes(2);
  });
});

describe("channels of a connection token", () => {
  const token = tokenOf({ sub: "ann", subs: { news: { data: { hello: 1 } }, "closed:9": {} } });

  it("are subscribed at once, whatever their rules, and receive publications", async () => {
    const { url, server } = await startApp(app);
    const client = createSdk(url, { token });
    const subscribed: { channel: string; data: unknown }[] = [];
    client.on("subscribed", ({ channel: name, data }) => subscribed.push({ channel: name, data }));
    const received: unknown[] = [];
    client.on("publication", ({ channel: name, data }) => received.push([name, data]));
    client.connect();
    await client.ready(5000);
    expect(subscribed).toEqual([
      { channel: "news", data: { hello: 1 } },
      { channel: "closed:9", data: undefined },
    ]);
    await server.publish("closed:9", "x");
    await until(() => received.length === 1);
    expect(received).toEqual([["closed:9", "x"]]);
  });

  it("resume when the client reconnects", async () => {
    const { url, server } = await startApp(app);
    const client = createSdk(url, { token });
    const received: unknown[] = [];
    client.on("publication", ({ data }) => received.push(data));
    const states: boolean[] = [];
    client.on("subscribed", ({ channel: name, recovered }) => name === "news" && states.push(recovered));
    client.connect();
    await client.ready(5000);
    await server.publish("news", 1);
    await until(() => received.length === 1);
    const back = next(client, "connected");
    await server.disconnect("ann", { code: 3011, reason: "force reconnect" });
    await server.publish("news", 2);
    await server.publish("news", 3);
    await back;
    await until(() => received.length === 3);
    expect(received).toEqual([1, 2, 3]);
    expect(states).toEqual([false, true]);
  });

  it("that do not exist end the connection", async () => {
    const { url } = await startApp(app);
    const client = createSdk(url, { token: tokenOf({ sub: "ann", channels: ["unheard-of"] }) });
    const ended = next<Ended>(client, "disconnected");
    client.connect();
    expect(await ended).toMatchObject({ code: 3500, reason: expect.stringContaining("unknown channel") });
  });
});

describe("revoked subscription token", () => {
  const bearer = tokenOf({ sub: "ann" });
  const forRoom = (claims: object) => tokenOf({ sub: "ann", channel: "closed:1", ...claims });

  it("ends the subscription made with it, and nothing else", async () => {
    const { server, url } = await startApp(app);
    const client = await connectSdk(url, { token: bearer });
    const [room, other, news] = [
      await subscribeSdk(client, "closed:1", { token: forRoom({ jti: "t-1" }) }),
      await subscribeSdk(client, "closed:2", {
        token: tokenOf({ sub: "ann", channel: "closed:2", jti: "t-2" }),
      }),
      await subscribeSdk(client, "news"),
    ];
    const subscribing = next<Ended>(room, "subscribing");
    const ended = next<Ended>(room, "unsubscribed");
    await server.revoke({ tokenId: "t-1" });
    expect(await subscribing).toMatchObject({ code: 2502, reason: "token revoked" });
    // Without another token it is one that asks without any.
    expect(await ended).toMatchObject({ code: 103 });
    expect([client.state, other.state, news.state]).toEqual(["connected", "subscribed", "subscribed"]);
    expect(server.stats().subscriptions).toBe(2);
  });

  it("is replaced by a valid one from the application, and not by one of a revoked user", async () => {
    const { server, url } = await startApp(app);
    const client = await connectSdk(url, { token: bearer });
    let given = 0;
    const getToken = vi.fn(async () => forRoom({ jti: `t-${++given}`, iat: inSeconds(0) }));
    const room = await subscribeSdk(client, "closed:1", { getToken });
    const again = next<{ recovered: boolean }>(room, "subscribed");
    await server.revoke({ tokenId: "t-1" });
    expect(await again).toMatchObject({ recovered: false });
    expect(getToken).toHaveBeenCalledTimes(2);
    const ended = next<Ended>(client, "disconnected");
    await server.revoke({ user: "ann" });
    expect(await ended).toMatchObject({ code: 3500 });
  });

  it("is checked for users who connected without one, by the newer of two shown", async () => {
    const byCookie = defineApp({
      authenticate: [jwt({ secret }), () => ({ id: "ann" })],
      channels: { "closed:{room}": channel({ allow: { subscribe: false } }) },
    });
    const { server, url } = await startApp(byCookie);
    const client = await connectSdk(url);
    const token = forRoom({ jti: "t-1", exp: inSeconds(2) });
    const getToken = vi.fn(async () => forRoom({ jti: "t-2", exp: inSeconds(100) }));
    const room = await subscribeSdk(client, "closed:1", { token, getToken });
    // It is refreshed in time; the one before counts no more.
    await until(() => getToken.mock.calls.length === 1);
    for (let n = 0; n < 2; n++) await client.rpc("none", null).catch(() => {});
    await server.revoke({ tokenId: "t-1" });
    expect(room.state).toBe("subscribed");
    const subscribing = next<Ended>(room, "subscribing");
    await server.revoke({ user: "ann" });
    expect(await subscribing).toMatchObject({ code: 2502 });
    await next(room, "unsubscribed");
    expect(client.state).toBe("connected");
  }, 10_000);

  it("ends the subscription, not the connection, when shown to refresh it", async () => {
    const { server, url } = await startApp(app);
    const client = await connectSdk(url, { token: bearer });
    await server.revoke({ tokenId: "t-2" });
    const token = forRoom({ jti: "t-1", exp: inSeconds(2) });
    const getToken = async () => forRoom({ jti: "t-2", exp: inSeconds(100) });
    const room = await subscribeSdk(client, "closed:1", { token, getToken });
    const subscribing = next<Ended>(room, "subscribing");
    const ended = next<Ended>(room, "unsubscribed");
    expect(await subscribing).toMatchObject({ code: 2502 });
    expect(await ended).toMatchObject({ code: 103 });
    expect(client.state).toBe("connected");
  });

  it("ends a subscription in progress when it is revoked", async () => {
    let isAsked: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      isAsked = resolve;
    });
    let goOn: () => void = () => {};
    const slow = defineApp({
      authenticate: jwt({ secret }),
      channels: {
        "closed:{room}": channel({
          allow: { subscribe: false },
          subscribe: async () => {
            isAsked();
            await new Promise<void>((resolve) => {
              goOn = resolve;
            });
          },
        }),
      },
    });
    const { server, url } = await startApp(slow);
    const client = await connectSdk(url, { token: bearer });
    const room = client.newSubscription("closed:1", { token: forRoom({ jti: "t-1" }) });
    const ended = next<Ended>(room, "unsubscribed");
    room.subscribe();
    await asked;
    await server.revoke({ tokenId: "t-1" });
    goOn();
    expect(await ended).toMatchObject({ code: 103 });
    expect(server.stats().subscriptions).toBe(0);
  });

  it("ends polls and events opened with it", async () => {
    const { server, http } = await startApp(app);
    const headers = { Authorization: `Bearer ${bearer}` };
    const { epoch } = await server.publish("closed:1", 1);
    const asToken = `channel_token=${forRoom({ jti: "t-1" })}`;
    const poll = fetch(`${http}/channels/closed:1?since=${epoch}:1&wait=20s&${asToken}`, { headers });
    const events = await fetch(`${http}/channels/closed:1/events?${asToken}`, { headers });
    await until(() => server.stats().waitingRequests === 1);
    await server.revoke({ tokenId: "t-1" });
    expect((await poll).status).toBe(401);
    expect(await events.text()).toContain('"code":2502');
  });
});

describe("token without sub", () => {
  it.each([
    ["not set", undefined, 3500],
    ["false", false, 3500],
    ["true", true, undefined],
  ])("is for anonymous clients: with anonymous %s", async (_name, anonymous, code) => {
    const { url, http } = await startApp(
      defineApp({
        authenticate: jwt({ secret }),
        ...(anonymous !== undefined && { anonymous }),
        channels: { news: channel({ allow: { subscribe: "all" } }) },
      }),
    );
    const token = tokenOf({ exp: inSeconds(100) });
    const client = createSdk(url, { token });
    const outcome = Promise.race([
      next<Ended>(client, "disconnected").then((ended) => ended.code),
      next(client, "connected").then(() => undefined),
    ]);
    client.connect();
    expect(await outcome).toBe(code);
    const { status } = await fetch(`${http}/channels/news`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    expect(status).toBe(code === undefined ? 200 : 401);
  });
});
