import { describe, expect, it } from "vitest";
import { disconnect } from "../../src/wire/codes.js";
import { createSessionNode } from "./support/session-node.js";

const news = { channel: "news" };

describe("failure while processing a frame", () => {
  it("is reported once and ends only that connection, with 3004", async () => {
    const { connect, errors, sizes } = await createSessionNode();
    const [unlucky, other] = [await connect(), await connect()];
    const failure = new Error("a codec that throws");
    Object.defineProperty(unlucky.transport, "codec", {
      value: {
        ...unlucky.transport.codec,
        decode: () => {
          throw failure;
        },
      },
    });
    expect(() => unlucky.sendText("{}")).not.toThrow();
    expect(errors).toEqual([{ error: failure, stage: "running a client's commands" }]);
    expect(unlucky.closeCodes).toEqual([3004]);
    await other.ask({ id: 2, refresh: {} });
    expect(other.reply(2)).toBeDefined();
    expect(sizes()).toMatchObject({ connections: 1, deadlines: 1 });
  });
});

describe("failure in the background", () => {
  it.each([
    ["presence.add", "adding presence to news"],
    ["presence.announce", "announcing a join in news"],
  ] as const)("of %s is reported once, and the subscription stands", async (method, stage) => {
    const { broker, connect, errors, handler } = await createSessionNode();
    const failure = new Error("no store");
    broker.fail(method, failure);
    const client = await connect();
    await client.ask({ id: 2, subscribe: news });
    expect(errors).toEqual([{ error: failure, stage }]);
    expect(client.reply(2)?.subscribe).toBeDefined();
    expect(handler.stats().subscriptions).toBe(1);
  });

  it.each([
    ["presence.remove", "removing presence from news"],
    ["presence.announce", "announcing a leave in news"],
    ["unsubscribe", "leaving channel news"],
  ] as const)("of %s at the connection's end is reported once", async (method, stage) => {
    const { broker, connect, errors, sizes } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: news });
    const failure = new Error("no store");
    broker.fail(method, failure);
    client.session.closed();
    await client.settle();
    expect(errors).toEqual([{ error: failure, stage }]);
    expect(sizes()).toMatchObject({ connections: 0, subscriptions: 0, channels: 0, deadlines: 0 });
  });

  it("of a renewal is reported, and pings continue", async () => {
    const { broker, connect, errors, wait } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: news });
    broker.fail("presence.add");
    await wait(13_000);
    expect(errors).toHaveLength(1);
    expect(client.labels).toContain("ping");
    expect(client.closes).toEqual([]);
  });

  it("of a command is reported once, with its name, and answered with 100", async () => {
    const { broker, connect, errors } = await createSessionNode();
    const failure = new Error("no store");
    const client = await connect();
    for (const method of ["publish", "presence.list", "presence.stats", "history"] as const)
      broker.fail(method, failure);
    await client.ask(
      { id: 2, publish: { ...news, data: 1 } },
      { id: 3, presence: news },
      { id: 4, presence_stats: news },
      { id: 5, history: news },
    );
    for (const id of [2, 3, 4, 5])
      expect(client.reply(id)?.error).toEqual({
        code: 100,
        message: "internal server error",
        temporary: true,
      });
    expect(errors).toEqual(
      ["publish", "presence", "presence_stats", "history"].map((name) => ({
        error: failure,
        stage: `command ${name}`,
      })),
    );
  });

  it("of a command is reported after the client has gone", async () => {
    const { broker, connect, errors } = await createSessionNode();
    const client = await connect();
    broker.fail("publish");
    client.send({ id: 2, publish: { ...news, data: 1 } });
    client.session.close(disconnect("shutdown"));
    await client.settle();
    expect(errors).toHaveLength(1);
    expect(client.labels).toEqual(["1 connect"]);
  });

  it("of reading the log for several slow clients is reported once, and they are told", async () => {
    const { broker, connect, errors, publish } = await createSessionNode({ ringLimits: { maxEntries: 2 } });
    const clients = [await connect(), await connect(), await connect()];
    for (const client of clients) {
      await client.ask({ id: 2, subscribe: news });
      client.transport.isFull = true;
    }
    await publish("news", 10);
    await clients[0]?.settle();
    await publish("news", 10);
    await clients[0]?.settle();
    broker.fail("history");
    for (const client of clients) client.transport.drain();
    await clients[0]?.settle();
    for (const client of clients) expect(client.labels.at(-1)).toBe("news unsubscribe 2500");
    expect(errors).toHaveLength(1);
  });
});
