/** A reader that changes how it reads, under a stream of publications, and goes on from its position each time. */
import { once } from "node:events";
import { connect } from "node:http2";
import { setTimeout as pause } from "node:timers/promises";
import type { PublicationContext, TransportEndpoint } from "centrifuge";
import { describe, expect, it, onTestFinished } from "vitest";
import type { HoldfastServer, ServerOptions } from "../../packages/holdfast/src/index.js";
import { WebSocket } from "../../packages/holdfast/src/websocket.js";
import { connectSdk } from "../../packages/holdfast/test/support/app-server.js";
import { channelAt, type HttpChannel } from "../../packages/holdfast/test/support/http-channels.js";
import { PlainStream } from "../../packages/holdfast/test/support/plain-stream.js";
import { startServer, until } from "../../packages/holdfast/test/support/server.js";

interface Place {
  epoch: string;
  offset: number;
}

/** Reads so many times from a place on, each time waiting for so long, and notes what it gets. */
async function poll(
  news: HttpChannel,
  place: Place,
  seen: number[],
  { rounds, query = "" }: { rounds: number; query?: string },
): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    const { status, body } = await news.get(`since=${place.epoch}:${place.offset}${query}`);
    expect([status, body.recovered]).toEqual([200, true]);
    for (const { data } of body.publications) seen.push(data);
    Object.assign(place, { epoch: body.epoch, offset: body.offset });
  }
}

/** The same from a response that goes on, as events or as lines. */
async function stream(
  origin: string,
  place: Place,
  seen: number[],
  count: number,
  type: string,
): Promise<void> {
  const response = await PlainStream.open(`${origin}/channels/news/events`, {
    Accept: type,
    "Last-Event-ID": `${place.epoch}:${place.offset}`,
  });
  const read = () =>
    type === "text/event-stream"
      ? response.events.filter((event) => event.type === "message").map(({ data }) => data)
      : response.lines.filter(({ data }) => data !== undefined);
  await response.until(() => read().length >= count);
  response.cut();
  expect(response.text).not.toContain("lost");
  for (const { data, offset } of read()) {
    seen.push(data);
    place.offset = offset;
  }
}

/** The same with an SDK, over whichever transport. */
async function listen(
  url: Parameters<typeof connectSdk>[0],
  place: Place,
  seen: number[],
  count: number,
  options: Parameters<typeof connectSdk>[1] = {},
): Promise<void> {
  const client = await connectSdk(url, options);
  const subscription = client.newSubscription("news", { since: { ...place } });
  let received = 0;
  subscription.on("subscribed", (context) => expect(context.recovered).toBe(true));
  subscription.on("publication", ({ data, offset }: PublicationContext) => {
    seen.push(data as number);
    place.offset = offset as number;
    received++;
  });
  subscription.subscribe();
  await until(() => received >= count);
  subscription.unsubscribe();
  client.disconnect();
}

/** Publishes 1, 2, 3 … until it is told to stop. @returns how many there were */
function publishSteadily(server: HoldfastServer): () => Promise<number> {
  let isStopped = false;
  const run = async () => {
    let count = 0;
    while (!isStopped) {
      await Promise.all(Array.from({ length: 1 + (count % 3) }, () => server.publish("news", ++count)));
      await pause(count % 5);
    }
    return count;
  };
  const done = run();
  onTestFinished(() => {
    isStopped = true;
  });
  return () => {
    isStopped = true;
    return done;
  };
}

describe("reader switching between polls, long polls, events, WebSockets over either HTTP, lines and streams", () => {
  it.each<[string, ServerOptions]>([
    ["from the newest entries at hand", {}],
    ["from the log", { ring: { maxEntries: 2 } }],
  ])("finds everything once and in order: %s", async (_name, options) => {
    const { server, port, url, errors } = await startServer(options);
    const origin = `http://127.0.0.1:${port}`;
    const session = connect(origin);
    onTestFinished(() => session.destroy());
    await once(session, "remoteSettings");
    class SocketOverHttp2 extends WebSocket {
      constructor(address: string) {
        super(address, [], { http2Session: session });
      }
    }
    const fallback: TransportEndpoint[] = [
      { transport: "http_stream", endpoint: `${origin}/connection/http_stream` },
    ];
    const emulated = { emulationEndpoint: `${origin}/emulation` };
    const news = channelAt(`http://127.0.0.1:${port}`, "news");
    const { epoch } = (await news.get("limit=0")).body;
    const place = { epoch, offset: 0 };
    const seen: number[] = [];
    const stop = publishSteadily(server);
    for (let round = 0; round < 3; round++) {
      await poll(news, place, seen, { rounds: 20 });
      await poll(news, place, seen, { rounds: 20, query: "&wait=20s" });
      await poll(news, place, seen, { rounds: 10, query: "&wait=20s&limit=1" });
      await stream(origin, place, seen, 30, "text/event-stream");
      await listen(url, place, seen, 30);
      await listen(url, place, seen, 30, { websocket: SocketOverHttp2 });
      await stream(origin, place, seen, 30, "application/x-ndjson");
      await listen(fallback, place, seen, 30, emulated);
      await poll(news, place, seen, { rounds: 10, query: "&limit=2" });
    }
    const count = await stop();
    while (place.offset < count) await poll(news, place, seen, { rounds: 1 });
    expect(seen).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    expect(count).toBeGreaterThan(200);
    await until(() => server.stats().channels === 0);
    expect(server.stats()).toMatchObject({ requests: 0, waitingRequests: 0, subscriptions: 0, deadlines: 0 });
    expect(errors).toEqual([]);
  });
});
