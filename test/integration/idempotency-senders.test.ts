/** Idempotency keys over every interface that publishes: whose they are, and what a repeat is told. */
import { describe, expect, it } from "vitest";
import { channel, defineApp, jwt } from "../../packages/holdfast/src/index.js";
import {
  apiKey,
  connectSdk,
  secret,
  startApp,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { channelAt } from "../../packages/holdfast/test/support/http-channels.js";
import { PlainStream } from "../../packages/holdfast/test/support/plain-stream.js";

const otherKey = "fedcba9876543210fedcba9876543210";
const allow = { subscribe: "all", publish: "all", history: "all", presence: "all" } as const;
const app = defineApp({
  authenticate: jwt({ secret }),
  anonymous: true,
  channels: { orders: channel({ allow }), "map:{name}": channel({ kind: "map", allow }) },
});

interface Sent {
  readonly key: string;
  readonly data: unknown;
}

/** One sender by one interface. */
type Publish = (sent: Sent) => Promise<unknown>;

async function start() {
  const running = await startApp(app, { apiKeys: [apiKey, otherKey] });
  const { url, http, server, api } = running;
  const sdkOf = (user: string) => connectSdk(url, user === "" ? {} : { token: tokenOf({ sub: user }) });
  const command = (user: string): Publish => {
    let sdk: ReturnType<typeof sdkOf> | undefined;
    return async ({ key, data }) => {
      sdk ??= sdkOf(user);
      const { data: result } = await (await sdk).rpc("holdfast.publish", {
        channel: "orders",
        data,
        idempotency_key: key,
      });
      return result;
    };
  };
  const post = (user: string): Publish => {
    const token: Record<string, string> =
      user === "" ? {} : { Authorization: `Bearer ${tokenOf({ sub: user })}` };
    return async ({ key, data }) =>
      (await channelAt(http, "orders", token).post(data, { headers: { "Idempotency-Key": key } })).body;
  };
  /** Commands in requests of their own. */
  const emulated =
    (user: string): Publish =>
    async ({ key, data }) => {
      const token = user === "" ? {} : { token: tokenOf({ sub: user }) };
      const connect = JSON.stringify({ id: 1, connect: token });
      const stream = await PlainStream.open(`${http}/connection/http_stream`, {}, "POST", connect);
      await stream.until(() => stream.lines.length > 0);
      const { session, node } = stream.lines[0].connect;
      const publication = { channel: "orders", data, idempotency_key: key };
      const body = JSON.stringify({ session, node, data: JSON.stringify({ id: 2, publish: publication }) });
      await fetch(`${http}/emulation`, { method: "POST", body });
      await stream.until(() => stream.lines.some(({ id }) => id === 2));
      stream.cut();
      return stream.lines.find(({ id }) => id === 2);
    };
  const apiWith =
    (key: string, method: "publish" | "broadcast" | "batch"): Publish =>
    async (sent) => {
      const publication = { data: sent.data, idempotency_key: sent.key };
      const [params, path] = {
        publish: [{ ...publication, channel: "orders" }, "publish"],
        broadcast: [{ ...publication, channels: ["orders"] }, "broadcast"],
        batch: [{ commands: [{ publish: { ...publication, channel: "orders" } }] }, "batch"],
      }[method] as [object, string];
      return (await api(path, params, { "X-API-Key": key })).body;
    };
  /** By what should be one sender. */
  const senders: Readonly<Record<string, readonly Publish[]>> = {
    mallory: [command("mallory"), post("mallory"), emulated("mallory"), command("mallory")],
    ann: [post("ann"), emulated("ann"), command("ann"), command("ann")],
    "anonymous clients of one address": [command(""), command(""), post(""), emulated("")],
    "one key": [apiWith(apiKey, "publish"), apiWith(apiKey, "broadcast"), apiWith(apiKey, "batch")],
    "another key": [apiWith(otherKey, "batch"), apiWith(otherKey, "publish"), apiWith(otherKey, "broadcast")],
    server: [({ key, data }) => server.publish("orders", data as never, { idempotencyKey: key })],
  };
  const log = async () => (await server.history("orders")).publications.map(({ data }) => data);
  return { ...running, senders, log };
}

describe("idempotency key", () => {
  it("is scoped to a sender, across all interfaces of that sender", async () => {
    const { senders, log } = await start();
    const names = Object.keys(senders);
    for (const name of names)
      for (const [n, publish] of (senders[name] ?? []).entries())
        await publish({ key: "order-1", data: { name, n } });
    expect(await log()).toEqual(names.map((name) => ({ name, n: 0 })));
  });

  it("answers a sender's repeat with the first position, whatever others sent with it since", async () => {
    const { senders, log } = await start();
    const [ann] = senders.ann ?? [];
    const first = await ann?.({ key: "k", data: 1 });
    for (const name of ["mallory", "one key", "server"]) await senders[name]?.[0]?.({ key: "k", data: name });
    expect(await ann?.({ key: "k", data: 2 })).toMatchObject(first as object);
    expect(await log()).toEqual([1, "mallory", "one key", "server"]);
  });
});

describe("suppressed map write", () => {
  it("is reported by every interface, uses up its key, and is reported again when repeated", async () => {
    const { url, http, api, server } = await start();
    const sdk = await connectSdk(url, { token: tokenOf({ sub: "ann" }) });
    const map = channelAt(http, "map:a", { Authorization: `Bearer ${tokenOf({ sub: "ben" })}` });
    const rpc = async () =>
      (
        await sdk.rpc("holdfast.publish", {
          channel: "map:a",
          type: 1,
          key: "x",
          removed: true,
          idempotency_key: "k",
        })
      ).data;
    const ways = {
      rpc,
      api: async () =>
        (await api("map_remove", { channel: "map:a", key: "x", idempotency_key: "k" })).body.result,
      http: async () => (await map.remove("key=x", { "Idempotency-Key": "k" })).body,
    };
    await server.publish("map:a", 1 as never, { key: "other" });
    const absent = { offset: 1, suppressed: true, suppress_reason: "key_not_found" };
    const first: Record<string, unknown> = {};
    for (const [name, remove] of Object.entries(ways)) {
      first[name] = await remove();
      expect(first[name], name).toMatchObject(absent);
    }
    expect(await server.remove("map:a", "x", { idempotencyKey: "k" })).toBe(false);
    await server.publish("map:a", 2 as never, { key: "x" });
    for (const [name, remove] of Object.entries(ways)) {
      expect(await remove(), name).toMatchObject({ ...absent, ...(first[name] as object) });
      expect(await server.entry("map:a", "x"), name).toMatchObject({ data: 2 });
    }
    expect(await server.remove("map:a", "x", { idempotencyKey: "k" })).toBe(false);
    expect(await server.publish("map:a", 3 as never, { key: "x", keyMode: "if_new" })).toMatchObject({
      offset: 2,
      suppressed: "key_exists",
    });
  });
});
