/** Every method of the server's HTTP interface, against a running server and the clients that it acts on. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { apiMethods } from "../../../src/http/api/methods.js";
import { channel, defineApp, jwt, reject, rpc } from "../../../src/index.js";
import {
  type Answer,
  connectSdk,
  next,
  secret,
  startApp,
  subscribeSdk,
  tokenOf,
} from "../../support/app-server.js";
import { until } from "../../support/server.js";

const app = defineApp({
  authenticate: jwt({ secret }),
  channels: {
    "{name}": channel({ presence: true, data: z.unknown() }),
    "bare:{name}": channel({ history: false }),
    "typed:{name}": channel({ data: z.object({ n: z.number() }) }),
    "latest:{name}": channel({ kind: "latest" }),
    "map:{name}": channel({ kind: "map", map: { score: "n" } }),
    "poll:{name}": channel({ poll: () => [] }),
  },
  rpc: {
    add: rpc({ allow: "role:server", handler: ({ data }) => (data as { a: number }).a + 1 }),
    refuses: rpc({ allow: "all", handler: () => reject(499, "no") }),
  },
});

async function start() {
  const running = await startApp(app);
  const connect = (user: string) => connectSdk(running.url, { token: tokenOf({ sub: user }) });
  return { ...running, connect };
}

/** Called with these, every method succeeds; kept beside the document by the test below. */
const examples: Readonly<Record<string, object>> = {
  publish: { channel: "news", data: { a: 1 }, tags: { t: "1" }, idempotency_key: "k", delta: true },
  broadcast: { channels: ["news", "sport"], b64data: Buffer.from('"x"').toString("base64") },
  subscribe: { user: "ann", channel: "news", info: { a: 1 }, override: { presence: { value: false } } },
  unsubscribe: { user: "ann", channel: "news" },
  disconnect: { user: "ann", disconnect: { code: 4000, reason: "bye" }, whitelist: ["x"] },
  refresh: { user: "ann", expire_at: 2_000_000_000 },
  presence: { channel: "news" },
  presence_stats: { channel: "news" },
  history: { channel: "news", limit: 5, since: { offset: 0, epoch: "" } },
  history_remove: { channel: "news" },
  map_publish: {
    channel: "map:a",
    key: "x",
    data: { n: 1 },
    score: 2,
    tags: { t: "1" },
    idempotency_key: "k",
    key_mode: "if_new",
    version: 1,
    version_epoch: "e",
  },
  map_remove: { channel: "map:a", key: "x", idempotency_key: "k" },
  map_read_state: { channel: "map:a", limit: 5, asc: true },
  map_read_stream: { channel: "map:a", limit: 5 },
  map_stats: { channel: "map:a" },
  map_clear: { channel: "map:a" },
  shared_poll_publish: { channel: "poll:a", key: "x", data: 1, version: 1 },
  rpc: { method: "add", params: { a: 1 } },
  send: { user: "ann", data: 1 },
  revoke: { token_id: "t" },
  channels: { pattern: "n*", limit: 10, positions: true },
  connections: { user: "ann", user_pattern: "a*", subscriptions: true, limit: 10 },
  inspect: { channel: "news" },
  explain: { channel: "news", user: "ann", roles: ["staff"] },
  why: { channel: "news", user: "ann", offset: 1 },
  info: {},
  load: { after: 1 },
  tail: { channel: "news", since: { offset: 0, epoch: "" }, wait: 1 },
  config: {},
  key: {},
};

describe("OpenAPI document", () => {
  it("is served without a key, and lists every method", async () => {
    const { http } = await start();
    const response = await fetch(`${http}/api/openapi.json`);
    const document = (await response.json()) as Answer;
    expect(document.openapi).toBe("3.1.0");
    const paths = [...apiMethods.keys(), "batch"].map((name) => `/api/${name}`);
    expect(Object.keys(document.paths)).toEqual(paths);
    expect(Object.keys(examples)).toEqual([...apiMethods.keys()]);
  });

  it.each(Object.keys(examples))("describes what %s takes and gives", async (name) => {
    const { api, connect, http, server, errors } = await start();
    const client = await connect("ann");
    await subscribeSdk(client, "noon");
    await server.publish("news", 1);
    const { body } = await api(name, examples[name] as object);
    expect(body.error).toBeUndefined();
    expect(errors).toEqual([]);
    const document = (await (await fetch(`${http}/api/openapi.json`)).json()) as Answer;
    const { requestBody, responses } = document.paths[`/api/${name}`].post;
    const [success] = responses["200"].content["application/json"].schema.oneOf;
    // The document's own schemas, read back, accept what was sent and what came.
    z.fromJSONSchema(requestBody.content["application/json"].schema).parse(examples[name]);
    z.fromJSONSchema(success).parse(body);
  });
});

describe("publish and broadcast", () => {
  it("reach subscribers, with tags", async () => {
    const { api, connect } = await start();
    const subscription = await subscribeSdk(await connect("ann"), "news");
    const received = next<object>(subscription, "publication");
    const { body } = await api("publish", { channel: "news", data: { a: 1 }, tags: { lang: "en" } });
    expect(body).toEqual({ result: { offset: 1, epoch: expect.any(String) } });
    expect(await received).toMatchObject({ data: { a: 1 }, tags: { lang: "en" }, offset: 1 });
  });

  it("check data with the channel's schema", async () => {
    const { api } = await start();
    expect((await api("publish", { channel: "typed:a", data: { n: "1" } })).body.error).toMatchObject({
      code: 107,
      message: expect.stringContaining("data.n: "),
    });
  });

  it("return a result for each channel", async () => {
    const { api } = await start();
    const { body } = await api("broadcast", { channels: ["news", "typed:a", "un:known"], data: 1 });
    expect(body.result.responses).toEqual([
      { result: { offset: 1, epoch: expect.any(String) } },
      { error: expect.objectContaining({ code: 107 }) },
      { error: expect.objectContaining({ code: 102 }) },
    ]);
  });

  it.each([
    [{ channel: "news", b64data: "!!" }, "b64data must be base64"],
    [{ channel: "news", data: 1, tags: { a: 1 } }, "tags.a: "],
    [{ channel: "news", data: 1, key: "k" }, "latest"],
  ])("say what is wrong with %j", async (params, words) => {
    const { api } = await start();
    expect((await api("publish", params)).body.error).toMatchObject({
      code: 107,
      message: expect.stringContaining(words),
    });
  });
});

describe("subscriptions by the server", () => {
  it("start and end, and the client is told", async () => {
    const { api, connect, server } = await start();
    const client = await connect("ann");
    const subscribed = next<object>(client, "subscribed");
    await api("subscribe", { user: "ann", channel: "news", data: { hi: 1 } });
    expect(await subscribed).toMatchObject({ channel: "news", data: { hi: 1 }, recoverable: true });
    const received = next<object>(client, "publication");
    await server.publish("news", "x");
    expect(await received).toMatchObject({ channel: "news", data: "x" });
    const ended = next<object>(client, "unsubscribed");
    await api("unsubscribe", { user: "ann", channel: "news" });
    expect(await ended).toMatchObject({ channel: "news" });
    expect(await server.channels()).toEqual([]);
  });

  it("deliver publications since a position", async () => {
    const { api, connect, server } = await start();
    const { epoch } = await server.publish("news", 1);
    await server.publish("news", 2);
    const client = await connect("ann");
    const received = next<object>(client, "publication");
    await api("subscribe", { user: "ann", channel: "news", recover_since: { offset: 1, epoch } });
    expect(await received).toMatchObject({ data: 2, offset: 2 });
  });

  it("target one connection when it is named, and repeating has no further effect", async () => {
    const { api, connect, server } = await start();
    await subscribeSdk(await connect("ann"), "noon");
    await connect("ann");
    await until(async () => (await server.presence("noon")).length === 1);
    const [info] = await server.presence("noon");
    await api("subscribe", { user: "ann", channel: "sport", client: info?.client });
    expect(await server.channels()).toContainEqual({ name: "sport", numClients: 1 });
    await api("subscribe", { user: "ann", channel: "news" });
    expect((await api("subscribe", { user: "ann", channel: "news" })).body).toEqual({ result: {} });
    expect(await server.channels()).toContainEqual({ name: "news", numClients: 2 });
  });

  it("end a client's own subscription, too, and it stays unsubscribed", async () => {
    const { api, connect } = await start();
    const subscription = await subscribeSdk(await connect("ann"), "news");
    const ended = next<object>(subscription, "unsubscribed");
    await api("unsubscribe", { user: "ann" });
    expect(await ended).toMatchObject({ code: 2000 });
  });
});

describe("connections", () => {
  it("close with the given code", async () => {
    const { api, connect } = await start();
    const client = await connect("ann");
    const other = await connect("bob");
    const ended = next<object>(client, "disconnected");
    await api("disconnect", { user: "ann", disconnect: { code: 4600, reason: "banned" } });
    expect(await ended).toMatchObject({ code: 4600, reason: "banned" });
    expect(other.state).toBe("connected");
  });

  it("receive messages outside channels", async () => {
    const { api, connect } = await start();
    const client = await connect("ann");
    const received = next<object>(client, "message");
    await api("send", { user: "ann", data: { ping: 1 } });
    expect(await received).toMatchObject({ data: { ping: 1 } });
  });

  it("expire at once on request", async () => {
    const { api, connect } = await start();
    const client = await connect("ann");
    const lost = next<object>(client, "connecting");
    await api("refresh", { user: "ann", expired: true });
    expect(await lost).toMatchObject({ code: 3005 });
  });
});

describe("reading", () => {
  it("returns presence, channels, history and nodes", async () => {
    const { api, connect, server } = await start();
    const subscription = await subscribeSdk(await connect("ann"), "news");
    await subscription.publish({ by: "client" });
    await until(async () => (await server.presence("news")).length === 1);
    const { presence } = (await api("presence", { channel: "news" })).body.result;
    expect(Object.values(presence)).toEqual([{ user: "ann", client: expect.any(String) }]);
    expect((await api("presence_stats", { channel: "news" })).body.result).toEqual({
      num_clients: 1,
      num_users: 1,
    });
    expect((await api("channels", { pattern: "n?w*" })).body.result.channels).toEqual({
      news: { num_clients: 1 },
    });
    expect((await api("channels", { pattern: "x*" })).body.result.channels).toEqual({});
    expect((await api("history", { channel: "news", limit: -1 })).body.result).toMatchObject({
      publications: [{ data: { by: "client" }, offset: 1, info: { user: "ann" }, time: expect.any(Number) }],
      offset: 1,
    });
    expect((await api("info", {})).body.result.nodes[0]).toMatchObject({ num_clients: 1, num_users: 1 });
  });

  it("is refused with 108 when the feature is off, and 102 for an unknown channel", async () => {
    const { api } = await start();
    const codeOf = async (method: string, name: string) =>
      (await api(method, { channel: name })).body.error.code;
    expect(await codeOf("presence", "bare:a")).toBe(108);
    expect(await codeOf("history", "bare:a")).toBe(108);
    expect(await codeOf("history", "un:known")).toBe(102);
  });

  it("returns nothing after history_remove, and offsets continue", async () => {
    const { api, server } = await start();
    await server.publish("news", 1);
    await api("history_remove", { channel: "news" });
    expect((await api("history", { channel: "news", limit: -1 })).body.result).toMatchObject({
      publications: [],
      offset: 1,
    });
    expect(await server.publish("news", 2)).toMatchObject({ offset: 2 });
  });

  it("tells clients returning from before history_remove of the gap", async () => {
    const { api, connect, server } = await start();
    await subscribeSdk(await connect("bob"), "news");
    const { epoch } = await server.publish("news", 1);
    await server.publish("news", 2);
    await api("history_remove", { channel: "news" });
    const client = await connect("ann");
    const subscription = client.newSubscription("news", { since: { offset: 1, epoch } });
    const subscribed = next<object>(subscription, "subscribed");
    subscription.subscribe();
    expect(await subscribed).toMatchObject({ wasRecovering: true, recovered: false });
  });
});

describe("maps", () => {
  it("are written, read page by page, counted and cleared", async () => {
    const { api, server } = await start();
    const map = async (method: string, params: object = {}) =>
      (await api(`map_${method}`, { channel: "map:a", ...params })).body;
    for (const n of [1, 2, 3]) await map("publish", { key: `k${n}`, data: { n } });
    const { result: first } = await map("read_state", { limit: 2 });
    expect(first.entries).toMatchObject([
      { key: "k3", data: { n: 3 }, score: 3, offset: 3 },
      { key: "k2", score: 2 },
    ]);
    expect(first.offset).toBe(3);
    const { result: second } = await map("read_state", { limit: 2, cursor: first.cursor });
    expect(second.entries).toMatchObject([{ key: "k1" }]);
    expect(second).not.toHaveProperty("cursor");
    expect((await map("read_state", { key: "k2" })).result.entries).toMatchObject([{ key: "k2" }]);
    expect((await map("read_state", { key: "none" })).result.entries).toEqual([]);
    expect((await map("read_state", { cursor: "odd" })).error.code).toBe(107);
    expect((await map("remove", { key: "k2" })).result).toMatchObject({ offset: 4 });
    expect((await map("remove", { key: "k2" })).result).toMatchObject({
      offset: 4,
      suppressed: true,
      suppress_reason: "key_not_found",
    });
    expect((await map("stats")).result).toEqual({ num_keys: 2 });
    expect((await map("read_stream", { limit: 10 })).result.publications.at(-1)).toMatchObject({
      key: "k2",
      removed: true,
      offset: 4,
    });
    expect((await map("clear")).result).toEqual({});
    expect((await map("stats")).result).toEqual({ num_keys: 0 });
    expect((await server.history("map:a")).position.offset).toBe(6);
  });

  it("honor conditions: only new keys, only existing ones, or a later version", async () => {
    const { api } = await start();
    const publish = async (params: object) =>
      (await api("map_publish", { channel: "map:a", key: "x", data: { n: 1 }, ...params })).body.result;
    expect(await publish({ key_mode: "if_exists" })).toMatchObject({ suppress_reason: "key_not_found" });
    expect(await publish({ key_mode: "if_new", version: 5 })).not.toHaveProperty("suppressed");
    expect(await publish({ key_mode: "if_new" })).toMatchObject({ suppress_reason: "key_exists" });
    expect(await publish({ version: 5 })).toMatchObject({ suppress_reason: "version", offset: 1 });
    expect(await publish({ version: 6 })).toMatchObject({ offset: 2 });
  });

  it("refuse methods of other channel kinds, and vice versa", async () => {
    const { api } = await start();
    const fault = async (method: string, params: object) => (await api(method, params)).body.error;
    expect(await fault("publish", { channel: "map:a", data: { n: 1 }, key: "x" })).toMatchObject({
      code: 107,
      message: expect.stringContaining("map_publish"),
    });
    expect(await fault("map_publish", { channel: "news", data: 1, key: "x" })).toMatchObject({ code: 107 });
    expect(await fault("map_publish", { channel: "map:a", data: 1 })).toMatchObject({ code: 107 });
    expect(await fault("map_publish", { channel: "map:a", key: "x", data: {} })).toMatchObject({
      code: 107,
      message: expect.stringContaining("data.n must be a number"),
    });
    for (const method of ["map_read_state", "map_read_stream", "map_stats", "map_clear"]) {
      expect(await fault(method, { channel: "news" })).toMatchObject({ code: 107 });
      expect(await fault(method, { channel: "un:known" })).toMatchObject({ code: 102 });
    }
  });
});

describe("calling application methods", () => {
  it("returns their results and refusals", async () => {
    const { api } = await start();
    expect((await api("rpc", { method: "add", params: { a: 1 } })).body).toEqual({ result: { data: 2 } });
    expect((await api("rpc", { method: "refuses" })).body.error).toEqual({ code: 499, message: "no" });
    expect((await api("rpc", { method: "other" })).body.error.code).toBe(104);
  });
});

describe("batch", () => {
  it.each([false, true])("returns a reply for each command, parallel: %s", async (parallel) => {
    const { api } = await start();
    const commands = [
      { publish: { channel: "news", data: 1 } },
      { presence: { channel: "bare:a" } },
      { nonsense: {} },
      { publish: {}, presence: {} },
    ];
    const { body } = await api("batch", { commands, parallel });
    expect(body.replies).toEqual([
      { publish: { offset: 1, epoch: expect.any(String) } },
      { error: expect.objectContaining({ code: 108 }) },
      { error: expect.objectContaining({ code: 104 }) },
      { error: expect.objectContaining({ code: 107 }) },
    ]);
  });

  it("in the older form accepts one command per line", async () => {
    const { http } = await start();
    const response = await fetch(`${http}/api`, {
      method: "POST",
      headers: { Authorization: "apikey 0123456789abcdef0123456789abcdef" },
      body: '{"method":"publish","params":{"channel":"news","data":1}}\n{"method":"nonsense"}\n',
    });
    const lines = (await response.text()).split("\n").map((line) => JSON.parse(line) as Answer);
    expect(lines).toMatchObject([{ result: { offset: 1 } }, { error: { code: 104 } }]);
  });
});

describe("keys with a scope", () => {
  const keys = ["read", "publish", "admin"].map((scope) => ({
    key: `a key that is for ${scope}`,
    scope,
  })) as {
    key: string;
    scope: "read" | "publish" | "admin";
  }[];

  it.each<[string, string, boolean]>([
    ["read", "history", true],
    ["read", "publish", false],
    ["read", "disconnect", false],
    ["publish", "history", true],
    ["publish", "publish", true],
    ["publish", "disconnect", false],
    ["admin", "publish", true],
    ["admin", "disconnect", true],
  ])("of %s may call %s: %s", async (scope, method, isAllowed) => {
    const { api } = await startApp(app, { apiKeys: keys });
    const { body } = await api(method, examples[method] as object, {
      "X-API-Key": `a key that is for ${scope}`,
    });
    if (isAllowed) expect(body.error).toBeUndefined();
    else
      expect(body.error).toMatchObject({
        code: 103,
        message: expect.stringContaining("needs a key with scope"),
      });
  });

  it.each([
    [true, 200],
    [false, 401],
  ])("may stand in the query only where that is asked for: %s", async (apiKeyInQuery, status) => {
    const { http } = await startApp(app, { apiKeys: keys, apiKeyInQuery });
    const response = await fetch(`${http}/api/info?api_key=${encodeURIComponent("a key that is for read")}`, {
      method: "POST",
      body: "{}",
    });
    expect(response.status).toBe(status);
    if (status === 401) expect(await response.text()).toContain("apiKeyInQuery");
  });
});

describe("errors as HTTP statuses", () => {
  it.each([
    ["history", { channel: "un:known" }, 404],
    ["history", { channel: "bare:a" }, 400],
    ["history", { channel: "news", limit: 1, since: { offset: 1, epoch: "other" } }, 416],
    ["publish", {}, 400],
  ])("%s of %j is %i where that is asked for", async (method, params, status) => {
    const { api } = await start();
    const answer = await api(method, params, { "X-Centrifugo-Error-Mode": "transport" });
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ code: expect.any(Number), message: expect.any(String) });
    expect((await api(method, params)).status).toBe(200);
  });
});
