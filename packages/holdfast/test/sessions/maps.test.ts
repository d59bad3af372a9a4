/** The time between two steps of a map's subscription, and logs that begin afresh in between. */
import { describe, expect, it } from "vitest";
import { type ChannelRules, openRules } from "../../src/channels/rules.js";
import { createSessionNode, nothing } from "./support/session-node.js";

const keys = { maxKeys: 1000, maxBytes: 1_000_000 };
const rules: ChannelRules = { ...openRules, kind: "map", retention: { ...openRules.retention, keys } };

async function start() {
  const node = await createSessionNode({ rulesFor: () => rules });
  for (let n = 0; n < 150; n++)
    await node.broker.log.publish(
      "map",
      { key: `k${1000 + n}`, data: `${n}` },
      { retention: rules.retention },
    );
  const client = await node.connect();
  let id = 1;
  const step = async (params: object) => {
    await client.ask({ id: ++id, subscribe: { channel: "map", type: 1, phase: 2, limit: 100, ...params } });
    return client.reply(id) as {
      subscribe?: { cursor?: string; epoch?: string; offset?: number; publications?: readonly unknown[] };
      error?: { code: number };
    };
  };
  /** Of a client that answers pings. */
  const wait = async (ms: number) => {
    for (let left = ms; left > 0; left -= 5000) {
      await node.wait(Math.min(left, 5000));
      await client.ask({});
    }
  };
  return { node, client, step, wait };
}

describe("map subscription step", () => {
  it("is awaited for half a minute", async () => {
    const { node, client, step, wait } = await start();
    const { cursor } = (await step({})).subscribe ?? {};
    await wait(29_000);
    expect((await step({ cursor })).subscribe).toMatchObject({ type: 1 });
    await client.ask({ id: 90, unsubscribe: { channel: "map" } });
    await step({});
    expect(node.sizes().channels).toBe(1);
    await wait(31_000);
    expect(node.sizes().channels).toBe(0);
    client.session.closed();
    expect(node.sizes()).toEqual(nothing);
  });

  it("is awaited for longer while the previous page is still being read", async () => {
    const { client, node, step, wait } = await start();
    client.transport.isFull = true;
    const { cursor } = (await step({})).subscribe ?? {};
    const { unsentBytes } = client.transport;
    for (let taken = 1; taken <= 4; taken++) {
      await wait(20_000);
      client.transport.unsentBytes = unsentBytes - taken;
    }
    client.transport.drain();
    await node.settle();
    expect((await step({ cursor })).subscribe).toMatchObject({ type: 1, recoverable: true });
  });

  it("that arrives later continues from its position, and a state page starts over", async () => {
    const { node, step, wait } = await start();
    const { cursor, epoch, offset } = (await step({})).subscribe ?? {};
    for (let n = 0; n < 150; n++)
      await node.broker.log.publish("map", { key: "k1000", data: `${n}` }, { retention: rules.retention });
    expect((await step({ cursor })).subscribe).toMatchObject({ phase: 2 });
    await wait(31_000);
    expect((await step({ cursor })).error).toMatchObject({ code: 112 });
    const { publications, ...page } = (await step({ phase: 1, epoch, offset })).subscribe ?? {};
    expect(page).toMatchObject({ phase: 1, offset: 250 });
    expect(publications).toHaveLength(100);
  });

  it("is refused when the log has restarted", async () => {
    const { node, step } = await start();
    const { cursor, epoch } = (await step({})).subscribe ?? {};
    const { keys: read } = node.broker.log;
    node.broker.log.keys = async (...args) => {
      const page = await read.apply(node.broker.log, args);
      return { ...page, position: { ...page.position, epoch: "another" } };
    };
    expect((await step({ cursor })).error).toMatchObject({ code: 112 });
    node.broker.log.keys = read;
    expect((await step({})).subscribe).toMatchObject({ epoch, phase: 2 });
  });
});
