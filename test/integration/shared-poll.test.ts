/** Polled channels, whose clients track keys, with the published SDK in both encodings. */
import { createHash, createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  channel,
  defineApp,
  type PollItem,
  type PollOptions,
  type ServerOptions,
} from "../../packages/holdfast/src/index.js";
import { type Answer, startApp } from "../../packages/holdfast/test/support/app-server.js";
import { connectByHand } from "../../packages/holdfast/test/support/map-model.js";
import {
  createCutSdk,
  loadSdk,
  type SdkEncoding,
} from "../../packages/holdfast/test/support/sdk-versions.js";
import { until } from "../../packages/holdfast/test/support/server.js";

const pollSecret = "test-poll-secret";
const name = "poll:a";

function sign(keys: readonly string[], { user = "", at = name, ttl = 3600, join = "\0" } = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const hash = createHash("sha256").update(keys.join("\0")).digest("hex");
  const text = [now, now + ttl, user, at, hash].join(join);
  return `${now}:${now + ttl}:${createHmac("sha256", pollSecret).update(text).digest("hex")}`;
}

/** An application whose values a test sets. */
async function start(
  options: Partial<PollOptions> & { readonly payload?: "binary" } = {},
  serverOptions: ServerOptions = {},
) {
  const values = new Map<string, Omit<PollItem, "key">>();
  const asked: (readonly string[])[] = [];
  const { payload, ...others } = options;
  const answer = (keys: readonly string[]): PollItem[] => {
    asked.push([...keys].sort());
    return keys.flatMap((key) => (values.has(key) ? [{ key, ...values.get(key) }] : []));
  };
  const poll = { secret: pollSecret, interval: 30, ...(!others.url && { fetch: answer }), ...others };
  const started = await startApp(
    defineApp({
      channels: {
        "poll:{name}": channel({
          allow: { subscribe: "all" },
          delta: payload === undefined,
          poll,
          ...(payload && { payload }),
        }),
        "plain:{name}": channel({ allow: { subscribe: "all", publish: "all" } }),
      },
    }),
    serverOptions,
  );
  return { ...started, values, asked, answer };
}

const track = (keys: readonly string[], versions: readonly number[] = [], signature = sign(keys)) => ({
  sub_refresh: {
    channel: name,
    type: 1,
    track: [{ signature, items: keys.map((key, i) => ({ key, version: versions[i] ?? 0 })) }],
  },
});

async function subscribeByHand(url: string, fields = {}) {
  const hand = await connectByHand(url);
  const { subscribe, error } = await hand.ask({ subscribe: { channel: name, type: 4, ...fields } });
  return { ...hand, subscribe, error };
}

describe.each(["json", "protobuf"] as const)("the SDK with %s", (encoding: SdkEncoding) => {
  async function open(url: string, options = {}) {
    const sdk = await loadSdk("centrifuge", encoding);
    const { client, cut } = createCutSdk(sdk, url);
    const updates: Answer[] = [];
    const errors: Answer[] = [];
    const subscription = client.newSharedPollSubscription(name, {
      getSignature: async ({ keys }: { keys: string[] }) => ({ keys, signature: sign(keys) }),
      ...options,
    });
    subscription.on("update", (update: Answer) => {
      updates.push({
        key: update.key,
        ...(update.removed ? { removed: true } : { version: update.version, data: sdk.decode(update.data) }),
      });
    });
    subscription.on("error", (error: Answer) => errors.push(error));
    subscription.subscribe();
    client.connect();
    await subscription.ready(10_000);
    return { subscription, updates, errors, cut };
  }

  it("gets the values of tracked keys, newer ones, and removals", async () => {
    const { url, values } = await start();
    values.set("a", { data: { n: 1 }, version: 3 });
    const { subscription, updates } = await open(url);
    await subscription.track(["a", "b"]);
    await until(() => updates.length === 1);
    values.set("b", { data: { n: 2 }, version: 1 });
    await until(() => updates.length === 2);
    values.set("a", { data: { n: 3 }, version: 4 });
    await until(() => updates.length === 3);
    values.set("b", { removed: true });
    await until(() => updates.length === 4);
    expect(updates).toEqual([
      { key: "a", version: 3, data: { n: 1 } },
      { key: "b", version: 1, data: { n: 2 } },
      { key: "a", version: 4, data: { n: 3 } },
      { key: "b", removed: true },
    ]);
    expect(subscription.trackedKeys().has("b")).toBe(false);
  });

  it("gets no value that it has, and after a cut line what it has missed", async () => {
    const { url, values } = await start();
    values.set("a", { data: 5, version: 5 });
    const { subscription, updates, cut } = await open(url);
    await subscription.track([{ key: "a", version: 5 }], sign(["a"]));
    values.set("a", { data: 6, version: 6 });
    await until(() => updates.length === 1);
    expect(updates).toEqual([{ key: "a", version: 6, data: 6 }]);
    values.set("a", { data: 7, version: 7 });
    cut();
    await until(() => updates.length === 2);
    expect(updates[1]).toEqual({ key: "a", version: 7, data: 7 });
  });

  it("decodes patches, though its line breaks", async () => {
    const { url, values } = await start();
    const text = (n: number) => `${"grüße 🚀 ".repeat(30)}${n}${"日本".repeat(40)}`;
    values.set("a", { data: text(1), version: 1 });
    const { subscription, updates, cut, errors } = await open(url, { delta: "fossil" });
    await subscription.track(["a"]);
    for (let version = 1; version <= 6; version++) {
      values.set("a", { data: text(version), version });
      await until(() => updates.at(-1)?.version === version);
      if (version === 3) cut();
    }
    expect(updates.at(-1)?.data).toBe(text(6));
    const { numFullPayloads, numDeltaPayloads } = subscription.deltaStats();
    // Whole at first, and after the line was cut.
    expect([numFullPayloads, numDeltaPayloads]).toEqual([2, 4]);
    expect(errors).toEqual([]);
  });

  it("gets versions and an epoch of eight characters where values have none", async () => {
    const { url, values } = await start({ versions: false });
    values.set("a", { data: "x" });
    const { subscription, updates } = await open(url);
    expect(subscription._sharedPollEpoch).toHaveLength(8);
    await subscription.track(["a"]);
    await until(() => updates.length === 1);
    values.set("a", { data: "y" });
    await until(() => updates.length === 2);
    expect(updates.map(({ version, data }) => [version, data])).toEqual([
      [1, "x"],
      [2, "y"],
    ]);
  });

  it("is told that a signature is wrong", async () => {
    const { url } = await start();
    const { subscription, errors } = await open(url);
    await subscription.track([{ key: "a", version: 0 }], "invalid-signature");
    await until(() => errors.length > 0);
    expect(errors[0]).toMatchObject({ type: "track", error: { code: 103 } });
  });
});

describe("polling", () => {
  it("asks for the union of all tracked keys, once per interval, and for none that nobody tracks", async () => {
    const { url, values, asked } = await start({ interval: "1m" });
    for (const key of ["a", "b", "c"]) values.set(key, { data: key, version: 1 });
    const one = await subscribeByHand(url);
    await one.ask(track(["a", "b"]));
    await until(() => one.pushes.length === 2);
    const two = await subscribeByHand(url);
    // What is known is in the reply; what is not is asked for at once.
    const { sub_refresh } = await two.ask(track(["b", "c"]));
    expect(sub_refresh.items).toEqual([{ key: "b", data: "b", version: 1 }]);
    await until(() => two.pushes.length === 1);
    expect(two.pushes).toMatchObject([{ channel: name, pub: { key: "c", data: "c", version: 1 } }]);
    expect(asked).toEqual([["a", "b"], ["c"]]);
  });

  it("goes on with what is left when keys are untracked, clients unsubscribe, or lines break", async () => {
    const { url, values, asked, server } = await start();
    for (const key of ["a", "b", "c", "d"]) values.set(key, { data: 1, version: 1 });
    const one = await subscribeByHand(url);
    const two = await subscribeByHand(url);
    await one.ask(track(["a", "b"]));
    await two.ask(track(["c", "d"]));
    await one.ask({ sub_refresh: { channel: name, type: 2, untrack: ["a"] } });
    await until(() => asked.at(-1)?.join() === "b,c,d");
    await one.ask({ unsubscribe: { channel: name } });
    await until(() => asked.at(-1)?.join() === "c,d");
    expect((await one.ask(track(["a"]))).error).toMatchObject({ code: 103 });
    two.socket.terminate();
    await until(() => server.stats().connections === 1);
    const count = asked.length;
    const three = await subscribeByHand(url);
    await three.ask(track(["a"]));
    await until(() => asked.length > count);
    expect(asked.slice(count + 1).every((keys) => keys.join() === "a")).toBe(true);
  });

  it("takes all batches or none, and drops keys in the same command that are untracked", async () => {
    const { url, values, asked } = await start();
    for (const key of ["a", "b"]) values.set(key, { data: 1, version: 1 });
    const hand = await subscribeByHand(url);
    const good = track(["a"]).sub_refresh.track;
    const mixed = [...good, ...track(["b"], [], sign(["b"], { user: "x" })).sub_refresh.track];
    expect((await hand.ask({ sub_refresh: { channel: name, type: 1, track: mixed } })).error.code).toBe(103);
    const both = { ...track(["a", "b"]).sub_refresh, untrack: ["b"] };
    expect((await hand.ask({ sub_refresh: both })).sub_refresh).toEqual({ expires: true, ttl: 3600 });
    await until(() => hand.pushes.length === 1);
    expect(asked.every((keys) => keys.join() === "a")).toBe(true);
  });

  it.each([
    ["of another user", { user: "ann" }, 103],
    ["for another channel", { at: "poll:b" }, 103],
    ["that expired long ago", { ttl: -60 }, 109],
    ["with colons, as older back ends make them", { join: ":" }, undefined],
  ])("judges a signature %s", async (_name, how, code) => {
    const { url } = await start();
    const hand = await subscribeByHand(url);
    const { error } = await hand.ask(track(["a"], [], sign(["a"], how)));
    expect(error?.code).toBe(code);
  });

  it("bounds the keys of a client, and of all", async () => {
    const { url } = await start({ maxClientKeys: 2, maxKeys: 3 });
    const one = await subscribeByHand(url);
    const two = await subscribeByHand(url);
    expect((await one.ask(track(["a", "b", "c"]))).error).toMatchObject({ code: 106 });
    expect((await one.ask(track(["a", "b"]))).error).toBeUndefined();
    expect((await one.ask(track(["c"]))).error).toMatchObject({ code: 106 });
    expect((await two.ask(track(["c", "d"]))).error).toMatchObject({ code: 106 });
    expect((await two.ask(track(["b", "c"]))).error).toBeUndefined();
  });

  it("bounds the keys of all clients and channels, until they untrack, unsubscribe or leave", async () => {
    const { url } = await start({}, { maxTrackedKeys: 3 });
    const [one, two] = [await subscribeByHand(url), await subscribeByHand(url)];
    expect((await one.ask(track(["a", "b"]))).error).toBeUndefined();
    const { error } = await two.ask(track(["c", "d"]));
    expect(error).toMatchObject({ code: 111, temporary: true });
    expect(error.message).toContain("the limit of 3 tracked keys is reached (maxTrackedKeys)");
    // Refused whole; what was there before goes on.
    expect((await two.ask(track(["c"]))).error).toBeUndefined();
    expect((await one.ask(track(["a", "b"]))).error).toBeUndefined();
    const refused = async () => (await two.ask(track(["d", "e"]))).error?.code === 111;
    expect(await refused()).toBe(true);
    await one.ask({ sub_refresh: { channel: name, type: 1, untrack: ["a", "b"] } });
    expect(await refused()).toBe(false);
    expect((await one.ask(track(["f"]))).error).toMatchObject({ code: 111 });
    await two.ask({ unsubscribe: { channel: name } });
    expect((await one.ask(track(["f", "g", "h"]))).error).toBeUndefined();
    const three = await subscribeByHand(url);
    expect((await three.ask(track(["i"]))).error).toMatchObject({ code: 111 });
    one.socket.close();
    await until(async () => (await three.ask(track(["i", "j", "k"]))).error === undefined);
  });

  it("reports what the application does wrong, and goes on", async () => {
    const { url, values, errors } = await start({ maxBytes: 2000 });
    values.set("a", { data: "no version" });
    values.set("b", { data: "x".repeat(3000), version: 1 });
    const hand = await subscribeByHand(url);
    await hand.ask(track(["a", "b"]));
    await until(() => errors.length >= 2);
    expect(errors.map(String).join()).toMatch(
      /"a" in poll:a: no version.*"b" in poll:a: not taken, since it does not fit/s,
    );
    values.set("a", { data: 1, version: 1 });
    await until(() => hand.pushes.length === 1);
  });

  it("is over HTTP where the channel has a url", async () => {
    const requests: Answer[] = [];
    const backend = createServer((request, response) => {
      let body = "";
      request.on("data", (part) => {
        body += part;
      });
      request.on("end", () => {
        requests.push({ authorization: request.headers.authorization, ...JSON.parse(body) });
        const items = [{ key: "a", data: { n: 1 }, version: 2 }];
        response.end(JSON.stringify({ result: { items } }));
      });
    });
    await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void backend.close());
    const { port } = backend.address() as AddressInfo;
    const { url } = await start({ url: `http://127.0.0.1:${port}/`, headers: { authorization: "key" } });
    const hand = await subscribeByHand(url);
    await hand.ask(track(["a"]));
    await until(() => hand.pushes.length === 1 && requests.length > 1);
    expect(hand.pushes[0].pub).toEqual({ key: "a", data: { n: 1 }, version: 2 });
    expect(requests.slice(0, 2)).toEqual([
      { authorization: "key", channel: name, items: [{ key: "a", version: 0 }] },
      { authorization: "key", channel: name, items: [{ key: "a", version: 2 }] },
    ]);
  });

  it("is helped by shared_poll_publish, which other channels refuse", async () => {
    const { url, api, values } = await start({ interval: "1m" });
    values.set("a", { data: 1, version: 1 });
    const hand = await subscribeByHand(url);
    await hand.ask(track(["a"]));
    await until(() => hand.pushes.length === 1);
    const publish = (fields: object) =>
      api("shared_poll_publish", { channel: name, key: "a", data: 2, ...fields });
    expect((await publish({ version: 2 })).body).toEqual({ result: {} });
    await until(() => hand.pushes.length === 2);
    expect(hand.pushes[1].pub).toEqual({ key: "a", data: 2, version: 2 });
    expect((await publish({})).body.error).toMatchObject({ code: 107 });
    expect((await publish({ version: 3, channel: "plain:a" })).body.error).toMatchObject({ code: 107 });
    expect((await api("publish", { channel: name, data: 1 })).body.error).toMatchObject({ code: 107 });
  });

  it("asks for the right type of subscription", async () => {
    const { url } = await start();
    const hand = await connectByHand(url);
    expect((await hand.ask({ subscribe: { channel: name } })).error).toMatchObject({ code: 107 });
    const plain = { channel: "plain:a", type: 4 };
    expect((await hand.ask({ subscribe: plain })).error).toMatchObject({ code: 108 });
    expect((await hand.ask({ subscribe: { channel: name, type: 4 } })).subscribe).toEqual({ type: 4 });
  });

  it("carries bytes where the channel does", async () => {
    const { url, values } = await start({ payload: "binary" });
    values.set("a", { data: Uint8Array.of(1, 2, 255), version: 1 });
    const hand = await subscribeByHand(url);
    await hand.ask(track(["a"]));
    await until(() => hand.pushes.length === 1);
    expect(hand.pushes[0].pub.data).toBe("AQL/");
  });
});
