/** The steps of a map's subscription, one by one: what each keeps, and what becomes of it when the client does otherwise. */
import { describe, expect, it } from "vitest";
import { channel, defineApp } from "../../packages/holdfast/src/index.js";
import { type Answer, startApp } from "../../packages/holdfast/test/support/app-server.js";
import { connectByHand } from "../../packages/holdfast/test/support/map-model.js";
import { until } from "../../packages/holdfast/test/support/server.js";

const all = { subscribe: "all", publish: "all", presence: "all", history: "all" } as const;
const app = defineApp({
  channels: {
    "map:{name}": channel({ allow: all, kind: "map", tagsFilter: true, delta: true }),
    "other:{name}": channel({ allow: all, kind: "map" }),
    "plain:{name}": channel({ allow: all }),
    "passing:{name}": channel({ allow: all, kind: "map", history: false }),
    "few:{name}": channel({ allow: all, kind: "map", history: { size: 2 } }),
  },
});

async function start(options: Parameters<typeof startApp>[1] = {}) {
  const { server, url, errors } = await startApp(app, options);
  for (let n = 0; n < 150; n++)
    await server.publish("map:a", `${"x".repeat(100)}${n}`, {
      key: `k${1000 + n}`,
      tags: { even: `${n % 2}` },
    });
  const hand = await connectByHand(url);
  const step = async (params: object, name = "map:a"): Promise<Answer> => {
    const { subscribe, error } = await hand.ask({
      subscribe: { channel: name, type: 1, phase: 2, limit: 100, ...params },
    });
    return subscribe ?? error;
  };
  return { server, url, errors, hand, step };
}

describe("map subscription steps", () => {
  it("leave nothing behind once it is live", async () => {
    const { server, step, hand } = await start();
    const { cursor } = await step({});
    expect(server.stats()).toMatchObject({ channels: 1, subscriptions: 0 });
    const { deadlines } = server.stats();
    expect(await step({ cursor })).toMatchObject({ type: 1, recoverable: true });
    expect(server.stats()).toMatchObject({ channels: 1, subscriptions: 1, deadlines: deadlines - 1 });
    await hand.ask({ unsubscribe: { channel: "map:a" } });
    expect(server.stats()).toMatchObject({ channels: 0, subscriptions: 0 });
  });

  it("end on unsubscribe, and with the connection", async () => {
    const { server, step, hand } = await start();
    const { cursor } = await step({});
    await hand.ask({ unsubscribe: { channel: "map:a" } });
    expect(server.stats().channels).toBe(0);
    expect(await step({ cursor })).toMatchObject({ code: 112 });
    await step({});
    expect(server.stats().channels).toBe(1);
    hand.socket.terminate();
    await until(() => server.stats().connections === 0);
    expect(server.stats()).toMatchObject({ channels: 0, deadlines: 0 });
  });

  it("end when the server unsubscribes the client, of the channel or of all", async () => {
    const { server, step, hand } = await start();
    for (const channel of ["map:a", undefined] as const) {
      const { cursor } = await step({});
      await server.unsubscribe("", channel);
      await until(() => hand.pushes.length > 0);
      expect(hand.pushes.pop()).toMatchObject({ channel: "map:a", unsubscribe: { code: 2000 } });
      expect(await step({ cursor })).toMatchObject({ code: 112 });
    }
    expect(server.stats().channels).toBe(0);
  });

  it("each follow the channel's rules", async () => {
    const { server, step } = await start();
    for (let n = 0; n < 150; n++) await server.publish("other:a", n, { key: `k${n}` });
    const { cursor } = await step({}, "other:a");
    const tf = { key: "even", cmp: "eq", val: "1" };
    expect(await step({ cursor, tf }, "other:a")).toMatchObject({ code: 107 });
  });

  it("count toward the subscription limit", async () => {
    const { step, hand } = await start({ maxConnectionChannels: 1 });
    await step({});
    const { error } = await hand.ask({ subscribe: { channel: "plain:a" } });
    expect(error).toMatchObject({ code: 106 });
  });

  it("send no patches to a client that starts in the middle, since it has no base", async () => {
    const { server, url, step, hand } = await start();
    const other = await connectByHand(url);
    await other.ask({ subscribe: { channel: "map:a", type: 1, phase: 2, delta: "fossil" } });
    expect(await step({ phase: 0, delta: "fossil" })).toMatchObject({ type: 1, delta: true });
    const text = (n: number) => `${"y".repeat(200)}${n}`;
    for (let n = 0; n < 3; n++) await server.publish("map:a", text(n), { key: "k1000" });
    await until(() => hand.pushes.length === 3 && other.pushes.length === 3);
    expect(hand.pushes.map(({ pub }: Answer) => pub.delta)).toEqual([undefined, undefined, undefined]);
    expect(other.pushes.at(-1).pub.delta).toBe(true);
  });

  it("count toward the connection's channels", async () => {
    const { step } = await start({ maxConnectionChannels: 1 });
    const { cursor } = await step({});
    expect(await step({}, "other:a")).toMatchObject({ code: 106 });
    expect(await step({ cursor })).toMatchObject({ type: 1 });
  });

  it("of changes end at the head seen by the first of them, whatever is appended", async () => {
    const { server, step, hand } = await start();
    const { cursor, offset: start150, epoch } = await step({});
    for (let n = 0; n < 150; n++) await server.publish("map:a", n, { key: "new" });
    expect(await step({ cursor })).toMatchObject({ phase: 2 });
    const first = await step({ phase: 1, offset: start150, epoch });
    expect(first).toMatchObject({ phase: 1, offset: 250 });
    for (let n = 0; n < 100; n++) await server.publish("map:a", n, { key: "newer" });
    const second = await step({ phase: 1, offset: 250, epoch });
    expect(second).not.toHaveProperty("phase");
    expect(second.publications).toHaveLength(100);
    // What lies beyond comes as live.
    await until(() => hand.pushes.length === 50);
    expect(hand.pushes.map(({ pub }: Answer) => pub.offset)).toEqual(
      Array.from({ length: 50 }, (_, i) => second.offset + 1 + i),
    );
  });

  it("refuse another epoch in the middle", async () => {
    const { step } = await start();
    const { offset, cursor } = await step({});
    expect(cursor).toBeDefined();
    expect(await step({ phase: 1, offset, epoch: "another" })).toMatchObject({ code: 112 });
    expect(await step({ cursor })).toMatchObject({ code: 112 });
  });

  it("continue from their position, though the server unsubscribed the client in between", async () => {
    const { server, step } = await start();
    const { cursor, offset, epoch } = await step({});
    for (let n = 0; n < 150; n++) await server.publish("map:a", n, { key: "new" });
    expect(await step({ cursor })).toMatchObject({ phase: 2 });
    await server.unsubscribe("", "map:a");
    const page = await step({ phase: 1, offset, epoch });
    expect(page).toMatchObject({ phase: 1, offset: offset + 100 });
    expect(page.publications).toHaveLength(100);
    expect((await step({ phase: 1, offset: offset + 100, epoch })).publications).toHaveLength(50);
  });

  it("at an expired position are answered with 112, and never live at the head", async () => {
    const { server, step } = await start();
    for (let n = 0; n < 5; n++) await server.publish("few:a", n, { key: `k${n}` });
    const { epoch } = (await server.history("few:a", { limit: 0 })).position;
    for (const phase of [0, 1])
      for (const params of [{ offset: 1, epoch }, { offset: 1 }, { epoch }, { offset: 9, epoch }])
        expect(await step({ phase, ...params }, "few:a")).toMatchObject({ code: 112 });
    // From the beginning, as clients leave out an offset of 0.
    expect(await step({ phase: 1 }, "few:a")).toMatchObject({ code: 112 });
    expect((await step({ phase: 0, offset: 4, epoch }, "few:a")).publications).toHaveLength(1);
  });

  it("apply the tags filter in every page, and send no patch before live", async () => {
    const { server, step } = await start();
    const tf = { key: "even", cmp: "eq", val: "1" };
    const { state, offset, epoch, cursor } = await step({ tf });
    expect(state).toHaveLength(50);
    for (let n = 0; n < 150; n++) await server.publish("map:a", n, { key: "n", tags: { even: `${n % 2}` } });
    await step({ tf, cursor });
    const page = await step({ tf, phase: 1, offset, epoch });
    expect(page.publications).toHaveLength(50);
    const other = await step({ phase: 1, offset, epoch, delta: "fossil", recover: true });
    expect(other.phase).toBe(1);
    for (const { data, delta } of other.publications) {
      expect(delta).toBeUndefined();
      expect(data).toBeTypeOf("string");
    }
  });

  it("have full values in every page when the channel has no patches, though requested", async () => {
    const { server, step } = await start();
    for (let n = 0; n < 150; n++) await server.publish("other:a", { n }, { key: `k${1000 + n}` });
    const wish = { delta: "fossil" };
    const { state, offset, epoch } = await step(wish, "other:a");
    expect(state[0].data).toEqual({ n: 0 });
    for (let n = 0; n < 250; n++) await server.publish("other:a", { n }, { key: "k1000" });
    const page = await step({ ...wish, phase: 1, offset, epoch }, "other:a");
    expect(page).toMatchObject({ phase: 1 });
    expect(page.publications[0].data).toEqual({ n: 0 });
    // A tags filter goes before patches.
    const tf = { key: "even", cmp: "nex" };
    const filtered = await step({ ...wish, tf }, "map:a");
    expect(filtered).not.toHaveProperty("state");
    for (let n = 0; n < 150; n++) await server.publish("map:a", { n }, { key: "k1" });
    const { publications } = await step(
      { ...wish, tf, phase: 1, offset: filtered.offset, epoch: filtered.epoch },
      "map:a",
    );
    expect(publications[0].data).toEqual({ n: 0 });
  });

  it("send full values until the client has all of them, though patches are requested", async () => {
    const { server, url, step, hand } = await start();
    const wish = { delta: "fossil" };
    // Somebody is there already for whom values are kept.
    const other = await connectByHand(url);
    await other.ask({ subscribe: { channel: "map:a", type: 1, phase: 2, ...wish } });
    const { cursor, offset, epoch } = await step(wish);
    const text = (n: number) => `${"y".repeat(200)}${n}`;
    // A key of the second page: what it has now will not be in that page.
    for (let n = 0; n < 250; n++) await server.publish("map:a", text(n), { key: "k1149" });
    const { state } = await step({ ...wish, cursor });
    expect(state.map(({ key }: Answer) => key)).not.toContain("k1149");
    const live = await step({ ...wish, phase: 0, offset, epoch });
    expect(live).toMatchObject({ delta: true });
    await until(() => live.publications.length + hand.pushes.length >= 250);
    const texts = [...live.publications, ...hand.pushes.map(({ pub }: Answer) => pub)];
    expect(texts[0]).toMatchObject({ key: "k1149", data: JSON.stringify(text(0)) });
    expect(texts[0].delta).toBeUndefined();
    for (const { pub } of hand.pushes) expect(pub.delta).toBeUndefined();
    await server.publish("map:a", text(1000), { key: "k1149" });
    await until(() => hand.pushes.at(-1).pub.offset === 401);
    expect(hand.pushes.at(-1).pub.delta).toBe(true);
    await until(() => other.pushes.length === 251);
    expect(other.pushes.filter(({ pub }: Answer) => pub.delta)).toHaveLength(250);
  });
});

describe("clearing a map", () => {
  it("removes keys of every page, and publishes each removal", async () => {
    const { server, hand, step } = await start();
    for (let n = 0; n < 2500; n++) await server.publish("other:a", n, { key: `k${n}` });
    const { state } = await step({ limit: 1000 }, "other:a");
    expect(state).toHaveLength(1000);
    await server.clear("other:a");
    for await (const { key } of server.entries("other:a")) expect(key).toBeUndefined();
    expect((await server.history("other:a", { limit: 0 })).position.offset).toBe(5000);
    expect(hand.pushes).toEqual([]);
  });

  it("keeps readers subscribed, though nothing is kept to reread", async () => {
    const { server, hand, step } = await start();
    for (let n = 0; n < 2000; n++) await server.publish("passing:a", n, { key: `k${n}` });
    let cursor: string | undefined;
    do cursor = (await step({ limit: 1000, ...(cursor && { cursor }) }, "passing:a")).cursor;
    while (cursor);
    await server.clear("passing:a");
    await until(() => hand.pushes.length >= 2000);
    expect(hand.pushes.every(({ pub }: Answer) => pub?.removed)).toBe(true);
  });
});
