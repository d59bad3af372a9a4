/** Lists of who is subscribed: entries that come, are renewed, and go. */
import { describe, expect, it } from "vitest";
import { compileApp } from "../../src/app/compile-app.js";
import { channel, defineApp } from "../../src/index.js";
import { FakeClock } from "../support/fake-clock.js";
import { createSessionNode } from "./support/session-node.js";

const all = { subscribe: "all", publish: "all" } as const;
const app = defineApp({
  channels: {
    "room:{name}": channel({ allow: all }),
    "clients:{name}": channel({ allow: all, kind: "map", map: { subscribersOf: "room:{name}" } }),
    "users:{name}": channel({ allow: all, kind: "map", map: { subscribersOf: "room:{name}", by: "user" } }),
  },
});

async function start() {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const application = compileApp(app, {
    clock,
    hookTimeoutMs: 1000,
    leaseMs: 60_000,
    onError: (error) => errors.push(error),
  });
  const node = await createSessionNode({ application, clock });
  const keysOf = async (name: string) => {
    const { publications } = await node.broker.log.keys(name, { maxEntries: 10, maxBytes: 1000 });
    return publications.map(({ key }) => key);
  };
  return { node, keysOf, errors };
}

describe("presence list", () => {
  it("keeps clients as long as they answer pings", async () => {
    const { node, keysOf } = await start();
    const client = await node.connect("ann");
    await client.ask({ id: 2, subscribe: { channel: "room:a" } });
    for (let i = 0; i < 20; i++) {
      await node.wait(10_000);
      await client.ask({});
    }
    expect(await keysOf("clients:a")).toEqual(["client-1"]);
    expect(await keysOf("users:a")).toEqual(["ann"]);
    // Nobody was told anything of that.
    expect(
      (await node.broker.log.history("clients:a", { maxEntries: 10, maxBytes: 1000, isReverse: false }))
        .position.offset,
    ).toBe(1);
    await client.ask({ id: 3, unsubscribe: { channel: "room:a" } });
    expect(await keysOf("clients:a")).toEqual([]);
    expect(await keysOf("users:a")).toEqual(["ann"]);
    await node.wait(70_000);
    expect(await keysOf("users:a")).toEqual([]);
  });

  it("restores lost entries", async () => {
    const { node, keysOf } = await start();
    const client = await node.connect("ann");
    await client.ask({ id: 2, subscribe: { channel: "room:a" } });
    await node.control.maps.clear("clients:a");
    expect(await keysOf("clients:a")).toEqual([]);
    for (let i = 0; i < 4; i++) {
      await node.wait(10_000);
      await client.ask({});
    }
    expect(await keysOf("clients:a")).toEqual(["client-1"]);
  });

  it("does not delay a subscription when writing the list fails, which is reported", async () => {
    const { node, keysOf } = await start();
    node.broker.fail("publish");
    const client = await node.connect("ann");
    await client.ask({ id: 2, subscribe: { channel: "room:a" } });
    expect(client.reply(2)).toHaveProperty("subscribe");
    expect(await keysOf("clients:a")).toEqual([]);
    expect(node.errors.map(({ stage }) => stage)).toEqual([
      "keeping the list clients:a",
      "keeping the list users:a",
    ]);
  });
});
