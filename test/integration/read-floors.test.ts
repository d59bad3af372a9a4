import { describe, expect, it } from "vitest";
import { channel, defineApp, jwt, reject } from "../../packages/holdfast/src/index.js";
import {
  type Answer,
  connectSdk,
  inSeconds,
  next,
  secret,
  startApp,
  subscribeSdk,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { channelAt, dataOf } from "../../packages/holdfast/test/support/http-channels.js";
import { connectByHand } from "../../packages/holdfast/test/support/map-model.js";
import { PlainStream } from "../../packages/holdfast/test/support/plain-stream.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";

const banned = new Set<string>();
const app = defineApp({
  authenticate: jwt({ secret }),
  anonymous: true,
  channels: {
    news: channel({ allow: { subscribe: "all", history: false } }),
    open: channel({ allow: { subscribe: "all" } }),
    scores: channel({ kind: "map", allow: { subscribe: "all", history: false } }),
    hooked: channel({
      allow: { history: false },
      subscribe: ({ user }) => {
        if (banned.has(user.id)) reject(403, "banned");
      },
    }),
  },
});

const token = (claims: object = {}) => tokenOf({ sub: "ann", exp: inSeconds(3600), ...claims });
const dataIn = ({ subscribe }: Answer) => subscribe.publications?.map(({ data }: Answer) => data) ?? [];

async function start(data: string | null = null) {
  const running = await startApp(app, { data });
  const connect = (claims: object | null = {}) =>
    connectByHand(running.url, claims === null ? {} : { token: token(claims) });
  /** Subscribed once, and gone; with what was published after that. */
  const leave = async (name: "news" | "open" | "hooked", claims: object | null = {}) => {
    await running.server.publish(name, "before");
    const hand = await connect(claims);
    const { subscribe } = await hand.ask({ subscribe: { channel: name } });
    hand.socket.terminate();
    await running.server.publish(name, "missed");
    return { epoch: subscribe.epoch as string, offset: subscribe.offset as number };
  };
  const comeBack = async (
    name: string,
    since: { epoch: string; offset: number },
    claims: object | null = {},
  ) => {
    const hand = await connect(claims);
    return await hand.ask({ subscribe: { channel: name, recover: true, ...since } });
  };
  return { ...running, connect, leave, comeBack };
}

describe("client without history permission", () => {
  it("recovers from the position it was given, and not from an earlier one", async () => {
    const { leave, comeBack } = await start();
    const since = await leave("news");
    const back = await comeBack("news", since);
    expect(back.subscribe).toMatchObject({ recovered: true, was_recovering: true, offset: since.offset });
    expect(dataIn(back)).toEqual(["missed"]);
    const further = await comeBack("news", { ...since, offset: since.offset - 1 });
    expect(further.subscribe).toMatchObject({ was_recovering: true, epoch: since.epoch, offset: 2 });
    expect(further.subscribe).not.toHaveProperty("recovered");
    expect(dataIn(further)).toEqual([]);
    // Having come back does not move the place from which on it may read.
    expect(dataIn(await comeBack("news", since))).toEqual(["missed"]);
  });

  it("recovers with the SDK after its connection broke, and is told that it cannot after a restart", async () => {
    const folder = createTemporaryFolder("floors");
    const first = await start(folder);
    await first.server.publish("news", "before");
    const sdk = await connectSdk(first.url, { token: token() });
    const subscription = await subscribeSdk(sdk, "news");
    const seen: unknown[] = [];
    subscription.on("publication", ({ data }) => seen.push(data));
    const again = next<Answer>(subscription, "subscribed");
    first.server.disconnect("ann", { code: 3011, reason: "move on" });
    await first.server.publish("news", "missed");
    expect(await again).toMatchObject({ recovered: true, wasRecovering: true });
    expect(seen).toEqual(["missed"]);

    const { port } = first;
    await first.server.close();
    const elsewhere = await startApp(app, { data: folder });
    await elsewhere.server.publish("news", "missed for good");
    await elsewhere.server.close();
    const restarted = next<Answer>(subscription, "subscribed");
    const second = await startApp(app, { data: folder, port });
    expect(await restarted).toMatchObject({ recovered: false, wasRecovering: true });
    const published = next(subscription, "publication");
    await second.server.publish("news", "after");
    await published;
    expect(seen).toEqual(["missed", "after"]);
  });

  it.each([
    ["ends its subscription", "unsubscribe"],
    ["ends all of its subscriptions", "unsubscribe all"],
    ["ends its connections for good", "disconnect"],
    ["revokes its tokens", "revoke user"],
    ["revokes its token", "revoke token"],
    ["revokes what was issued before", "revoke before"],
  ])("does not recover once the server %s, whether it is there or not", async (_name, how) => {
    const { server, leave, comeBack } = await start();
    const before = { jti: "t-1", iat: inSeconds(-60) };
    const since = await leave("news", before);
    if (how === "unsubscribe") await server.unsubscribe("ann", "news");
    if (how === "unsubscribe all") await server.unsubscribe("ann");
    if (how === "disconnect") server.disconnect("ann");
    if (how === "revoke user") await server.revoke({ user: "ann", issuedBefore: inSeconds(-30) * 1000 });
    if (how === "revoke token") await server.revoke({ tokenId: "t-1" });
    if (how === "revoke before") await server.revoke({ issuedBefore: inSeconds(-30) * 1000 });
    const back = await comeBack("news", since, { iat: inSeconds(0) });
    expect(back.subscribe).toMatchObject({ was_recovering: true, offset: 2 });
    expect(dataIn(back)).toEqual([]);
  });

  it("does not recover after it was refused", async () => {
    const { leave, comeBack } = await start();
    const since = await leave("hooked");
    banned.add("ann");
    expect(await comeBack("hooked", since)).toMatchObject({ error: { code: 403 } });
    banned.delete("ann");
    expect(dataIn(await comeBack("hooked", since))).toEqual([]);
  });

  it("shares its floor over a user's connections, and has its own when anonymous", async () => {
    const { server, connect, leave, comeBack } = await start();
    const since = await leave("news", null);
    expect(dataIn(await comeBack("news", since, null))).toEqual([]);
    expect(dataIn(await comeBack("news", since, { sub: "ben" }))).toEqual([]);
    const hand = await connect(null);
    const { subscribe } = await hand.ask({ subscribe: { channel: "news" } });
    await hand.ask({ unsubscribe: { channel: "news" } });
    await server.publish("news", "missed, too");
    const { epoch, offset } = subscribe;
    const back = await hand.ask({ subscribe: { channel: "news", recover: true, epoch, offset } });
    expect(dataIn(back)).toEqual(["missed, too"]);
  });

  it("continues with polls and events from its position", async () => {
    const { server, http } = await start();
    await server.publish("news", "before");
    const news = channelAt(http, "news", { Authorization: `Bearer ${token()}` });
    const { epoch, offset } = (await news.get("limit=0")).body;
    await server.publish("news", "missed");
    expect(dataOf((await news.get(`since=${epoch}:${offset}`)).body)).toEqual(["missed"]);
    const stream = await PlainStream.open(`${http}/channels/news/events`, {
      Authorization: `Bearer ${token()}`,
      "Last-Event-ID": `${epoch}:${offset}`,
    });
    await stream.until(() => stream.text.includes("missed"));
    expect(stream.text).not.toContain("before");
  });

  it("waits at the head from any earlier position, and pages through long backlogs", async () => {
    const { server, http } = await start();
    const { epoch, offset } = await server.publish("news", "before");
    const news = channelAt(http, "news");
    const waiting = news.get(`since=${epoch}:${offset}&wait=20s&limit=1`);
    await new Promise<void>((resolve) => {
      const look = () => (server.stats().waitingRequests === 1 ? resolve() : void setTimeout(look, 5));
      look();
    });
    await Promise.all([server.publish("news", 1), server.publish("news", 2)]);
    const { body } = await waiting;
    expect(body).toMatchObject({ recovered: true });
    expect(dataOf(body)).toEqual([1]);
  });

  it("gets the changes of a map from where it read the state", async () => {
    const { server, connect } = await start();
    await server.publish("scores", 1, { key: "a" });
    const map = { channel: "scores", type: 1 };
    const hand = await connect();
    const { subscribe } = await hand.ask({ subscribe: { ...map, phase: 2 } });
    hand.socket.terminate();
    await server.publish("scores", 2, { key: "a" });
    const again = await connect();
    const { epoch, offset } = subscribe;
    const since = { phase: 1, recover: true, epoch };
    expect(await again.ask({ subscribe: { ...map, ...since, offset: offset - 1 } })).toMatchObject({
      error: { code: 112 },
    });
    expect(dataIn(await again.ask({ subscribe: { ...map, ...since, offset } }))).toEqual([2]);
  });
});

describe("client with history permission", () => {
  it("recovers from any retained position, also one it never had", async () => {
    const { server, comeBack } = await start();
    const { epoch } = await server.publish("open", 1);
    expect(dataIn(await comeBack("open", { epoch, offset: 0 }))).toEqual([1]);
  });
});
