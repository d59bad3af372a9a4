import { describe, expect, it } from "vitest";
import { countTo } from "../channels/support/entries.js";
import { createSessionNode } from "./support/session-node.js";

const since = { recover: true, epoch: "epoch-1", offset: 2 };

describe("many clients recovering from one position at once", () => {
  it("cost one log read when the node has just started", async () => {
    const { broker, connect, publish } = await createSessionNode();
    await publish("news", 50);
    const clients = await Promise.all(countTo(300).map(() => connect()));
    for (const client of clients) client.send({ id: 2, subscribe: { channel: "news", ...since } });
    for (const client of clients) {
      await client.settle();
      expect(client.reply(2)?.subscribe).toMatchObject({ recovered: true, offset: 2 });
      expect(client.offsets("news")).toEqual(countTo(50, 3));
    }
    expect(broker.count("history")).toBe(1);
  });

  it("cost one read per round while nothing is published", async () => {
    const { broker, connect, publish } = await createSessionNode();
    await publish("news", 50);
    for (const _each of countTo(20)) {
      const client = await connect();
      await client.ask({ id: 2, subscribe: { channel: "news", ...since } });
      expect(client.offsets("news")).toEqual(countTo(50, 3));
    }
    expect(broker.count("history")).toBe(1);
  });

  it("cost no read when the ring has their backlog", async () => {
    const { broker, connect, publish } = await createSessionNode();
    const keeper = await connect();
    await keeper.ask({ id: 2, subscribe: { channel: "news" } });
    await publish("news", 50);
    for (const _each of countTo(20)) {
      const client = await connect();
      await client.ask({ id: 2, subscribe: { channel: "news", ...since } });
      expect(client.reply(2)?.subscribe).toMatchObject({ recovered: true, offset: 2 });
      expect(client.offsets("news")).toEqual(countTo(50, 3));
    }
    expect(broker.count("history")).toBe(0);
  });

  it("get no expired publications from the ring", async () => {
    const { clock, connect, publish } = await createSessionNode({ retention: { ttlMs: 5000 } });
    const keeper = await connect();
    await keeper.ask({ id: 2, subscribe: { channel: "news" } });
    await publish("news", 5);
    clock.advance(6000);
    await publish("news", 1);
    const client = await connect();
    await client.ask({ id: 2, subscribe: { channel: "news", ...since } });
    expect(client.reply(2)?.subscribe).toMatchObject({ was_recovering: true, offset: 6 });
    expect(client.reply(2)?.subscribe?.recovered).toBeUndefined();
    expect(client.offsets("news")).toEqual([]);
  });
});
