/** Maps as clients use them, against a real server. */
import { describe, expect, expectTypeOf, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { channel, createServer, defineApp } from "../../holdfast/src/index.js";
import { connect, type MapChange } from "../src/node.js";
import { ThievishLine } from "./support/thievish-line.js";

const patience = { timeout: 20_000, interval: 10 };

const scores = channel({
  kind: "map",
  data: z.object({ points: z.number() }),
  map: { score: "points" },
  allow: { subscribe: "all", publish: "all" },
});

const app = defineApp({
  channels: {
    "scores:{game}": scores,
    "room:{name}": channel({ allow: { subscribe: "all" } }),
    "who:{name}": channel({
      kind: "map",
      map: { subscribersOf: "room:{name}" },
      allow: { subscribe: "all" },
    }),
    secret: channel({ kind: "map", allow: { subscribe: false } }),
  },
});

async function start() {
  const server = createServer(app, { port: 0, pages: null });
  onTestFinished(() => server.close());
  const { url, port } = await server.listen();
  const join = (to = url) => {
    const client = connect<typeof app>(to, { minReconnectDelayMs: 20, maxReconnectDelayMs: 100 });
    onTestFinished(() => client.close());
    return client;
  };
  return { server, url, port, join };
}

describe("map of a client", () => {
  it("has all entries, by key or by what the data says, and each change", async () => {
    const { server, join } = await start();
    await server.publish("scores:a", { points: 3 }, { key: "ann" });
    await server.publish("scores:a", { points: 9 }, { key: "bob" });
    const map = join().map("scores:{game}", { game: "a" });
    expect(map.entries()).toEqual([]);
    const changes: MapChange[] = [];
    const leave = map.subscribe((change) => changes.push(change));
    await vi.waitFor(() => expect(map.size).toBe(2), patience);
    expect(map.entries().map(({ key }) => key)).toEqual(["ann", "bob"]);
    await map.set("cem", { points: 5 });
    await map.remove("ann");
    await vi.waitFor(() => expect(changes).toHaveLength(3), patience);
    expect(changes).toEqual([
      { kind: "reset" },
      { kind: "set", entry: expect.objectContaining({ key: "cem", data: { points: 5 }, offset: 3 }) },
      { kind: "remove", key: "ann" },
    ]);
    expect(map.entries(({ points }) => points).map(({ key }) => key)).toEqual(["bob", "cem"]);
    expect(map.get("bob")?.data).toEqual({ points: 9 });
    leave();
    expect(map.size).toBe(0);
    expect(map.status.state).toBe("unsubscribed");
  });

  it("shares one subscription, and gives later listeners the current entries", async () => {
    const { server, join } = await start();
    await server.publish("scores:a", { points: 3 }, { key: "ann" });
    const client = join();
    const first = client.map("scores:{game}", { game: "a" });
    const leave = first.subscribe(() => {});
    await vi.waitFor(() => expect(first.size).toBe(1), patience);
    const second = client.map("scores:{game}", { game: "a" });
    const told: MapChange[] = [];
    const leaveToo = second.subscribe((change) => told.push(change));
    expect(told).toEqual([{ kind: "reset" }]);
    expect(server.stats().subscriptions).toBe(1);
    expect(() => second.subscribe(() => {}, { type: "clients" })).toThrow(
      /type differs from the existing subscription/,
    );
    leave();
    expect(second.size).toBe(1);
    leaveToo();
    await vi.waitFor(() => expect(server.stats().subscriptions).toBe(0), patience);
  });

  it("sets a key once, and knows all that has changed, though the line breaks in between", async () => {
    const { server, port, join } = await start();
    const line = await ThievishLine.open(port);
    const client = join(line.url);
    const map = client.map("scores:{game}", { game: "a" });
    let resets = 0;
    map.subscribe(({ kind }) => {
      if (kind === "reset") resets++;
    });
    await vi.waitFor(() => expect(map.status.state).toBe("subscribed"), patience);
    line.steal('"rpc"', 2);
    expect(await map.set("ann", { points: 1 })).toMatchObject({ offset: 1 });
    expect(line.stolen).toBe(2);
    line.cut();
    await server.publish("scores:a", { points: 2 }, { key: "bob" });
    await server.remove("scores:a", "ann");
    line.mend();
    await vi.waitFor(() => expect(map.entries().map(({ key }) => key)).toEqual(["bob"]), patience);
    expect((await server.history("scores:a")).position.offset).toBe(3);
    expect(resets).toBe(1);
  });

  it("lists who is subscribed to another channel", async () => {
    const { join } = await start();
    const client = join();
    client.channel("room:{name}", { name: "a" }).subscribe(() => {});
    const who = client.map("who:{name}", { name: "a" });
    who.subscribe(() => {}, { type: "clients" });
    await vi.waitFor(() => expect(who.size).toBe(1), patience);
    await client.ready();
    expect(client.status).toMatchObject({ client: who.entries()[0]?.key });
  });

  it("says why it is refused", async () => {
    const { join } = await start();
    const secret = join().map("secret");
    secret.subscribe(() => {});
    await vi.waitFor(
      () => expect(secret.status).toMatchObject({ state: "unsubscribed", code: 103 }),
      patience,
    );
    await expect(secret.set("a", 1)).rejects.toMatchObject({
      code: "HF_REQUEST_REFUSED",
      details: { code: 103 },
    });
    expect(() => secret.subscribe(() => {}, { tagFilter: 1 } as object)).toThrow(/tagFilter/);
  });

  it("ends with the client, and tells so", async () => {
    const { join } = await start();
    const client = join();
    const map = client.map("scores:{game}", { game: "a" });
    const states: string[] = [];
    map.subscribe({ onStatus: ({ state }) => states.push(state) });
    await vi.waitFor(() => expect(states.at(-1)).toBe("subscribed"), patience);
    client.close();
    expect(states.at(-1)).toBe("unsubscribed");
    expect(() => map.subscribe(() => {})).toThrow(expect.objectContaining({ code: "HF_CLIENT_CLOSED" }));
  });

  it("takes and gives what the application says", () => {
    const check = (client: ReturnType<typeof connect<typeof app>>) => {
      const map = client.map("scores:{game}", { game: "a" });
      expectTypeOf(map.set).parameters.toEqualTypeOf<[key: string, data: { points: number }]>();
      expectTypeOf(map.get)
        .returns.exclude(undefined)
        .toHaveProperty("data")
        .toEqualTypeOf<{ points: number }>();
      // @ts-expect-error there is no such channel
      client.map("score:{game}", { game: "a" });
      // @ts-expect-error the parameter is missing
      client.map("scores:{game}");
      // @ts-expect-error no such data
      void map.set("ann", { points: "many" });
    };
    expect(check).toBeTypeOf("function");
  });
});
