import { describe, expect, it } from "vitest";
import { disconnect } from "../../src/wire/codes.js";
import type { BrokerMethod } from "../channels/support/controlled-broker.js";
import { countTo } from "../channels/support/entries.js";
import { createSessionNode, nothing } from "./support/session-node.js";
import type { TestClient } from "./support/test-client.js";

const news = { channel: "news" };
const ends: readonly [string, (client: TestClient) => void][] = [
  ["the peer", (client) => client.session.closed()],
  ["the server", (client) => client.session.close(disconnect("forceReconnect"))],
];

describe.each(ends)("connection ended by %s", (_name, end) => {
  it("leaves nothing behind", async () => {
    const { connect, publish, sizes } = await createSessionNode();
    const client = await connect("ann");
    await client.ask(
      { id: 2, subscribe: news },
      { id: 3, subscribe: { channel: "sport", join_leave: true } },
    );
    await publish("news", 5);
    await client.settle();
    expect(sizes()).toMatchObject({ connections: 1, users: 1, subscriptions: 2, deadlines: 1, channels: 2 });
    end(client);
    await client.settle();
    expect(sizes()).toEqual(nothing);
  });

  it("leaves nothing behind before connect", async () => {
    const { open, sizes } = await createSessionNode();
    end(open());
    expect(sizes()).toEqual(nothing);
  });

  it("leaves nothing behind with a full transport and pending replies", async () => {
    const { connect, publish, sizes } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: news });
    client.transport.isFull = true;
    await publish("news", 5);
    await client.settle();
    await client.ask({ id: 3, refresh: {} });
    end(client);
    client.transport.unsentBytes = 0;
    await client.settle();
    expect(sizes()).toEqual(nothing);
  });

  it("leaves nothing behind during a log read for it", async () => {
    const { broker, connect, publish, sizes } = await createSessionNode({ ringLimits: { maxEntries: 2 } });
    const client = await connect();
    await client.ask({ id: 2, subscribe: news });
    client.transport.isFull = true;
    await publish("news", 10);
    await client.settle();
    await publish("news", 10);
    broker.hold("history");
    client.transport.drain();
    await client.settle();
    expect(broker.held("history")).toBe(1);
    end(client);
    broker.release("history");
    await client.settle();
    expect(sizes()).toEqual(nothing);
  });

  it.each([
    ["subscribe", { subscribe: news }],
    ["subscribe", { subscribe: { ...news, recover: true, offset: 1 } }],
    ["history", { subscribe: { ...news, recover: true, offset: 1 } }],
    ["history", { history: news }],
    ["publish", { publish: { ...news, data: 1 } }],
    ["presence.list", { presence: news }],
    ["presence.stats", { presence_stats: news }],
  ] satisfies [BrokerMethod, object][])(
    "leaves nothing behind while the broker works on %s for %j",
    async (method, command) => {
      const { broker, connect, errors, publish, sizes } = await createSessionNode();
      await publish("news", 5);
      const client = await connect();
      broker.hold(method);
      await client.ask({ id: 2, ...command }, { id: 3, unsubscribe: news }, { id: 4, subscribe: news });
      expect(broker.held(method)).toBe(1);
      end(client);
      broker.release(method);
      await client.settle();
      expect(sizes()).toEqual(nothing);
      expect(errors).toEqual([]);
    },
  );

  it("leaves nothing behind at any moment after a frame of commands", async () => {
    for (const steps of countTo(60, 0)) {
      const { errors, open, publish, sizes } = await createSessionNode();
      await publish("news", 5);
      const client = open();
      client.send(
        { id: 1, connect: { data: { user: "ann" } } },
        { id: 2, subscribe: { ...news, recover: true, offset: 2 } },
        { id: 3, subscribe: { channel: "sport", join_leave: true } },
        { id: 4, publish: { ...news, data: 1 } },
        { id: 5, unsubscribe: { channel: "sport" } },
        { id: 6, subscribe: { channel: "sport" } },
      );
      for (let step = 0; step < steps; step++) await Promise.resolve();
      end(client);
      await client.settle();
      expect(sizes()).toEqual(nothing);
      expect(errors).toEqual([]);
    }
  });

  it("receives nothing afterwards", async () => {
    const { connect, publish } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: news });
    await publish("news");
    client.send({ id: 3, publish: { ...news, data: 1 } });
    end(client);
    const { length } = client.transport.writes;
    await publish("news", 3);
    client.session.drained();
    await client.settle();
    expect(client.transport.writes).toHaveLength(length);
  });

  it("ignores further commands and a second end", async () => {
    const { broker, connect, handler } = await createSessionNode();
    const client = await connect();
    end(client);
    client.session.receive('{"id":5,"publish":{"channel":"news","data":1}}');
    client.session.close(disconnect("shutdown"));
    client.session.closed();
    await client.settle();
    expect(broker.count("publish")).toBe(0);
    expect(client.closes.length).toBeLessThanOrEqual(1);
    expect(handler.connections).toBe(0);
  });
});

describe("connection ended by the server", () => {
  it("receives the reason after pending output", async () => {
    const { connect } = await createSessionNode();
    const client = await connect();
    client.send({ id: 2, refresh: {} });
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    client.session.close(disconnect("forceReconnect"));
    expect(client.labels).toEqual(["1 connect", "2 error 108"]);
    expect(client.closes).toEqual([{ code: 3011, reason: "force reconnect" }]);
  });

  it("receives the reason once", async () => {
    const { connect } = await createSessionNode();
    const client = await connect();
    client.session.close(disconnect("forceReconnect"));
    client.session.close(disconnect("shutdown"));
    expect(client.closeCodes).toEqual([3011]);
  });
});

describe("shutdown", () => {
  it("ends every connection with 3001 and leaves nothing behind", async () => {
    const { connect, handler, open, scheduler, sizes } = await createSessionNode();
    const clients = [open(), await connect("ann"), await connect("ann"), await connect()];
    for (const client of clients.slice(1)) await client.ask({ id: 2, subscribe: news });
    handler.shutdown();
    await scheduler.runAll();
    for (const client of clients) expect(client.closeCodes).toEqual([3001]);
    expect(sizes()).toEqual(nothing);
  });
});
