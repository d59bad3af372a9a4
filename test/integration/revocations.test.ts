/** Revoked tokens on a store: what becomes of them when the server ends, however it does. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { channel, defineApp, jwt, readStore } from "../../packages/holdfast/src/index.js";
import { revocationChannel } from "../../packages/holdfast/src/server/revocation-log.js";
import {
  apiKey,
  connectSdk,
  createSdk,
  inSeconds,
  next,
  secret,
  startApp,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { endWithTest } from "../../packages/holdfast/test/support/child-process.js";
import { PlainStream } from "../../packages/holdfast/test/support/plain-stream.js";
import { until } from "../../packages/holdfast/test/support/server.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";

const app = defineApp({ authenticate: jwt({ secret }), channels: { news: channel({}) } });
const token = (claims: object) => tokenOf({ exp: inSeconds(1000), ...claims });
const revoked = { code: 3500, reason: "invalid token: the token is revoked" };

function makeFolder(): string {
  return createTemporaryFolder("revocations");
}

/** @returns how a client that tries with the token ends; undefined where it is let in */
async function endOf(url: string, given: string): Promise<unknown> {
  const client = createSdk(url, { token: given });
  const ended = next(client, "disconnected");
  const connected = next(client, "connected");
  client.connect();
  return await Promise.race([ended, connected.then(() => undefined)]);
}

async function startProcess(data: string) {
  const child = fork(join(import.meta.dirname, "../../packages/holdfast/test/support/token-server.mjs"), [
    JSON.stringify({ data, secret, apiKey }),
  ]);
  endWithTest(child);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const revoke = (params: object) =>
    fetch(`http://127.0.0.1:${port}/api/revoke`, {
      method: "POST",
      headers: { "X-API-Key": apiKey },
      body: JSON.stringify(params),
    }).then((response) => response.json());
  return { child, revoke, url: `ws://127.0.0.1:${port}/connection/websocket` };
}

describe("revoked tokens on a store", () => {
  it("stay revoked after kill -9, once revoking was acknowledged", async () => {
    const folder = makeFolder();
    const first = await startProcess(folder);
    const client = await connectSdk(first.url, { token: token({ sub: "ann", jti: "t-1" }) });
    const ended = next(client, "disconnected");
    for (const params of [{ token_id: "t-1" }, { user: "bob" }])
      expect(await first.revoke(params)).toEqual({ result: {} });
    expect(await ended).toMatchObject({ code: 3500 });
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    const second = await startProcess(folder);
    expect(await endOf(second.url, token({ sub: "ann", jti: "t-1" }))).toMatchObject(revoked);
    expect(await endOf(second.url, token({ sub: "bob" }))).toMatchObject(revoked);
    expect(await endOf(second.url, token({ sub: "ann", jti: "t-2" }))).toBeUndefined();
  });

  it("stay revoked on another server that opens the folder, which reads them before it answers", async () => {
    const data = makeFolder();
    const first = await startApp(app, { data });
    await first.api("revoke", { issued_before: inSeconds(-60) });
    for (let n = 0; n < 30; n++) await first.api("revoke", { user: `user ${n}` });
    await first.server.close();
    const second = await startApp(app, { data });
    expect(await endOf(second.url, token({ sub: "user 29", iat: inSeconds(0) }))).toMatchObject(revoked);
    expect(await endOf(second.url, token({ sub: "ann", iat: inSeconds(-70) }))).toMatchObject(revoked);
    expect(await endOf(second.url, token({ sub: "ann", iat: inSeconds(-50) }))).toBeUndefined();
    expect([...first.errors, ...second.errors]).toEqual([]);
  });

  it("are stored in a log that no interface shows or changes", async () => {
    const data = makeFolder();
    const { api, url, server } = await startApp(app, { data });
    await api("revoke", { user: "ann" });
    const page = { maxEntries: 10, maxBytes: 10_000, isReverse: false };
    expect((await readStore(data, revocationChannel, page, Date.now()))?.publications).toHaveLength(1);
    for (const [method, params] of [
      ["history", { limit: 10 }],
      ["history_remove", {}],
      ["publish", { data: {} }],
      ["subscribe", { user: "bob" }],
      ["presence", {}],
    ] as const)
      expect((await api(method, { channel: revocationChannel, ...params })).body).toMatchObject({
        error: { code: 107 },
      });
    const client = await connectSdk(url, { token: token({ sub: "bob" }) });
    for (const attempt of [
      client.history(revocationChannel, { limit: 10 }),
      client.publish(revocationChannel, { revocations: [] }),
    ])
      await expect(attempt).rejects.toMatchObject({ code: 107 });
    expect((await api("channels", {})).body).toEqual({ result: { channels: {} } });
    expect(server.stats().channels).toBe(0);
  });
});

describe("revoked tokens in memory", () => {
  it("are lost with the server", async () => {
    const first = await startApp(app);
    await first.api("revoke", { user: "ann" });
    expect(await endOf(first.url, token({ sub: "ann" }))).toMatchObject(revoked);
    const second = await startApp(app);
    expect(await endOf(second.url, token({ sub: "ann" }))).toBeUndefined();
  });
});

describe("grants of a revoked token", () => {
  const iat = inSeconds(-60);
  const given = token({ sub: "ann", jti: "t-1", iat, channels: ["news"] });
  const bearer = { Authorization: `Bearer ${given}` };
  const connect = encodeURIComponent(JSON.stringify({ token: given }));
  const command = encodeURIComponent(JSON.stringify({ id: 1, connect: { token: given } }));

  /** Each resolves with how it ended. */
  const asEvents = { Accept: "text/event-stream" };
  const ways: Readonly<Record<string, (http: string) => Promise<string>>> = {
    "a WebSocket": async (http) => {
      const client = await connectSdk(`${http.replace("http", "ws")}/connection/websocket`, { token: given });
      return JSON.stringify(await next<object>(client, "disconnected"));
    },
    "a streamed response for SDKs": (http) =>
      endOfStream(`${http}/connection/http_stream`, {}, `{"id":1,"connect":{"token":"${given}"}}`),
    "events for SDKs": (http) => endOfStream(`${http}/connection/sse?cf_connect=${command}`, asEvents),
    "a streamed response of one way": (http) =>
      endOfStream(`${http}/connection/uni_http_stream`, {}, `{"token":"${given}"}`),
    "events of one way": (http) => endOfStream(`${http}/connection/uni_sse?cf_connect=${connect}`, asEvents),
    "events of a channel": (http) => endOfStream(`${http}/channels/news/events`, bearer),
    "a poll that waits": async (http) => {
      const { epoch, offset } = (await (
        await fetch(`${http}/channels/news?limit=0`, { headers: bearer })
      ).json()) as { epoch: string; offset: number };
      const answer = await fetch(`${http}/channels/news?since=${epoch}:${offset}&wait=20s`, {
        headers: bearer,
      });
      return await answer.text();
    },
  };

  async function endOfStream(url: string, headers = {}, body?: string): Promise<string> {
    const stream = await PlainStream.open(url, headers, body === undefined ? "GET" : "POST", body);
    await stream.ended();
    return stream.text;
  }

  it.each(Object.keys(ways))("%s ends, by user, by token and by time", async (name) => {
    for (const revocation of [
      { user: "ann" },
      { tokenId: "t-1" },
      { issuedBefore: (iat + 1) * 1000 },
      { user: "ann", issuedBefore: (iat + 1) * 1000 },
    ]) {
      const { server, http } = await startApp(app);
      const ended = ways[name]?.(http);
      await until(() => server.stats().subscriptions + server.stats().waitingRequests === 1);
      await server.revoke({ user: "ben" });
      await server.revoke(revocation);
      expect(await ended).toMatch(/revoked/);
      expect(server.stats()).toMatchObject({ subscriptions: 0, waitingRequests: 0 });
    }
  });
});

describe("revoking by the program that embeds the server", () => {
  it("ends the connections of a user, of a token, or of a time", async () => {
    const { server, url } = await startApp(app);
    const ended = async (claims: object, revocation: Parameters<typeof server.revoke>[0]) => {
      const client = await connectSdk(url, { token: token(claims) });
      const end = next<object>(client, "disconnected");
      await server.revoke(revocation);
      return await end;
    };
    expect(await ended({ sub: "ann", jti: "t-1" }, { tokenId: "t-1" })).toMatchObject({ code: 3500 });
    expect(await ended({ sub: "bob" }, { user: "bob" })).toMatchObject({ code: 3500 });
    const issuedBefore = inSeconds(10) * 1000;
    expect(await ended({ sub: "cem", iat: inSeconds(0) }, { issuedBefore })).toMatchObject({ code: 3500 });
  });

  it("is refused without tokens, and when it names no target or too many", async () => {
    const { server } = await startApp(app);
    for (const choices of [{}, { user: "ann", tokenId: "t" }])
      await expect(server.revoke(choices)).rejects.toMatchObject({ code: "HF_OPTION_INVALID" });
    const { server: open } = await startApp(defineApp({ channels: {} }));
    await expect(open.revoke({ user: "ann" })).rejects.toMatchObject({ code: "HF_SERVER_STATE" });
  });
});
