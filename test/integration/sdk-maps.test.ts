import { describe, expect, it } from "vitest";
import WsWebSocket from "ws";
import { channel, defineApp, reject } from "../../packages/holdfast/src/index.js";
import {
  type Answer,
  connectSdk,
  createSdk,
  next,
  startApp,
  subscribeSdk,
} from "../../packages/holdfast/test/support/app-server.js";
import { connectByHand, modelOf, subscribeMap } from "../../packages/holdfast/test/support/map-model.js";
import { toJsonLines } from "../../packages/holdfast/test/support/protobuf-oracle.js";
import { until } from "../../packages/holdfast/test/support/server.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";

const all = { subscribe: "all", publish: "all", presence: "all", history: "all" } as const;

const app = defineApp({
  channels: {
    "objects:{room}": channel({ allow: all, kind: "map", tagsFilter: true }),
    "short:{room}": channel({ allow: all, kind: "map", history: { size: 3 } }),
    "passing:{room}": channel({ allow: all, kind: "map", history: false }),
    "soon:{room}": channel({ allow: all, kind: "map", map: { ttl: "1s" } }),
    "scores:{game}": channel({ allow: all, kind: "map", map: { score: "points" } }),
    "ranks:{game}": channel({
      allow: all,
      kind: "map",
      map: { score: (data: unknown) => -(data as { place: number }).place },
    }),
    "patched:{room}": channel({ allow: all, kind: "map", delta: true }),
    "small:{room}": channel({ allow: all, kind: "map", map: { maxKeys: 2 } }),
    "cursors:{room}": channel({ allow: all, kind: "map", map: { keys: "client" } }),
    "profiles:{room}": channel({ allow: all, kind: "map", map: { keys: "user" } }),
    "kept:{room}": channel({ allow: all, kind: "map", publish: ({ data }) => data }),
    "guarded:{room}": channel({
      allow: all,
      kind: "map",
      publish: ({ data, key, user }) => ({ data, key, by: user.id }),
      remove: ({ key, user }) => {
        if (key !== user.id) reject(403, "only your own");
      },
    }),
    "chat:{room}": channel({ allow: all }),
    "$clients:{room}": channel({ allow: all, kind: "map", map: { subscribersOf: "chat:{room}" } }),
    "$users:{room}": channel({ allow: all, kind: "map", map: { subscribersOf: "chat:{room}", by: "user" } }),
  },
});

function linesOf(frame: unknown): string {
  return frame instanceof Uint8Array ? toJsonLines("Command", frame) : String(frame);
}

describe("map", () => {
  it("sends all values, then each change", async () => {
    const { server, url } = await startApp(app);
    await server.publish("objects:a", 1, { key: "x" });
    await server.publish("objects:a", 2, { key: "y" });
    const model = await subscribeMap(await connectSdk(url), "objects:a");
    expect([...model.values]).toEqual([
      ["x", 1],
      ["y", 2],
    ]);
    await model.subscription.publish("z", 3);
    await model.subscription.publish("x", 4);
    await model.subscription.remove("y");
    await until(() => model.updates.length === 3);
    expect(model.updates).toEqual(["z=3", "x=4", "-y"]);
    expect(model.syncs).toBe(1);
    expect(model.subscribed[0]).toMatchObject({ recoverable: true });
  });

  it.each([
    ["a page of the state", 2],
    ["the changes since", 1],
  ])("is complete though the server has ended its reading before %s", async (_name, phase) => {
    const { server, url } = await startApp(app);
    for (let n = 0; n < 150; n++) await server.publish("objects:a", n, { key: `k${n}` });
    const write = async (text: string) => {
      for (let n = 0; n < 150; n++) await server.publish("objects:a", `${text} ${n}`, { key: `k${n}` });
    };
    let steps = 0;
    /** What happens while the client does nothing, as where its page is frozen. */
    const beforeStep = async (next: number) => {
      // So many changes that they come in a step of their own.
      if (++steps === 1 && phase === 1) await write("old");
      if (next !== phase || steps > 2) return;
      await write("new");
      await server.unsubscribe("");
    };
    class Freezing extends WsWebSocket {
      override send(data: Parameters<WsWebSocket["send"]>[0]): void {
        const [, before, after] = /"phase":(\d).*"epoch"|"epoch".*"phase":(\d)/.exec(linesOf(data)) ?? [];
        const next = before ?? after;
        if (next === undefined) super.send(data);
        else void beforeStep(Number(next)).then(() => super.send(data));
      }
    }
    const client = await connectSdk(url, { websocket: Freezing });
    const model = modelOf(client.newMapSubscription("objects:a", { pageSize: 100 }));
    model.subscription.subscribe();
    await model.subscription.ready(5000);
    expect(steps).toBeGreaterThanOrEqual(phase === 1 ? 2 : 1);
    await until(() => [...model.values.values()].every((value) => String(value).startsWith("new")));
    expect(model.values.size).toBe(150);
    expect(model.subscription.state).toBe("subscribed");
  });

  it("is complete for any number of pages and concurrent writes", async () => {
    const { server, url } = await startApp(app);
    const write = (n: number) => server.publish("objects:a", n, { key: `k${(n * 7919) % 1500}` });
    for (let n = 0; n < 1500; n++) await write(n);
    const client = await connectSdk(url);
    let isReading = true;
    let n = 1500;
    const writing = (async () => {
      while (isReading) {
        await write(n++);
        await new Promise(setImmediate);
        if (n % 10 === 0) await server.remove("objects:a", `k${(n * 31) % 1500}`);
      }
    })();
    const model = await subscribeMap(client, "objects:a", { pageSize: 100 });
    isReading = false;
    await writing;
    const expected = new Map<string, Answer>();
    for await (const { key, data } of server.entries("objects:a")) expected.set(key, data);
    await until(() => model.values.size === expected.size);
    await server.publish("objects:a", "end", { key: "end" });
    await until(() => model.values.has("end"));
    model.values.delete("end");
    expect(n).toBeGreaterThan(1500);
    expect(new Map([...model.values].sort())).toEqual(new Map([...expected].sort()));
  });

  it("sends missed changes to returning clients, and all values when those are gone", async () => {
    const { server, url } = await startApp(app);
    await server.publish("short:a", 1, { key: "x" });
    const client = await connectSdk(url);
    const model = await subscribeMap(client, "short:a");
    const interrupt = async (change: () => Promise<unknown>) => {
      const back = next(client, "connecting");
      await server.disconnect("", { code: 3011, reason: "force reconnect" });
      await back;
      await change();
    };
    await interrupt(async () => {
      await server.publish("short:a", 2, { key: "y" });
      await server.remove("short:a", "x");
    });
    await until(() => model.updates.length === 2);
    expect(model.syncs).toBe(1);
    expect(model.subscribed.at(-1)).toMatchObject({ wasRecovering: true, recovered: true });
    await interrupt(async () => {
      for (const n of [3, 4, 5, 6]) await server.publish("short:a", n, { key: `n${n}` });
    });
    await until(() => model.syncs === 2);
    expect([...model.values]).toEqual([
      ["n3", 3],
      ["n4", 4],
      ["n5", 5],
      ["n6", 6],
      ["y", 2],
    ]);
  });

  it("without history sends all values again to returning clients", async () => {
    const { server, url } = await startApp(app);
    await server.publish("passing:a", 1, { key: "x" });
    const client = await connectSdk(url);
    const model = await subscribeMap(client, "passing:a");
    expect(model.subscribed[0]).toMatchObject({ recoverable: false });
    await server.publish("passing:a", 2, { key: "y" });
    await until(() => model.values.size === 2);
    const back = next(client, "connecting");
    await server.disconnect("", { code: 3011, reason: "force reconnect" });
    await back;
    await server.remove("passing:a", "x");
    await until(() => model.syncs === 2);
    expect([...model.values]).toEqual([["y", 2]]);
  });

  it("reports expired keys", async () => {
    const { server, url } = await startApp(app);
    await server.publish("soon:a", 1, { key: "x" });
    const model = await subscribeMap(await connectSdk(url), "soon:a");
    expect(model.values.size).toBe(1);
    await until(() => model.updates.length === 1);
    expect(model.updates).toEqual(["-x"]);
    expect((await server.history("soon:a")).publications.at(-1)).toMatchObject({ key: "x", isRemoved: true });
  });

  it("is ordered by score, descending or ascending, from data or a function", async () => {
    const { server, url } = await startApp(app);
    const points = { ann: 5, bob: 20, cem: 5, dan: 11 };
    for (const [key, value] of Object.entries(points))
      await server.publish("scores:a", { points: value }, { key });
    await server.publish("scores:a", { points: 1 }, { key: "eve", score: 12 });
    const client = await connectSdk(url);
    const model = await subscribeMap(client, "scores:a");
    expect(model.order).toEqual(["bob", "eve", "dan", "ann", "cem"]);
    const hand = await connectByHand(url);
    const { subscribe } = await hand.ask({
      subscribe: { channel: "scores:a", type: 1, phase: 2, asc: true },
    });
    expect(subscribe.state.map(({ key, score }: Answer) => [key, score])).toEqual([
      ["cem", 5],
      ["ann", 5],
      ["dan", 11],
      ["eve", 12],
      ["bob", 20],
    ]);
    await expect(model.subscription.publish("fay", { point: 3 })).rejects.toMatchObject({
      code: 107,
      message: expect.stringContaining("data.points must be a number"),
    });
    for (const place of [3, 1, 2]) await server.publish("ranks:a", { place }, { key: `p${place}` });
    expect((await subscribeMap(client, "ranks:a")).order).toEqual(["p1", "p2", "p3"]);
  });

  it("sends patches per key on request, with multi-byte text", async () => {
    const { server, url } = await startApp(app);
    const text = (n: number) => ({ text: `grüße 🚀 ${"äöü".repeat(200)} ${n} ${"日本".repeat(100)}` });
    await server.publish("patched:a", text(0), { key: "x" });
    const client = await connectSdk(url);
    const model = await subscribeMap(client, "patched:a", { delta: "fossil" });
    const hand = await connectByHand(url);
    const { subscribe } = await hand.ask({
      subscribe: { channel: "patched:a", type: 1, phase: 2, delta: "fossil" },
    });
    expect(subscribe).toMatchObject({ type: 1, delta: true, state: [{ key: "x" }] });
    for (const n of [1, 2]) {
      await server.publish("patched:a", text(n), { key: "x" });
      await server.publish("patched:a", text(n + 10), { key: "y" });
    }
    await server.remove("patched:a", "x");
    await server.publish("patched:a", text(3), { key: "x" });
    await server.publish("patched:a", text(4), { key: "x" });
    await until(() => model.updates.length === 7 && hand.pushes.length === 7);
    expect(model.values).toEqual(
      new Map([
        ["x", text(4)],
        ["y", text(12)],
      ]),
    );
    // The first value of a key is whole, unless the state had one, and so is the one after a removal.
    expect(hand.pushes.map(({ pub }: Answer) => [pub.key, pub.delta === true, pub.removed === true])).toEqual(
      [
        ["x", true, false],
        ["y", false, false],
        ["x", true, false],
        ["y", true, false],
        ["x", false, true],
        ["x", false, false],
        ["x", true, false],
      ],
    );
    expect(hand.pushes[4].pub.data).toBe("null");
  });

  it("keeps patches correct across a reconnect", async () => {
    const { server, url } = await startApp(app);
    const text = (n: number) => `${"x".repeat(300)}${n}${"y".repeat(300)}`;
    await server.publish("patched:a", text(0), { key: "x" });
    const client = await connectSdk(url);
    const model = await subscribeMap(client, "patched:a", { delta: "fossil" });
    await server.publish("patched:a", text(1), { key: "x" });
    await until(() => model.updates.length === 1);
    const back = next(client, "connecting");
    await server.disconnect("", { code: 3011, reason: "force reconnect" });
    await back;
    for (const n of [2, 3, 4]) await server.publish("patched:a", text(n), { key: n === 4 ? "y" : "x" });
    await until(() => model.updates.length === 4);
    for (const n of [5, 6]) await server.publish("patched:a", text(n), { key: n === 5 ? "x" : "y" });
    await until(() => model.updates.length === 6);
    expect(model.syncs).toBe(1);
    expect([...model.values]).toEqual([
      ["x", text(5)],
      ["y", text(6)],
    ]);
  });

  it("applies a tags filter to state and changes", async () => {
    const { server, url } = await startApp(app);
    const publish = (key: string, lang: string) => server.publish("objects:a", key, { key, tags: { lang } });
    await publish("a", "de");
    await publish("b", "en");
    const model = await subscribeMap(await connectSdk(url), "objects:a", {
      tagsFilter: { key: "lang", cmp: "eq", val: "de" },
    });
    await publish("c", "en");
    await publish("d", "de");
    await until(() => model.values.size === 2);
    expect([...model.values.keys()]).toEqual(["a", "d"]);
  });

  it("survives a restart of the server, with its epoch", async () => {
    const data = createTemporaryFolder("maps");
    const first = await startApp(app, { data });
    await first.server.publish("scores:a", { points: 1 }, { key: "ann" });
    await first.server.publish("passing:a", 1, { key: "x" });
    const port = first.port;
    const client = await connectSdk(first.url);
    const model = await subscribeMap(client, "scores:a");
    await first.server.close();
    const second = await startApp(app, { data, port });
    await second.server.publish("scores:a", { points: 2 }, { key: "bob" });
    await until(() => model.values.size === 2);
    expect(model.syncs).toBe(1);
    expect((await subscribeMap(client, "passing:a")).values).toEqual(new Map([["x", 1]]));
  });
});

describe("permission to write in a map", () => {
  it("requires a key and the map type from a client", async () => {
    const { url } = await startApp(app);
    const { ask } = await connectByHand(url);
    const publish = (params: object) => ask({ publish: { data: 1, ...params } });
    const refusals = [
      [{ channel: "objects:a", key: "x" }, 107, "publish with type 1 and a key"],
      [{ channel: "objects:a", type: 1 }, 107, "key is missing"],
      [{ channel: "objects:a", type: 1, key: "" }, 107, "key must have 1 to 255 characters"],
      [{ channel: "chat:a", type: 1, key: "x" }, 107, "is not a map"],
      [{ channel: "chat:a", removed: true }, 107, "removed is for maps only"],
      [{ channel: "$clients:a", type: 1, key: "x" }, 103, "the server maintains this list"],
    ] as const;
    for (const [params, code, words] of refusals)
      expect((await publish(params)).error).toMatchObject({ code, message: expect.stringContaining(words) });
    expect((await publish({ channel: "objects:a", type: 1, key: "x" })).publish).toEqual({});
  });

  it("is limited by the map's number of keys", async () => {
    const { url, errors } = await startApp(app);
    const { subscription } = await subscribeMap(await connectSdk(url), "small:a");
    await subscription.publish("x", 1);
    await subscription.publish("y", 1);
    await expect(subscription.publish("z", 1)).rejects.toMatchObject({ code: 106 });
    await subscription.publish("y", 2);
    expect(errors).toEqual([]);
  });

  it("may be restricted to the key's owner: its connection, or its user", async () => {
    const { url } = await startApp(app);
    const client = await connectSdk(url, { data: { user: "ann" } });
    const id = (await new Promise<Answer>((resolve) => {
      client.once("connected", resolve);
      client.disconnect();
      client.connect();
    })) as { client: string };
    const cursors = await subscribeMap(client, "cursors:a");
    await cursors.subscription.publish("of somebody else", { x: 1 });
    await until(() => cursors.values.size === 1);
    expect([...cursors.values]).toEqual([[id.client, { x: 1 }]]);
    const profiles = await subscribeMap(client, "profiles:a");
    await profiles.subscription.publish("bob", "me");
    await until(() => profiles.values.size === 1);
    expect([...profiles.values]).toEqual([["ann", "me"]]);
    await profiles.subscription.remove("bob");
    await until(() => profiles.values.size === 0);
    const nobody = await subscribeMap(await connectSdk(url), "profiles:a");
    await expect(nobody.subscription.publish("x", 1)).rejects.toMatchObject({ code: 103 });
  });

  it("is decided by the publish and remove hooks", async () => {
    const { url } = await startApp(app);
    const client = await connectSdk(url, { data: { user: "ann" } });
    const guarded = await subscribeMap(client, "guarded:a");
    await guarded.subscription.publish("ann", 1);
    await guarded.subscription.publish("bob", 2);
    await until(() => guarded.values.size === 2);
    expect(guarded.values.get("bob")).toEqual({ data: 2, key: "bob", by: "ann" });
    await guarded.subscription.remove("ann");
    await expect(guarded.subscription.remove("bob")).rejects.toMatchObject({
      code: 403,
      message: "only your own",
    });
    await until(() => guarded.values.size === 1);
    const kept = await subscribeMap(client, "kept:a");
    await kept.subscription.publish("x", 1);
    await expect(kept.subscription.remove("x")).rejects.toMatchObject({ code: 103 });
  });
});

describe("keys of the server's own publications", () => {
  it("are checked like those of clients", async () => {
    const { server } = await startApp(app);
    const refused = { code: "HF_REQUEST_REFUSED", details: { code: 107 } };
    for (const key of ["x".repeat(256), "", "\ud800"]) {
      await expect(server.publish("objects:a", 1, { key })).rejects.toMatchObject(refused);
      await expect(server.publish("chat:a", 1, { idempotencyKey: key })).rejects.toMatchObject(refused);
      await expect(server.remove("objects:a", key)).rejects.toMatchObject(refused);
    }
  });
});

describe("subscribing to a map by hand", () => {
  it("requires the channel's type", async () => {
    const { url } = await startApp(app);
    const { ask } = await connectByHand(url);
    const code = async (params: object) => (await ask({ subscribe: params })).error?.code;
    expect(await code({ channel: "objects:a" })).toBe(103);
    expect(await code({ channel: "objects:a", type: 2, phase: 2 })).toBe(103);
    expect(await code({ channel: "$clients:a", type: 1, phase: 2 })).toBe(103);
    expect(await code({ channel: "$users:a", type: 2, phase: 2 })).toBe(103);
    expect(await code({ channel: "chat:a", type: 1, phase: 2 })).toBe(103);
    expect(await code({ channel: "objects:a", type: 4 })).toBe(108);
    expect(await code({ channel: "objects:a", type: 1, phase: 3 })).toBe(107);
  });

  it("goes page by page, by cursor, through changes, to live", async () => {
    const { server, url } = await startApp(app);
    for (let n = 0; n < 250; n++) await server.publish("objects:a", n, { key: `k${1000 + n}` });
    const { ask, pushes } = await connectByHand(url);
    const step = async (params: object) =>
      (await ask({ subscribe: { channel: "objects:a", type: 1, limit: 100, ...params } })).subscribe;
    const first = await step({ phase: 2 });
    expect(first).toMatchObject({ type: 1, phase: 2, offset: 250, cursor: "0:k1099" });
    expect(first).not.toHaveProperty("recoverable");
    for (let n = 0; n < 700; n++) await server.publish("objects:a", -n, { key: `k${1200 + (n % 50)}` });
    const second = await step({ phase: 2, cursor: first.cursor, offset: 250, epoch: first.epoch });
    const third = await step({ phase: 2, cursor: second.cursor, offset: 250, epoch: first.epoch });
    expect(second.state).toHaveLength(100);
    // Those that are newer than the first page come as changes, of which there are too many to be live at once.
    expect(third).toMatchObject({ phase: 2, offset: 250 });
    expect(third).not.toHaveProperty("state");
    expect(third).not.toHaveProperty("cursor");
    let { offset } = third;
    let pages = 0;
    for (;;) {
      const page = await step({ phase: 1, offset, epoch: first.epoch });
      expect(page.publications[0].offset).toBe(offset + 1);
      expect(page.publications.length).toBeLessThanOrEqual(100);
      offset = page.publications.at(-1).offset;
      expect(page.offset).toBe(offset);
      if (page.phase === undefined) {
        expect(page).toMatchObject({ type: 1, recoverable: true, positioned: true });
        expect(page).not.toHaveProperty("recovered");
        break;
      }
      expect(page).toMatchObject({ type: 1, phase: 1 });
      pages++;
    }
    expect(pages).toBe(6);
    expect(offset).toBe(950);
    await server.publish("objects:a", "live", { key: "x" });
    await until(() => pushes.length === 1);
    expect(pushes[0].pub).toMatchObject({ key: "x", offset: 951 });
  });

  it("refuses unknown and malformed cursors, and reads pages one after the other", async () => {
    const { server, url } = await startApp(app);
    for (let n = 0; n < 150; n++) await server.publish("objects:a", n, { key: `k${n}` });
    const { ask } = await connectByHand(url);
    const step = (params: object) =>
      ask({ subscribe: { channel: "objects:a", type: 1, phase: 2, limit: 100, ...params } });
    expect((await step({ cursor: "0:k1" })).error.code).toBe(112);
    await step({});
    expect((await step({ cursor: "k1" })).error.code).toBe(107);
    const [one, two] = await Promise.all([step({}), step({})]);
    expect(one.subscribe.state).toHaveLength(100);
    expect(two.subscribe).toEqual(one.subscribe);
    expect((await step({ cursor: one.subscribe.cursor })).subscribe.state).toHaveLength(50);
    expect((await step({})).error.code).toBe(105);
  });

  it("answers expired positions and other epochs with 112", async () => {
    const { server, url } = await startApp(app);
    for (let n = 0; n < 10; n++) await server.publish("short:a", n, { key: `k${n}` });
    const { epoch } = (await server.history("short:a")).position;
    const { ask } = await connectByHand(url);
    const code = async (params: object) =>
      (await ask({ subscribe: { type: 1, phase: 1, recover: true, ...params } })).error?.code;
    expect(await code({ channel: "short:a", offset: 3, epoch })).toBe(112);
    expect(await code({ channel: "short:a", offset: 9, epoch: "other" })).toBe(112);
    expect(await code({ channel: "passing:a", offset: 0, epoch: "" })).toBe(112);
    expect(await code({ channel: "short:a", offset: 9, epoch })).toBeUndefined();
  });
});

describe("presence list", () => {
  it("has an entry for each connection, and one for each user that outlives it", async () => {
    const { url } = await startApp(app);
    const watcher = await connectSdk(url);
    const clients = modelOf(watcher.newMapClientsSubscription("$clients:a"));
    const infos: Answer[] = [];
    clients.subscription.on("update", (update) => infos.push(update.info));
    const users = modelOf(watcher.newMapUsersSubscription("$users:a"));
    for (const { subscription } of [clients, users]) {
      subscription.subscribe();
      await subscription.ready(5000);
    }
    const one = await connectSdk(url, { data: { user: "ann", info: { name: "Ann" } } });
    await subscribeSdk(one, "chat:a");
    const two = createSdk(url, { data: { user: "ann" } });
    two.connect();
    const second = await subscribeSdk(two, "chat:a");
    const nobody = await connectSdk(url);
    await subscribeSdk(nobody, "chat:a");
    await subscribeSdk(nobody, "chat:b");
    await until(() => clients.values.size === 3);
    expect(infos[0]).toMatchObject({ user: "ann", connInfo: { name: "Ann" } });
    expect([...users.values.keys()]).toEqual(["ann"]);
    second.unsubscribe();
    await until(() => clients.values.size === 2);
    one.disconnect();
    await until(() => clients.values.size === 1);
    expect([...users.values.keys()]).toEqual(["ann"]);
  });
});
