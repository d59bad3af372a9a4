/** A reader that changes how it reads, under a stream of publications, and goes on from its position each time. */
import { setTimeout as pause } from "node:timers/promises";
import type { PublicationContext } from "centrifuge";
import { describe, expect, it, onTestFinished } from "vitest";
import type { HoldfastServer, ServerOptions } from "../../src/index.js";
import { connectSdk } from "../support/app-server.js";
import { channelAt, type HttpChannel } from "../support/http-channels.js";
import { startServer, until } from "../support/server.js";

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

/** The same with an SDK. */
async function listen(url: string, place: Place, seen: number[], count: number): Promise<void> {
  const client = await connectSdk(url);
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

describe("a reader that goes from polls to long polls to a WebSocket, and back", () => {
  it.each<[string, ServerOptions]>([
    ["from the newest entries at hand", {}],
    ["from the log", { ring: { maxEntries: 2 } }],
  ])("finds everything once and in order: %s", async (_name, options) => {
    const { server, port, url, errors } = await startServer(options);
    const news = channelAt(`http://127.0.0.1:${port}`, "news");
    const { epoch } = (await news.get("limit=0")).body;
    const place = { epoch, offset: 0 };
    const seen: number[] = [];
    const stop = publishSteadily(server);
    for (let round = 0; round < 3; round++) {
      await poll(news, place, seen, { rounds: 20 });
      await poll(news, place, seen, { rounds: 20, query: "&wait=20s" });
      await poll(news, place, seen, { rounds: 10, query: "&wait=20s&limit=1" });
      await listen(url, place, seen, 30);
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
