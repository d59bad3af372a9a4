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

  it("records revocations and admin calls, and no others", async () => {
    const { api, server, entries } = await start();
    await api("publish", { channel: "news", data: { secret: "of a payload" } });
    await api("disconnect", { user: "ann" });
    await api("batch", { commands: [{ unsubscribe: { user: "bo", channel: "news" } }] });
    await api("revoke", { user: "cy" });
    await server.revoke({ tokenId: "t-1" });
    expect(entries.map(({ time: _, ...entry }) => entry)).toEqual([
      { event: "adminCall", method: "disconnect", address: "127.0.0.1", user: "ann" },
      { event: "adminCall", method: "unsubscribe", address: "127.0.0.1", user: "bo", channel: "news" },
      { event: "adminCall", method: "revoke", address: "127.0.0.1", user: "cy" },
      { event: "tokensRevoked", user: "cy" },
      { event: "tokensRevoked", tokenId: "t-1" },
    ]);
  });
});
