import { describe, expect, it } from "vitest";
import { next } from "../../../../../packages/holdfast/test/support/app-server.js";
import type {
  MachineSample,
  Quote,
  QuotesSnapshot,
  SymbolHistory,
} from "../../../ticker/server/ticker-types.js";
import { codeOf, ShowcaseServer, type Somebody } from "../../server/support/showcase-server.js";

const quotes = "quotes:generated";

/** All that can be done in a channel, and whether it is refused. */
async function tryAll({ client }: { client: Somebody["client"] }, channel: string) {
  const subscription = client.getSubscription(channel) ?? client.newSubscription(channel);
  subscription.subscribe();
  return {
    subscribe: await codeOf(subscription.ready(5000)),
    publish: await codeOf(client.publish(channel, { symbol: "KEDO", price: 1, at: 1 })),
    history: await codeOf(client.history(channel, { limit: 1 })),
    presence: await codeOf(client.presence(channel)),
  };
}

const readOnly = { subscribe: "accepted", publish: 103, history: "accepted", presence: 103 };
const refused = { subscribe: expect.any(Number), publish: 103, history: 103, presence: 103 };
const channels = [quotes, "machine:load", "machine:memory", "machine:network"];

describe("the ticker's channels", () => {
  it.each(channels)(
    "%s can be read by everybody with a name, and by tools; nobody writes there",
    async (name) => {
      const server = await ShowcaseServer.start();
      expect(await tryAll(await server.join("Ann"), name)).toEqual(readOnly);
      expect(await tryAll({ client: server.tool() }, name)).toEqual(readOnly);
      expect(server.errors).toEqual([]);
    },
  );

  it("are closed to who is banned, and so are the methods", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    await ann.client.ready(5000);
    await server.api("map_publish", { channel: "sanctions", key: ann.user, data: { kind: "ban" } });
    for (const name of channels) expect(await tryAll(ann, name), name).toEqual(refused);
    expect(await codeOf(ann.call("quotes"))).toBe(403);
    expect(await codeOf(ann.call("quoteHistory", { symbol: "KEDO" }))).toBe(403);
  });

  it("of the machine are those that there are", async () => {
    const server = await ShowcaseServer.start();
    expect(await tryAll(await server.join("Ann"), "machine:secrets")).toEqual(refused);
  });
});

describe("the generated feed", () => {
  it("stands still without a reader, and goes with one", async () => {
    const server = await ShowcaseServer.start();
    const tool = server.tool();
    const before = await server.api("history", { channel: quotes, limit: 1 });
    expect(before.body.result).toMatchObject({ offset: 0, publications: [] });
    const subscription = tool.newSubscription(quotes);
    const first = next<{ data: Quote }>(subscription, "publication");
    subscription.subscribe();
    const { symbol, price, at } = (await first).data;
    expect(symbol).toMatch(/^[A-Z]{4}$/);
    expect(price).toBeGreaterThan(0);
    expect(at).toBeGreaterThan(0);
    expect(server.errors).toEqual([]);
  });

  it("tells somebody new all 200 at once, with the position from which the channel goes on without a gap", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    const snapshot = (await ann.call("quotes")) as QuotesSnapshot;
    expect(snapshot.quotes).toHaveLength(200);
    expect(new Set(snapshot.quotes.map(({ symbol }) => symbol)).size).toBe(200);
    expect(snapshot.quotes.every(({ price, recent }) => price > 0 && recent.length > 1)).toBe(true);
    expect(snapshot).toMatchObject({ changesPerSecond: 440, lingerMs: 15_000 });
    const since = { ...snapshot.position };
    const subscription = ann.client.newSubscription(quotes, { since });
    const subscribed = next<{ recovered: boolean; wasRecovering: boolean }>(subscription, "subscribed");
    subscription.subscribe();
    expect(await subscribed).toMatchObject({ wasRecovering: true, recovered: true });
  });

  it("gives a reader that was away the newest of each symbol, and no backlog", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    const { position } = (await ann.call("quotes")) as QuotesSnapshot;
    // Somebody keeps it going meanwhile.
    const bo = await server.join("Bo");
    const live = bo.client.newSubscription(quotes);
    let head = 0;
    const enough = new Promise<void>((resolve) => {
      live.on("publication", ({ offset = 0 }) => {
        head = offset;
        if (offset > position.offset + 900) resolve();
      });
    });
    live.subscribe();
    await enough;
    const answer = await server.send(
      `/channels/${quotes}?since=${position.epoch}:${position.offset}&limit=300`,
      { headers: { Cookie: ann.cookie } },
    );
    const { publications, recovered } = answer.body as {
      publications: { key: string; offset: number }[];
      recovered: boolean;
    };
    expect(recovered).toBe(true);
    const keys = publications.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBeLessThanOrEqual(200);
    // Of 900 changes and more, next to none of the 200 symbols has had none.
    expect(keys.length).toBeGreaterThan(150);
    expect(head - position.offset).toBeGreaterThan(900);
  });

  it("has two minutes of each symbol, and says which it does not know", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    await ann.call("quotes");
    const { times, prices } = (await ann.call("quoteHistory", { symbol: "KEDO" })) as SymbolHistory;
    expect([times.length, prices.length]).toEqual([120, 120]);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
    expect(await codeOf(ann.call("quoteHistory", { symbol: "XXXX" }))).toBe(404);
    expect(await codeOf(ann.call("quoteHistory", { symbol: "MUCHTOOLONG" }))).toBe(107);
  });
});

describe("the machine's own meters", () => {
  it("are in a short history, each with its time", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    const memory = await ann.subscribe("machine:memory");
    const { data } = await next<{ data: MachineSample }>(memory, "publication");
    expect(data.at).toBeGreaterThan(0);
    expect(data.values.total).toBeGreaterThan(data.values.used ?? Number.NaN);
    const { publications } = await ann.client.history("machine:memory", { limit: 300 });
    expect(publications[0]?.data).toEqual(data);
    expect(server.errors).toEqual([]);
  });
});
