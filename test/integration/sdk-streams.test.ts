/** The published SDK over plain HTTP: a response for what the server says, and requests for commands. */
import type { Centrifuge, Options, PublicationContext, Subscription } from "centrifuge";
import { EventSource } from "undici";
import { describe, expect, it } from "vitest";
import { channel, defineApp, jwt, rpc, type ServerOptions } from "../../packages/holdfast/src/index.js";
import {
  createSdk,
  inSeconds,
  next,
  sdkStreams,
  secret,
  startApp,
  subscribeSdk,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { HttpProxy } from "../../packages/holdfast/test/support/http-proxy.js";
import { until } from "../../packages/holdfast/test/support/server.js";

type Kind = "http_stream" | "sse";

const app = defineApp({
  channels: {
    "{name}": channel({ presence: true, joinLeave: true, allow: { publish: "all" } }),
  },
  rpc: { double: rpc({ handler: ({ data }) => Number(data) * 2 }) },
});

/** @returns an SDK client that may only use this transport, through a proxy that can be cut */
async function start(kind: Kind, options: ServerOptions = {}) {
  const { server, port, errors } = await startApp(app, options);
  const proxy = await HttpProxy.listen(port);
  const connect = async (more: Partial<Options> = {}): Promise<Centrifuge> => {
    const client = createStreamSdk(kind, proxy.http, more);
    client.connect();
    await client.ready(5000);
    return client;
  };
  return { server, port, errors, proxy, connect };
}

function createStreamSdk(kind: Kind, http: string, more: Partial<Options>): Centrifuge {
  return createSdk([{ transport: kind, endpoint: `${http}/connection/${kind}` }], {
    emulationEndpoint: `${http}/emulation`,
    eventsource: EventSource,
    ...more,
  });
}

function collect(subscription: Subscription): number[] {
  const offsets: number[] = [];
  subscription.on("publication", ({ offset = 0 }: PublicationContext) => void offsets.push(offset));
  return offsets;
}

describe.each<Kind>(sdkStreams())("the SDK over %s", (kind) => {
  it("subscribes, publishes, reads history and presence, calls methods, and unsubscribes", async () => {
    const { server, connect, errors } = await start(kind);
    const client = await connect();
    const subscription = await subscribeSdk(client, "news", { joinLeave: true });
    const came = next<PublicationContext>(subscription, "publication");
    await subscription.publish({ text: "é 😀" });
    expect(await came).toMatchObject({ data: { text: "é 😀" }, offset: 1 });
    expect((await subscription.history({ limit: 10 })).publications).toHaveLength(1);
    expect(Object.keys((await subscription.presence()).clients)).toHaveLength(1);
    expect(await subscription.presenceStats()).toMatchObject({ numClients: 1 });
    expect((await client.rpc("double", 21)).data).toBe(42);
    await expect(client.rpc("nothing", 1)).rejects.toMatchObject({ code: 104 });
    subscription.unsubscribe();
    await until(() => server.stats().subscriptions === 0);
    client.disconnect();
    await until(() => server.stats().connections === 0);
    expect(server.stats()).toMatchObject({ sockets: 0, channels: 0, deadlines: 0, users: 0, unsentBytes: 0 });
    expect(errors).toEqual([]);
  });

  it("sees joins and leaves of others over any transport", async () => {
    const { connect, port } = await start(kind);
    const subscription = await subscribeSdk(await connect(), "news", { joinLeave: true });
    const joined = next(subscription, "join");
    const other = createSdk(`ws://127.0.0.1:${port}/connection/websocket`);
    other.connect();
    await subscribeSdk(other, "news");
    await joined;
    const left = next(subscription, "leave");
    other.disconnect();
    await left;
  });

  it("recovers across a break with nothing missing or repeated", async () => {
    const { server, connect, proxy } = await start(kind);
    const subscription = await subscribeSdk(await connect(), "news");
    const offsets = collect(subscription);
    for (let i = 0; i < 3; i++) await server.publish("news", i);
    await until(() => offsets.length === 3);
    const again = next<{ wasRecovering: boolean; recovered: boolean }>(subscription, "subscribed");
    proxy.cut();
    for (let i = 0; i < 3; i++) await server.publish("news", i);
    expect(await again).toMatchObject({ wasRecovering: true, recovered: true });
    await server.publish("news", "last");
    await until(() => offsets.includes(7));
    expect(offsets).toEqual([1, 2, 3, 4, 5, 6, 7]);
    await until(() => server.stats().connections === 1);
  });

  it("stays away after a terminal disconnect, and reconnects after any other", async () => {
    const { server, connect } = await start(kind);
    const client = await connect();
    const connecting = next<{ code: number }>(client, "connecting");
    const connected = next(client, "connected");
    await server.disconnect("", { code: 4001, reason: "try again" });
    expect(await connecting).toMatchObject({ code: 4001, reason: "try again" });
    await connected;
    const disconnected = next<{ code: number }>(client, "disconnected");
    await server.disconnect("", { code: 4501, reason: "not you" });
    expect(await disconnected).toMatchObject({ code: 4501, reason: "not you" });
    await until(() => server.stats().sockets === 0);
  });

  it("is told when the server unsubscribes it", async () => {
    const { server, connect } = await start(kind);
    const subscription = await subscribeSdk(await connect(), "news");
    const unsubscribed = next<{ code: number }>(subscription, "unsubscribed");
    await server.unsubscribe("", "news");
    expect(await unsubscribed).toMatchObject({ code: 2000 });
  });

  it("is told when the server closes", async () => {
    const { server, connect } = await start(kind);
    const client = await connect();
    const connecting = next<{ code: number }>(client, "connecting");
    await server.close();
    expect(await connecting).toMatchObject({ code: 3001 });
    expect(server.stats()).toMatchObject({ sockets: 0, connections: 0, deadlines: 0 });
  });

  it("answers any number of pings", async () => {
    const { connect, proxy } = await start(kind, { pingIntervalMs: 600, pongTimeoutMs: 500 });
    const client = await connect();
    const codes: number[] = [];
    client.on("connecting", ({ code }) => void codes.push(code));
    await until(() => proxy.requests.filter((each) => each === "POST /emulation").length >= 4);
    expect([codes, client.state]).toEqual([[], "connected"]);
  });

  it("is released when it disappears silently", async () => {
    const { server, connect, proxy } = await start(kind, {
      pingIntervalMs: 600,
      pongTimeoutMs: 500,
      closeTimeoutMs: 500,
    });
    await subscribeSdk(await connect(), "news");
    proxy.freeze();
    await until(() => server.stats().sockets === 0);
    expect(server.stats()).toMatchObject({ connections: 0, subscriptions: 0, channels: 0, deadlines: 0 });
  });
});

describe.each<Kind>(sdkStreams())("tokens over %s", (kind) => {
  const withTokens = defineApp({ authenticate: jwt({ secret }), channels: { "{name}": channel() } });

  async function startWithTokens(token: string, getToken: () => Promise<string>) {
    const { server, http } = await startApp(withTokens);
    const client = createStreamSdk(kind, http, { token, getToken });
    return { server, client };
  }

  it("are refreshed when expired, and when about to expire", async () => {
    let asked = 0;
    const getToken = async () => {
      asked++;
      return tokenOf({ sub: "ann", exp: inSeconds(asked === 1 ? 2 : 3600) });
    };
    const { server, client } = await startWithTokens(tokenOf({ sub: "ann", exp: inSeconds(-10) }), getToken);
    client.connect();
    await client.ready(10_000);
    await until(() => asked === 2);
    expect(server.stats()).toMatchObject({ connections: 1, users: 1 });
    expect(client.state).toBe("connected");
  });

  it("end the connection terminally when they are refused", async () => {
    const { server, client } = await startWithTokens("nonsense", async () => "");
    const disconnected = next<{ code: number; reason: string }>(client, "disconnected");
    client.connect();
    expect(await disconnected).toMatchObject({ code: 3500, reason: expect.stringMatching(/^invalid token/) });
    await until(() => server.stats().sockets === 0);
  });
});
