/** Networks in between: proxies that refuse upgrades, cut what is idle, gather responses, or stop without a word. */
import { once } from "node:events";
import type { Centrifuge, Options, PublicationContext, Subscription } from "centrifuge";
import { EventSource } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { channel, defineApp, type ServerOptions } from "../../packages/holdfast/src/index.js";
import {
  type Answer,
  createSdk,
  next,
  startApp,
  subscribeSdk,
} from "../../packages/holdfast/test/support/app-server.js";
import { HttpProxy, type ProxyOptions } from "../../packages/holdfast/test/support/http-proxy.js";
import { PlainStream } from "../../packages/holdfast/test/support/plain-stream.js";
import { RawClient, until } from "../../packages/holdfast/test/support/server.js";

const app = defineApp({ channels: { news: channel({ presence: true, allow: { publish: "all" } }) } });
const kinds = ["http_stream", "sse"] as const;
const fastPings = { pingIntervalMs: 600, pongTimeoutMs: 500 };

async function start(proxyOptions: ProxyOptions = {}, options: ServerOptions = {}) {
  const { server, port, errors } = await startApp(app, options);
  const proxy = await HttpProxy.listen(port, proxyOptions);
  return { server, port, proxy, errors };
}

/** An SDK client as an application sets it up: the best transport first. */
function createFallingBack(proxy: HttpProxy, more: Partial<Options> = {}): Centrifuge {
  const { http, port } = proxy;
  return createSdk(
    [
      { transport: "websocket", endpoint: `ws://127.0.0.1:${port}/connection/websocket` },
      { transport: "http_stream", endpoint: `${http}/connection/http_stream` },
      { transport: "sse", endpoint: `${http}/connection/sse` },
    ],
    { emulationEndpoint: `${http}/emulation`, eventsource: EventSource, ...more },
  );
}

function createOver(kind: (typeof kinds)[number], proxy: HttpProxy): Centrifuge {
  const endpoint = `${proxy.http}/connection/${kind}`;
  return createSdk([{ transport: kind, endpoint }], {
    emulationEndpoint: `${proxy.http}/emulation`,
    eventsource: EventSource,
  });
}

function transportOf(client: Centrifuge): string {
  return (client as unknown as { _transport: { name(): string } })._transport.name();
}

function collect(subscription: Subscription): number[] {
  const offsets: number[] = [];
  subscription.on("publication", ({ offset = 0 }: PublicationContext) => void offsets.push(offset));
  return offsets;
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe("proxy that refuses upgrades", () => {
  it.each([403, 426, 502])("with %i makes the SDK fall back by itself", async (upgradeStatus) => {
    const { server, proxy, errors } = await start({ upgradeStatus });
    const client = createFallingBack(proxy);
    client.connect();
    const subscription = await subscribeSdk(client, "news");
    const came = next<PublicationContext>(subscription, "publication");
    await subscription.publish("through");
    expect(await came).toMatchObject({ data: "through", offset: 1 });
    expect([transportOf(client), proxy.upgrades]).toEqual(["http_stream", 1]);
    expect(server.stats().sockets).toBe(1);
    expect(errors).toEqual([]);
  });

  it("and JSON lines makes it fall back to events", async () => {
    const { proxy } = await start();
    proxy.broken.add("/connection/http_stream");
    const client = createFallingBack(proxy);
    client.connect();
    await subscribeSdk(client, "news");
    expect(transportOf(client)).toBe("sse");
  });

  it("and drops command requests makes it reconnect, with nothing missing", async () => {
    const { server, proxy } = await start();
    const client = createFallingBack(proxy);
    client.connect();
    const subscription = await subscribeSdk(client, "news");
    const offsets = collect(subscription);
    await server.publish("news", 1);
    await until(() => offsets.length === 1);
    proxy.broken.add("/emulation");
    const connecting = next(client, "connecting");
    client.rpc("anything", {}).catch(() => {});
    await connecting;
    await server.publish("news", 2);
    proxy.broken.clear();
    await until(() => offsets.length === 2);
    expect(offsets).toEqual([1, 2]);
  });
});

describe("proxy that closes idle connections", () => {
  it.each(kinds)("keeps %s open, since pings are frequent enough", async (kind) => {
    const idleTimeoutMs = 2000;
    const { proxy, server } = await start({ idleTimeoutMs }, fastPings);
    const client = createOver(kind, proxy);
    client.connect();
    await subscribeSdk(client, "news");
    // More pings than fit into the time after which it would have been cut.
    const pongs = () => proxy.requests.filter((each) => each === "POST /emulation").length;
    await until(() => pongs() > 1 + idleTimeoutMs / fastPings.pingIntervalMs);
    expect([proxy.idleCuts, server.stats().connections]).toEqual([0, 1]);
  });

  it.each(kinds)("makes %s reconnect and recover when pings are rare", async (kind) => {
    const { proxy, server } = await start({ idleTimeoutMs: 300 });
    const client = createOver(kind, proxy);
    client.connect();
    const subscription = await subscribeSdk(client, "news");
    const offsets = collect(subscription);
    let published = 0;
    while (proxy.idleCuts < 3) {
      const cuts = proxy.idleCuts;
      await server.publish("news", ++published);
      await until(() => proxy.idleCuts > cuts);
      // While nobody is there.
      await server.publish("news", ++published);
      await until(() => offsets.length === published);
    }
    expect(offsets).toEqual(upTo(published));
  });

  it("keeps plain events open, or a browser resumes with its last id", async () => {
    const quiet = await start({ idleTimeoutMs: 2000 }, fastPings);
    const stream = await PlainStream.open(`${quiet.proxy.http}/channels/news/events`);
    await stream.until(() => stream.text.split("keepalive").length > 5);
    expect(quiet.proxy.idleCuts).toBe(0);
    const { proxy, server } = await start({ idleTimeoutMs: 300 });
    const source = new EventSource(`${proxy.http}/channels/news/events`);
    onTestFinished(() => source.close());
    const offsets: number[] = [];
    source.onmessage = ({ data }) => void offsets.push((JSON.parse(data as string) as Answer).offset);
    await once(source, "position");
    await until(() => proxy.idleCuts === 1);
    for (const n of upTo(3)) await server.publish("news", n);
    await until(() => offsets.length === 3);
    expect(offsets).toEqual([1, 2, 3]);
  });
});

describe("proxy that buffers responses", () => {
  it.each(kinds)("passes %s, which asks for no buffering", async (kind) => {
    const { proxy } = await start({ isGathering: true });
    const client = createOver(kind, proxy);
    client.connect();
    const subscription = await subscribeSdk(client, "news");
    const came = next(subscription, "publication");
    await subscription.publish("x");
    await came;
  });

  it("passes plain events", async () => {
    const { proxy } = await start({ isGathering: true });
    const stream = await PlainStream.open(`${proxy.http}/channels/news/events`);
    expect(await stream.nextEvents(1)).toMatchObject([{ type: "position" }]);
  });
});

describe("client that disappears silently", () => {
  it.each([
    [
      "http_stream",
      "POST /connection/http_stream",
      '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"news"}}',
    ],
    ["plain events", "GET /channels/news/events", ""],
  ])("over %s is cut when nothing is taken any more", async (_name, target, body) => {
    const { server, port } = await startApp(app, {
      closeTimeoutMs: 500,
      pingIntervalMs: 2000,
      pongTimeoutMs: 1500,
      stallTimeoutMs: 600,
    });
    const client = await RawClient.connect(port);
    client.write(`${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await client.readHead();
    await until(() => server.stats().subscriptions === 1);
    client.socket.pause();
    while (server.stats().behind === 0) {
      await server.publish("news", "x".repeat(60_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => server.stats().sockets === 0);
    expect(server.stats()).toMatchObject({ connections: 0, heldBytes: 0, behind: 0, deadlines: 0 });
    expect(await server.presence("news")).toEqual([]);
  });
});
