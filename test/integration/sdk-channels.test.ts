/** Ways to read a channel, as the published SDK uses them: tags filters, patches, recovery, history by pages, joins. */
import type { PublicationContext } from "centrifuge";
import { describe, expect, it } from "vitest";
import { channel, defineApp } from "../../packages/holdfast/src/index.js";
import {
  type Answer,
  connectSdk,
  next,
  startApp,
  subscribeSdk,
} from "../../packages/holdfast/test/support/app-server.js";
import { RawClient, textFrame, until } from "../../packages/holdfast/test/support/server.js";

const all = { subscribe: "all", publish: "all", presence: "all", history: "all" } as const;

const app = defineApp({
  channels: {
    "news:{topic}": channel({ allow: all, tagsFilter: true, delta: true }),
    "plain:{topic}": channel({ allow: all }),
    "short:{topic}": channel({ allow: all, history: { size: 2 } }),
    "cache:{topic}": channel({ allow: all, recoveryMode: "cache", tagsFilter: true }),
    "wish:{topic}": channel({ allow: all, recovery: "allow" }),
    "never:{topic}": channel({ allow: all, recovery: "off" }),
    "told:{topic}": channel({ allow: all, joinLeave: "force", presence: true }),
    "quiet:{topic}": channel({ allow: all, joinLeave: true, presence: true }),
  },
});

function collect(source: {
  on(event: "publication", listener: (context: PublicationContext) => void): unknown;
}) {
  const received: PublicationContext[] = [];
  source.on("publication", (publication) => received.push(publication));
  return received;
}

describe("tags filter", () => {
  const german = { key: "lang", cmp: "eq", val: "de" } as const;

  it("passes matching publications, live and recovered, and offsets continue", async () => {
    const { url, server } = await startApp(app);
    const client = await connectSdk(url);
    const subscription = await subscribeSdk(client, "news:a", { tagsFilter: german });
    const received = collect(subscription);
    const publish = (n: number, lang: string) => server.publish("news:a", n, { tags: { lang } });
    await publish(1, "de");
    await publish(2, "en");
    await server.publish("news:a", 3);
    await publish(4, "de");
    await until(() => received.length === 2);
    const back = next(client, "connecting");
    await server.disconnect("", { code: 3011, reason: "force reconnect" });
    await back;
    await publish(5, "en");
    await publish(6, "de");
    await until(() => received.length === 3);
    expect(received.map(({ data, offset }) => [data, offset])).toEqual([
      [1, 1],
      [4, 4],
      [6, 6],
    ]);
  });

  it("is refused when invalid, and when the channel takes none", async () => {
    const { url } = await startApp(app);
    const client = await connectSdk(url);
    for (const [name, tagsFilter] of [
      ["news:a", { key: "lang", cmp: "like", val: "de" }],
      ["plain:a", german],
    ] as const) {
      const subscription = client.newSubscription(name, { tagsFilter: tagsFilter as typeof german });
      const ended = next<object>(subscription, "unsubscribed");
      subscription.subscribe();
      expect(await ended).toMatchObject({ code: 107 });
    }
  });
});

describe("payloads as patches", () => {
  const text = (n: number) => ({ title: "Überschrift – héllo €", body: "wörter ".repeat(40), count: n });

  it("reach the SDK as the original data, live and after recovery, beside clients without patches", async () => {
    const { url, server } = await startApp(app);
    const client = await connectSdk(url);
    const other = await connectSdk(url);
    const patched = collect(await subscribeSdk(client, "news:a", { delta: "fossil" }));
    const whole = collect(await subscribeSdk(other, "news:a"));
    for (const n of [1, 2, 3]) await server.publish("news:a", text(n));
    await until(() => patched.length === 3);
    const back = next(client, "connecting");
    await server.disconnect("", { code: 3011, reason: "force reconnect" });
    await back;
    for (const n of [4, 5]) await server.publish("news:a", text(n));
    await until(() => patched.length === 5 && whole.length === 5);
    await server.publish("news:a", text(6));
    await until(() => patched.length === 6 && whole.length === 6);
    expect(patched.map(({ data }) => data)).toEqual([1, 2, 3, 4, 5, 6].map(text));
    expect(whole.map(({ data }) => data)).toEqual([1, 2, 3, 4, 5, 6].map(text));
  });

  it("are patches on the wire, and the first payload is full", async () => {
    const { port, server } = await startApp(app);
    const client = await RawClient.upgrade(port);
    client.write(
      textFrame({ id: 1, connect: {} }, { id: 2, subscribe: { channel: "news:a", delta: "fossil" } }),
    );
    await until(() => client.received.includes('"delta":true'));
    for (const n of [1, 2]) await server.publish("news:a", text(n));
    await until(() => client.received.includes('"offset":2'));
    const pushes = [...client.received.toString().matchAll(/\{"push":.*?\}\}\}/g)].map(
      ([push]) => JSON.parse(push) as Answer,
    );
    const [first, second] = pushes.map(({ push }) => push.pub);
    expect(JSON.parse(first.data)).toEqual(text(1));
    expect(first.delta).toBeUndefined();
    expect(second).toMatchObject({ delta: true, data: expect.stringMatching(/^[^{]{10,80}$/) });
  });

  it("are not sent when the channel has them off", async () => {
    const { url, server } = await startApp(app);
    const received = collect(await subscribeSdk(await connectSdk(url), "plain:a", { delta: "fossil" }));
    for (const n of [1, 2]) await server.publish("plain:a", text(n));
    await until(() => received.length === 2);
    expect(received.map(({ data }) => data)).toEqual([1, 2].map(text));
  });
});

describe("reconnecting", () => {
  async function comeBack(name: `${string}:a`, published: number, options = {}) {
    const { url, server } = await startApp(app);
    const client = await connectSdk(url);
    const subscription = await subscribeSdk(client, name, options);
    const received = collect(subscription);
    await server.publish(name as "plain:a", 0);
    await until(() => received.length === 1);
    const lost = next(client, "connecting");
    const again = next<Answer>(subscription, "subscribed");
    await server.disconnect("", { code: 3011, reason: "force reconnect" });
    await lost;
    for (let n = 1; n <= published; n++) await server.publish(name as "plain:a", n);
    const context = await again;
    await server.publish(name as "plain:a", "end");
    await until(() => received.at(-1)?.data === "end");
    return { context, data: received.slice(1, -1).map(({ data }) => data) };
  }

  it("recovers everything missed", async () => {
    const { context, data } = await comeBack("plain:a", 3);
    expect(context).toMatchObject({ wasRecovering: true, recovered: true });
    expect(data).toEqual([1, 2, 3]);
  });

  it("is told when some of it is gone", async () => {
    const { context } = await comeBack("short:a", 5);
    expect(context).toMatchObject({ wasRecovering: true, recovered: false });
  });

  it("recovers only the newest on a cache channel", async () => {
    const { context, data } = await comeBack("cache:a", 3);
    expect(context).toMatchObject({ recovered: true });
    expect(data).toEqual([3]);
  });

  it("recovers the newest that its filter passes on a cache channel", async () => {
    const { url, server } = await startApp(app);
    const { epoch } = await server.publish("cache:a", 0);
    for (const [n, lang] of [
      [1, "de"],
      [2, "de"],
      [3, "en"],
    ] as const)
      await server.publish("cache:a", n, { tags: { lang } });
    const client = await connectSdk(url);
    const tagsFilter = { key: "lang", cmp: "eq", val: "de" } as const;
    const subscription = client.newSubscription("cache:a", { tagsFilter, since: { offset: 1, epoch } });
    const received = collect(subscription);
    const subscribed = next<Answer>(subscription, "subscribed");
    subscription.subscribe();
    expect(await subscribed).toMatchObject({ recovered: true });
    await server.publish("cache:a", 4, { tags: { lang: "de" } });
    await until(() => received.length === 2);
    expect(received.map(({ data }) => data)).toEqual([2, 4]);
  });

  it("continues from its position when it requests that where allowed", async () => {
    expect((await comeBack("wish:a", 2, { recoverable: true })).data).toEqual([1, 2]);
    expect((await comeBack("wish:a", 2)).context).toMatchObject({ wasRecovering: false });
  });

  it("starts over when channels do not recover", async () => {
    const { context, data } = await comeBack("never:a", 2, { recoverable: true });
    expect(context).toMatchObject({ recoverable: false, wasRecovering: false });
    expect(data).toEqual([]);
  });
});

describe("history", () => {
  it("is paginated in both directions", async () => {
    const { url, server } = await startApp(app);
    for (let n = 1; n <= 7; n++) await server.publish("plain:a", n);
    const subscription = await subscribeSdk(await connectSdk(url), "plain:a");
    for (const reverse of [false, true]) {
      const read: unknown[] = [];
      let since: { offset: number; epoch: string } | undefined;
      for (;;) {
        const page = await subscription.history({ limit: 3, reverse, ...(since && { since }) });
        read.push(...page.publications.map(({ data }) => data));
        const last = page.publications.at(-1);
        if (last === undefined || (reverse && last.offset === 1)) break;
        since = { offset: last.offset ?? 0, epoch: page.epoch };
      }
      expect(read).toEqual(reverse ? [7, 6, 5, 4, 3, 2, 1] : [1, 2, 3, 4, 5, 6, 7]);
    }
  });
});

describe("joins and leaves", () => {
  it("are sent unrequested when the channel forces them", async () => {
    const { url } = await startApp(app);
    const subscription = await subscribeSdk(await connectSdk(url, { data: { user: "ann" } }), "told:a");
    const joined = next<Answer>(subscription, "join");
    const bob = await connectSdk(url, { data: { user: "bob" } });
    const second = await subscribeSdk(bob, "told:a");
    let join = await joined;
    if (join.info.user === "ann") join = await next<Answer>(subscription, "join");
    expect(join.info.user).toBe("bob");
    const left = next<Answer>(subscription, "leave");
    second.unsubscribe();
    expect((await left).info.user).toBe("bob");
  });

  it("are sent on request when the channel has them", async () => {
    const { url } = await startApp(app);
    const quiet = await subscribeSdk(await connectSdk(url), "quiet:a");
    const heard: unknown[] = [];
    quiet.on("join", (join) => heard.push(join));
    const curious = await subscribeSdk(await connectSdk(url), "quiet:a", { joinLeave: true });
    const joined = next(curious, "join");
    await subscribeSdk(await connectSdk(url), "quiet:a");
    await joined;
    expect(heard).toEqual([]);
  });
});
