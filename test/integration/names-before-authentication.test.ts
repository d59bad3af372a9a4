/** A channel's name costs nothing before it is known who sends it: no pattern is looked for, whatever the way in. */
import { expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import { channel, createServer, defineApp, jwt } from "../../packages/holdfast/src/index.js";
import { apiKey, inSeconds, secret, tokenOf } from "../../packages/holdfast/test/support/app-server.js";

const matched = vi.hoisted(() => [] as string[]);

vi.mock("../../packages/holdfast/src/app/pattern.js", async (load) => {
  const original = await load<typeof import("../../packages/holdfast/src/app/pattern.js")>();
  return {
    ...original,
    parsePattern: (text: string) => {
      const pattern = original.parsePattern(text);
      return {
        ...pattern,
        match: (channel: string) => {
          matched.push(channel);
          return pattern.match(channel);
        },
      };
    },
  };
});

const name = "room:a.b.c.d.e";
const path = `/channels/${encodeURIComponent(name)}`;
const expired = tokenOf({ sub: "anna", exp: inSeconds(-60) });
const forged = tokenOf({ sub: "anna" }, "another secret that is long enough for HS256");
const json = { "Content-Type": "application/json" };
const subscribe = { channel: name, recover: true, epoch: "e", offset: 1, type: 1, phase: 2 };
const connect = (token?: string) => ({ token, subs: { [name]: { recover: true, epoch: "e", offset: 1 } } });

/** Commands as a client sends them that hopes to be served before it is known. */
const frames = (token?: string) =>
  [
    [
      { id: 1, connect: connect(token) },
      { id: 2, subscribe },
    ],
    [{ id: 1, subscribe }],
    [{ id: 1, publish: { channel: name, data: 1 } }],
    [{ id: 1, history: { channel: name, limit: 1 } }],
    [{ id: 1, presence: { channel: name } }],
    [{ id: 1, sub_refresh: { channel: name, token } }],
    [{ id: 1, rpc: { method: "holdfast.publish", data: { channel: name, data: 1 } } }],
  ].map((commands) => commands.map((command) => JSON.stringify(command)).join("\n"));

type Get = (url: string, init?: RequestInit) => Promise<unknown>;

/** Each way in, with a token that is not accepted, or without one. */
const ways: Readonly<Record<string, (get: Get, token: string | undefined) => readonly Promise<unknown>[]>> = {
  channels: (get, token) => [
    get(path, { headers: bearer(token) }),
    get(`${path}?wait=1s&since=e:1`, { headers: bearer(token) }),
    get(path, { method: "POST", headers: { ...json, ...bearer(token) }, body: "1" }),
    get(`${path}?key=k`, { method: "DELETE", headers: bearer(token) }),
  ],
  events: (get, token) => [
    get(`${path}/events`, { headers: { Accept: "text/event-stream", ...bearer(token) } }),
    get(`${path}/events?since=e:1`, { headers: { Accept: "application/x-ndjson", ...bearer(token) } }),
  ],
  "streams of SDKs": (get, token) =>
    frames(token).flatMap((body) => [
      get("/connection/http_stream", { method: "POST", headers: json, body }),
      get("/connection/sse", { method: "POST", headers: json, body }),
    ]),
  "streams for reading": (get, token) =>
    ["/connection/uni_http_stream", "/connection/uni_sse"].map((url) =>
      get(url, { method: "POST", headers: json, body: JSON.stringify(connect(token)) }),
    ),
  emulation: (get, token) =>
    frames(token).map((data) =>
      get("/emulation", {
        method: "POST",
        headers: json,
        body: JSON.stringify({ session: "x", node: "y", data }),
      }),
    ),
  "server API": (get) => [
    get("/api/publish", { method: "POST", headers: json, body: JSON.stringify({ channel: name, data: 1 }) }),
    get("/api/history", {
      method: "POST",
      headers: { "X-API-Key": "x" },
      body: JSON.stringify({ channel: name }),
    }),
  ],
};

function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { Authorization: `Bearer ${token}` };
}

async function start() {
  const app = defineApp({
    authenticate: jwt({ secret }),
    channels: { "room:{a}.{b}.{c}.{d}.{e}": channel({ kind: "map" }) },
  });
  const server = createServer(app, {
    port: 0,
    pages: null,
    apiKeys: [apiKey],
    connectTimeoutMs: 200,
  });
  const { port } = await server.listen();
  onTestFinished(() => server.close());
  const get: Get = async (url, init) => await (await fetch(`http://127.0.0.1:${port}${url}`, init)).text();
  matched.length = 0;
  return { port, get };
}

const tokens = { "no token": undefined, "an expired token": expired, "a forged token": forged };

it.each(Object.keys(ways).flatMap((way) => Object.entries(tokens).map((token) => [way, ...token] as const)))(
  "does not match channel names sent by %s with %s",
  async (way, _, token) => {
    const { get } = await start();
    await Promise.all((ways[way] as (typeof ways)[string])(get, token));
    expect(matched).toEqual([]);
  },
);

it.each(Object.entries(tokens))(
  "does not match channel names sent by WebSocket with %s",
  async (_, token) => {
    const { port } = await start();
    for (const frame of frames(token)) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/connection/websocket`);
      socket.on("open", () => socket.send(frame));
      socket.on("message", () => socket.close());
      await new Promise((resolve) => socket.once("close", resolve));
    }
    expect(matched).toEqual([]);
  },
);

it("matches the name once the client is authenticated", async () => {
  const { get } = await start();
  await get(path, { headers: bearer(tokenOf({ sub: "anna" })) });
  expect(matched).toContain(name);
});
