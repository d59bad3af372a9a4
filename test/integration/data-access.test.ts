/**
 * A permission is of the data, not of a command: every path by which something of a channel can be read, asked by somebody
 * who may have it, by a subscriber who may not, and by a stranger. test/repo/data-reads.test.ts counts the places in the code.
 */
import { describe, expect, it } from "vitest";
import { channel, defineApp, jwt } from "../../packages/holdfast/src/index.js";
import {
  type Answer,
  inSeconds,
  secret,
  startApp,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { connectByHand } from "../../packages/holdfast/test/support/map-model.js";
import { PlainStream } from "../../packages/holdfast/test/support/plain-stream.js";
import { until } from "../../packages/holdfast/test/support/server.js";

const staff = "role:staff";
const member = ["role:staff", "role:member"] as const;
/** What is past, and who is there, are for the staff. */
const allow = { subscribe: member, publish: staff, history: staff, presence: staff } as const;
const common = { allow, presence: true, joinLeave: true, tagsFilter: true, delta: true } as const;

const app = defineApp({
  authenticate: jwt({ secret }),
  channels: {
    room: channel({ ...common, joinLeave: "force" }),
    asked: channel(common),
    cache: channel({ ...common, recoveryMode: "cache" }),
    newest: channel({ ...common, kind: "latest", delta: false }),
    board: channel({ ...common, kind: "map" }),
    // Lists say nothing of who may see them but by the channel that they are of.
    clients: channel({ kind: "map", map: { subscribersOf: "room" }, allow: { history: "all" } }),
    users: channel({ kind: "map", map: { subscribersOf: "room", by: "user" }, allow: { history: "all" } }),
  },
});

const past = "published before";
const hidden = "hidden-user";

const readers = {
  staff: { sub: "boss", roles: ["staff"] },
  subscriber: { sub: "ann", roles: ["member"] },
  stranger: { sub: "eve" },
} as const;
type ReaderName = keyof typeof readers;

async function start() {
  const { server, http, url, api } = await startApp(app);
  for (const name of ["room", "asked", "cache", "newest"] as const)
    for (let n = 1; n <= 3; n++) await server.publish(name, `${past} ${n}`, { tags: { n: `${n}` } });
  // The values of a map are for its subscribers; what they were before is not.
  for (let n = 1; n <= 3; n++) await server.publish("board", `${past} ${n}`, { key: "k" });
  await server.publish("board", "now", { key: "k" });
  const there = await connectWith(url, { sub: hidden, roles: ["staff"] });
  for (const name of ["room", "asked"]) await there.ask({ subscribe: { channel: name } });
  await until(async () => (await server.presence("room")).length === 1);
  const { epoch } = (await server.history("room", { limit: 0 })).position;
  return { server, http, url, api, there, epoch };
}

const signed = (claims: object) => tokenOf({ exp: inSeconds(3600), ...claims });

async function connectWith(url: string, claims: object) {
  return await connectByHand(url, { token: signed(claims) });
}

interface Asking {
  readonly http: string;
  readonly url: string;
  readonly claims: object;
  readonly token: string;
  readonly there: Awaited<ReturnType<typeof connectByHand>>;
  /** Of the channel `room`. */
  readonly epoch: string;
}

/** @returns everything that the reader was sent */
type Path = (asking: Asking) => Promise<string>;

const command =
  (...commands: readonly object[]): Path =>
  async ({ url, claims }) => {
    const hand = await connectWith(url, claims);
    const replies: Answer[] = [];
    for (const each of commands) replies.push(await hand.ask(each));
    return JSON.stringify([replies, hand.pushes]);
  };

const get =
  (path: string, headers: Record<string, string> = {}): Path =>
  async ({ http, token, epoch }) => {
    const url = `${http}/channels/${path.replace("EPOCH", epoch)}`;
    const filled = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace("EPOCH", epoch)]),
    );
    return await (await fetch(url, { headers: { Authorization: `Bearer ${token}`, ...filled } })).text();
  };

/** A response that goes on: what has come once its first message is there, and some more. */
const stream =
  (path: string, headers: Record<string, string> = {}, body?: (asking: Asking) => object): Path =>
  async (asking) => {
    const { http, token, epoch } = asking;
    const filled = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace("EPOCH", epoch)]),
    );
    const opened = await PlainStream.open(
      `${http}${path.replace("EPOCH", epoch)}`,
      { Authorization: `Bearer ${token}`, ...filled },
      body ? "POST" : "GET",
      body && JSON.stringify(body(asking)),
    );
    await opened.until(() => opened.text.trim() !== "" || opened.hasEnded);
    await new Promise((resolve) => setTimeout(resolve, 100));
    opened.cut();
    return opened.text;
  };

const recover = { recover: true, epoch: "", offset: 0 };
const map = { channel: "board", type: 1, limit: 100 };
const tf = { key: "n", cmp: "eq", val: "1" };

/** Somebody else comes and goes while the reader is subscribed. */
const joins =
  (params: object): Path =>
  async ({ url, claims, there }) => {
    const hand = await connectWith(url, claims);
    const { channel: name } = params as { channel: string };
    const reply = await hand.ask({ subscribe: params });
    await there.ask({ unsubscribe: { channel: name } });
    await there.ask({ subscribe: { channel: name } });
    await new Promise((resolve) => setTimeout(resolve, 50));
    return JSON.stringify([reply, hand.pushes]);
  };

const events = { Accept: "text/event-stream" };
const inAddress = (value: object) => encodeURIComponent(JSON.stringify(value));

/** Subscribed by the server's side, as by a token or by a channel that was kept, and coming back to a position. */
const kept = ({ token }: Asking) => ({ token, subs: { room: recover } });

const historyPaths: Readonly<Record<string, Path>> = {
  "history command": command({ history: { channel: "room", limit: 10 } }),
  "history command of a subscriber": command(
    { subscribe: { channel: "room" } },
    { history: { channel: "room", limit: 10 } },
  ),
  "history command in reverse, of a map": command({
    history: { channel: "board", limit: 10, reverse: true },
  }),
  "subscribing from the beginning": command({ subscribe: { channel: "room", ...recover } }),
  "subscribing with patches": command({ subscribe: { channel: "room", ...recover, delta: "fossil" } }),
  "subscribing with a tags filter": command({ subscribe: { channel: "room", ...recover, tf } }),
  "subscribing with error 112 wanted": command({ subscribe: { channel: "room", ...recover, flag: 2 } }),
  "subscribing again after unsubscribing": command(
    { subscribe: { channel: "room" } },
    { unsubscribe: { channel: "room" } },
    { subscribe: { channel: "room", ...recover } },
  ),
  "the newest by recovering": command({ subscribe: { channel: "cache", ...recover } }),
  "the newest of another epoch": command({
    subscribe: { channel: "cache", recover: true, epoch: "another", offset: 2 },
  }),
  "the newest that passes a filter": command({ subscribe: { channel: "cache", ...recover, tf } }),
  "conflated by recovering": command({ subscribe: { channel: "newest", ...recover } }),
  "channels that were kept": async (asking) => {
    const { hello } = await connectByHand(asking.url, kept(asking));
    return JSON.stringify(hello);
  },
  "poll from the beginning": get("room?since=:0"),
  "poll from the beginning of an epoch": get("room?since=EPOCH:0"),
  "poll that may wait": get("room?since=:0&wait=1s"),
  "poll without a place": get("room"),
  "poll of another epoch": get("room?since=another:1"),
  "poll of the newest": get("cache?since=:0"),
  "poll of a map's changes": get("board?since=:0"),
  "events from a place in the address": stream("/channels/room/events?since=:0"),
  "events from Last-Event-ID": stream("/channels/room/events", { "Last-Event-ID": "EPOCH:0" }),
  "events of a map's changes": stream("/channels/board/events?since=:0"),
  "lines of JSON": stream("/channels/room/events?since=:0", { Accept: "application/x-ndjson" }),
  "streamed response for SDKs": stream("/connection/http_stream", {}, (asking) => ({
    id: 1,
    connect: kept(asking),
  })),
  "events for SDKs": (asking) =>
    stream(`/connection/sse?cf_connect=${inAddress({ id: 1, connect: kept(asking) })}`, events)(asking),
  "events of one way": (asking) =>
    stream(`/connection/uni_sse?cf_connect=${inAddress(kept(asking))}`, events)(asking),
  "streamed response of one way": stream("/connection/uni_http_stream", {}, kept),
  "a map's changes after a break": command({ subscribe: { ...map, phase: 1, recover: true } }),
  "a map's changes without its state": command({ subscribe: { ...map, phase: 1 } }),
  "a map's changes by a place that was not issued": command(
    { subscribe: { ...map, phase: 2 } },
    { unsubscribe: { channel: "board" } },
    { subscribe: { ...map, phase: 0, offset: 1 } },
  ),
};

const presencePaths: Readonly<Record<string, Path>> = {
  "presence command": command({ subscribe: { channel: "asked" } }, { presence: { channel: "asked" } }),
  "joins that are forced": joins({ channel: "room" }),
  "joins that are asked for": joins({ channel: "asked", join_leave: true }),
  "list of clients": command({ subscribe: { channel: "clients", type: 2, phase: 2 } }),
  "list of users": command({ subscribe: { channel: "users", type: 3, phase: 2 } }),
  "changes of a list": command({ subscribe: { channel: "users", type: 3, phase: 1, recover: true } }),
  "a list that was kept": async ({ url, token }) => {
    const { hello } = await connectByHand(url, { token, subs: { clients: recover, users: recover } });
    return JSON.stringify(hello);
  },
  "history of a list": command({ history: { channel: "clients", limit: 10 } }),
  "poll of a list": get("users"),
  "poll of a list's changes": get("users?since=:0"),
  "events of a list": stream("/channels/clients/events"),
};

async function read(path: Path, reader: ReaderName) {
  const { http, url, there, epoch } = await start();
  const claims = readers[reader];
  return await path({ http, url, claims, token: signed(claims), there, epoch });
}

describe.each(Object.entries(historyPaths))("history by %s", (_name, path) => {
  it("requires the permission", async () => {
    expect(await read(path, "staff")).toContain(past);
  });

  it.each(["subscriber", "stranger"] as const)("is not for a %s without it", async (reader) => {
    expect(await read(path, reader)).not.toContain(past);
  });
});

describe.each(Object.entries(presencePaths))("presence by %s", (_name, path) => {
  it("requires the permission", async () => {
    expect(await read(path, "staff")).toContain(hidden);
  });

  it.each(["subscriber", "stranger"] as const)("is not for a %s without it", async (reader) => {
    expect(await read(path, reader)).not.toContain(hidden);
  });
});

describe("presence stats", () => {
  it.each([
    ["staff", true],
    ["subscriber", false],
    ["stranger", false],
  ] as const)("told to the %s: %s", async (reader, isTold) => {
    const path = command({ subscribe: { channel: "room" } }, { presence_stats: { channel: "room" } });
    expect((await read(path, reader)).includes("num_clients")).toBe(isTold);
  });
});

describe("server-side subscription", () => {
  it("continues from the position the server names", async () => {
    const { server, url, epoch, api } = await start();
    const hand = await connectWith(url, readers.subscriber);
    const answer = await api("subscribe", {
      user: "ann",
      channel: "room",
      recover_since: { epoch, offset: 2 },
    });
    expect(answer.body).toEqual({ result: {} });
    await until(() => hand.pushes.some(({ pub }) => pub));
    expect(hand.pushes.flatMap(({ pub }) => (pub ? [pub.data] : []))).toEqual([`${past} 3`]);
    expect(server.stats().subscriptions).toBe(3);
  });
});

describe("subscription granted by a token", () => {
  it("gives no access to earlier history", async () => {
    const { url } = await start();
    const claims = { ...readers.stranger, channels: ["room"] };
    const { hello } = await connectByHand(url, { token: signed(claims), subs: { room: recover } });
    expect(hello.connect.subs.room).toMatchObject({ was_recovering: true, offset: 3 });
    expect(hello.connect.subs.room).not.toHaveProperty("recovered");
    expect(JSON.stringify(hello)).not.toContain(past);
  });
});
