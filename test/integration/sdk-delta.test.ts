/** Patches (fossil) with each published SDK that knows them: from the first publication whose base the reader has, over broken lines. */
import { describe, expect, it } from "vitest";
import { channel, defineApp } from "../../packages/holdfast/src/index.js";
import { type Answer, startApp } from "../../packages/holdfast/test/support/app-server.js";
import { connectByHand } from "../../packages/holdfast/test/support/map-model.js";
import { createCutSdk, loadSdk } from "../../packages/holdfast/test/support/sdk-versions.js";
import { until } from "../../packages/holdfast/test/support/server.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";

const all = { subscribe: "all", publish: "all", history: "all" } as const;
const app = defineApp({
  channels: {
    "news:{topic}": channel({ allow: all, delta: true }),
    "objects:{room}": channel({ allow: all, kind: "map", delta: true }),
  },
});

const text = (n: number) => ({ text: `${"grüße 🚀 ".repeat(30)}${n}${"日本".repeat(40)}` });
const deltasOf = (pushes: readonly Answer[]) => pushes.map(({ pub }) => pub?.delta === true);

describe("the first publication is a patch", () => {
  it("of the value that a page of a map's state had", async () => {
    const { server, url } = await startApp(app);
    for (let n = 0; n < 150; n++) await server.publish("objects:a", text(n), { key: `k${1000 + n}` });
    const hand = await connectByHand(url);
    const state = { subscribe: { channel: "objects:a", type: 1, phase: 2, limit: 100, delta: "fossil" } };
    const { subscribe: first } = await hand.ask(state);
    await hand.ask({ subscribe: { ...state.subscribe, cursor: first.cursor } });
    for (const key of ["k1000", "k1149", "new"]) await server.publish("objects:a", text(500), { key });
    await until(() => hand.pushes.length === 3);
    expect(deltasOf(hand.pushes)).toEqual([true, true, false]);
  });

  it("of the publication that was recovered, though the node has just begun to read the channel", async () => {
    const data = createTemporaryFolder("delta");
    const before = await startApp(app, { data });
    for (const n of [1, 2, 3]) await before.server.publish("news:a", text(n));
    for (const n of [1, 2]) await before.server.publish("objects:a", text(n), { key: "x" });
    const { epoch } = (await before.server.history("news:a", { limit: 0 })).position;
    const { epoch: ofMap } = (await before.server.history("objects:a", { limit: 0 })).position;
    await before.server.close();
    const { server, url } = await startApp(app, { data });
    const hand = await connectByHand(url);
    const position = { recover: true, offset: 1, delta: "fossil" };
    const { subscribe } = await hand.ask({ subscribe: { channel: "news:a", epoch, ...position } });
    expect(subscribe.publications.map(({ delta }: Answer) => delta === true)).toEqual([false, true]);
    await hand.ask({ subscribe: { channel: "objects:a", type: 1, phase: 1, epoch: ofMap, ...position } });
    await server.publish("news:a", text(4));
    await server.publish("objects:a", text(3), { key: "x" });
    await until(() => hand.pushes.length === 2);
    expect(deltasOf(hand.pushes)).toEqual([true, true]);
  });

  it("but not of a value that was removed, or published again, while the state was read", async () => {
    const { server, url } = await startApp(app);
    for (let n = 0; n < 150; n++) await server.publish("objects:a", text(n), { key: `k${1000 + n}` });
    const hand = await connectByHand(url);
    const state = { subscribe: { channel: "objects:a", type: 1, phase: 2, limit: 100, delta: "fossil" } };
    const { subscribe: first } = await hand.ask(state);
    await server.remove("objects:a", "k1000");
    await server.publish("objects:a", text(600), { key: "k1001" });
    await hand.ask({ subscribe: { ...state.subscribe, cursor: first.cursor } });
    await server.publish("objects:a", text(700), { key: "k1000" });
    await server.publish("objects:a", text(701), { key: "k1001" });
    await until(() => hand.pushes.length === 2);
    expect(deltasOf(hand.pushes)).toEqual([false, true]);
  });
});

describe.each([
  ["centrifuge-5.3.5", "json"],
  ["centrifuge-5.3.5", "protobuf"],
  ["centrifuge-5.7.4", "json"],
  ["centrifuge-5.7.4", "protobuf"],
  ["centrifuge", "json"],
  ["centrifuge", "protobuf"],
] as const)("%s with %s", (name, encoding) => {
  it("decodes every patch of a channel, though its line breaks", async () => {
    const { server, url } = await startApp(app);
    const sdk = await loadSdk(name, encoding);
    const { client, cut } = createCutSdk(sdk, url);
    const errors: unknown[] = [];
    client.on("error", (error: unknown) => errors.push(error));
    const received: unknown[] = [];
    const subscription = client.newSubscription("news:a", { delta: "fossil" });
    subscription.on("publication", ({ data }: Answer) => received.push(sdk.decode(data)));
    subscription.subscribe();
    client.connect();
    await subscription.ready(10_000);
    const sent: unknown[] = [];
    for (let n = 0; n < 60; n++) {
      sent.push(text(n));
      await server.publish("news:a", text(n));
      if (n % 7 === 3) cut();
      if (n % 7 === 5) await until(() => received.length === sent.length);
    }
    await until(() => received.length === sent.length);
    expect(received).toEqual(sent);
    expect(errors.filter((error) => /checksum|delta/i.test(JSON.stringify(error)))).toEqual([]);
  });
});

it.each([
  ["centrifuge-5.7.4", "json"],
  ["centrifuge-5.7.4", "protobuf"],
  ["centrifuge", "json"],
  ["centrifuge", "protobuf"],
] as const)(
  "%s with %s decodes every patch of a map, the first included, though its line breaks",
  async (name, encoding) => {
    const { server, url } = await startApp(app);
    const sdk = await loadSdk(name, encoding);
    for (const key of ["a", "b"]) await server.publish("objects:a", text(0), { key });
    const { client, cut } = createCutSdk(sdk, url);
    const values = new Map<string, unknown>();
    const subscription = client.newMapSubscription("objects:a", { delta: "fossil" });
    subscription.on("sync", ({ entries }: Answer) => {
      for (const { key, data } of entries) values.set(key, sdk.decode(data));
    });
    subscription.on("update", ({ key, data }: Answer) => values.set(key, sdk.decode(data)));
    subscription.subscribe();
    client.connect();
    await subscription.ready(10_000);
    for (const key of ["a", "b"]) await server.publish("objects:a", text(1), { key });
    await until(() => subscription.deltaStats().numPublications === 4);
    expect(subscription.deltaStats()).toMatchObject({ numFullPayloads: 2, numDeltaPayloads: 2 });
    for (let n = 2; n < 40; n++) {
      await server.publish("objects:a", text(n), { key: n % 2 === 0 ? "a" : "b" });
      if (n % 7 === 3) cut();
      if (n % 7 === 5) await until(() => JSON.stringify([...values.values()]).includes(`${n}日`));
    }
    await until(
      () =>
        JSON.stringify([...values]) ===
        JSON.stringify([
          ["a", text(38)],
          ["b", text(39)],
        ]),
    );
  },
);
