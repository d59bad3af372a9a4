/** What the audit is told of by a server in use. */
import { describe, expect, it } from "vitest";
import { type AuditEntry, channel, defineApp, jwt } from "../../packages/holdfast/src/index.js";
import {
  createSdk,
  inSeconds,
  next,
  secret,
  startApp,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";

const app = defineApp({
  authenticate: jwt({ secret }),
  channels: { news: channel({}), closed: channel({ allow: { subscribe: false } }) },
});

async function start() {
  const entries: AuditEntry[] = [];
  const running = await startApp(app, { audit: (entry) => void entries.push(entry) });
  return { ...running, entries };
}

describe("audit of a server", () => {
  it("records a refused connection token, with a WebSocket or without", async () => {
    const { url, http, entries } = await start();
    const wrong = tokenOf(
      { sub: "ann", exp: inSeconds(60) },
      "another secret that is long enough for HS256 too",
    );
    const client = createSdk(url, { token: wrong });
    const ended = next(client, "disconnected");
    client.connect();
    await ended;
    const expected = {
      event: "tokenRefused",
      address: "127.0.0.1",
      reason: "the token was not signed with any of this server's keys for HS256",
    };
    expect(entries).toMatchObject([expected]);
    const response = await fetch(`${http}/channels/news`, { headers: { Authorization: "Bearer x.y.z" } });
    expect(response.status).toBe(401);
    expect(entries[1]).toMatchObject({ event: "tokenRefused", address: "127.0.0.1" });
    expect(JSON.stringify(entries)).not.toContain(wrong.slice(0, 20));
  });

  it("records a refused subscription token, with user, channel and address", async () => {
    const { url, entries } = await start();
    const client = createSdk(url, { token: tokenOf({ sub: "ann", exp: inSeconds(60) }) });
    client.connect();
    const subscription = client.newSubscription("closed", {
      token: tokenOf({ sub: "ann", channel: "closed", exp: inSeconds(60), aud: 1, info: 1, override: 1 }),
    });
    const refused = next(subscription, "unsubscribed");
    subscription.subscribe();
    await refused;
    expect(entries).toMatchObject([
      {
        event: "tokenRefused",
        user: "ann",
        channel: "closed",
        reason: "the claim override must be an object",
      },
    ]);
  });

  it("does not record a token that is merely expired", async () => {
    const { http, entries } = await start();
    const expired = tokenOf({ sub: "ann", exp: inSeconds(-600) });
    const response = await fetch(`${http}/channels/news`, {
      headers: { Authorization: `Bearer ${expired}` },
    });
    expect(response.status).toBe(401);
    expect(entries).toEqual([]);
  });

  it("records revocations, admin calls and publishes, and no others", async () => {
    const { api, server, entries } = await start();
    await api("publish", { channel: "news", data: { secret: "of a payload" } });
    await api("history", { channel: "news" });
    await api("disconnect", { user: "ann" });
    await api("batch", { commands: [{ unsubscribe: { user: "bo", channel: "news" } }] });
    await api("revoke", { user: "cy" });
    await server.revoke({ tokenId: "t-1" });
    const by = { key: "api", address: "127.0.0.1" };
    expect(entries.map(({ time: _, ...entry }) => entry)).toEqual([
      { event: "publishCall", method: "publish", ...by },
      { event: "adminCall", method: "disconnect", ...by, user: "ann" },
      { event: "adminCall", method: "unsubscribe", ...by, user: "bo", channel: "news" },
      { event: "adminCall", method: "revoke", ...by, user: "cy" },
      { event: "tokensRevoked", user: "cy" },
      { event: "tokensRevoked", tokenId: "t-1" },
    ]);
  });

  it("counts publishes of a program, and names what a page does, by the name of its key", async () => {
    const key = "a key with a name of its own";
    const entries: AuditEntry[] = [];
    const { http } = await startApp(app, {
      apiKeys: [{ key, scope: "publish", name: "night shift" }],
      audit: (entry) => void entries.push(entry),
    });
    const call = async (method: string, params: object, headers = {}) => {
      const response = await fetch(`${http}/api/${method}`, {
        method: "POST",
        headers: { "X-API-Key": key, ...headers },
        body: JSON.stringify(params),
      });
      expect(response.status).toBe(200);
    };
    for (let i = 0; i < 20; i++) await call("publish", { channel: `user:${i}`, data: "of a payload" });
    const page = { Origin: http };
    await call("publish", { channel: "news", data: "of a payload" }, page);
    await call("send", { user: "ann", client: "c", data: "of a payload" }, page);
    const by = { event: "publishCall", key: "night shift", address: "127.0.0.1" };
    expect(entries.map(({ time: _, ...entry }) => entry)).toEqual([
      { ...by, method: "publish" },
      { ...by, method: "publish", channel: "news" },
      { ...by, method: "send", user: "ann", client: "c" },
    ]);
    expect(JSON.stringify(entries)).not.toContain("payload");
  });
});
