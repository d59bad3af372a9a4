import { describe, expect, it } from "vitest";
import { countTo } from "../channels/support/entries.js";
import { createSessionNode, nothing } from "./support/session-node.js";

function publishes(last: number, first = 2): object[] {
  return countTo(last, first).map((id) => ({ id, publish: { channel: "news", data: id } }));
}

describe("pending commands", () => {
  it("are bounded; further ones wait, and reading pauses", async () => {
    const { broker, connect } = await createSessionNode({ limits: { maxCommandsInFlight: 3 } });
    const client = await connect();
    broker.hold("publish");
    await client.ask(...publishes(11));
    expect(broker.count("publish")).toBe(3);
    expect(client.transport.reading).toEqual(["pause"]);
    broker.release("publish");
    await client.settle();
    expect(broker.count("publish")).toBe(10);
    for (const id of countTo(11, 2)) expect(client.reply(id)).toEqual({ id, publish: {} });
    expect(client.transport.reading).toEqual(["pause", "resume"]);
  });

  it("start in order of arrival, across frames too", async () => {
    const { connect, memory } = await createSessionNode({ limits: { maxCommandsInFlight: 2 } });
    const client = await connect();
    client.send(...publishes(6));
    client.send(...publishes(11, 7));
    client.send(...publishes(12, 12));
    await client.settle();
    const { publications } = await memory.log.history("news", {
      maxEntries: 100,
      maxBytes: 100_000,
      isReverse: false,
    });
    expect(publications.map(({ data }) => Number(data))).toEqual(countTo(12, 2));
  });

  it("do not pause reading while few", async () => {
    const { broker, connect } = await createSessionNode();
    const client = await connect();
    broker.hold("publish");
    await client.ask(...publishes(10));
    expect(client.transport.reading).toEqual([]);
    broker.release("publish");
    await client.settle();
    expect(client.reply(10)).toBeDefined();
  });

  it("that fail free their slot", async () => {
    const { broker, connect, errors } = await createSessionNode({ limits: { maxCommandsInFlight: 2 } });
    const client = await connect();
    broker.fail("publish");
    await client.ask(...publishes(9));
    for (const id of countTo(9, 2)) expect(client.reply(id)?.error?.code).toBe(100);
    expect(errors).toHaveLength(8);
  });

  it("each take effect once when one of them ends the connection", async () => {
    const { broker, connect, sizes } = await createSessionNode();
    const client = await connect();
    await client.ask(...publishes(4), { id: 5, publish: { channel: 7 } }, { send: {} }, ...publishes(9, 6));
    expect(broker.count("publish")).toBe(3);
    expect(client.closeCodes).toEqual([3508]);
    expect(sizes()).toEqual(nothing);
  });

  it("do not start after the connection ends", async () => {
    const { broker, connect } = await createSessionNode({ limits: { maxCommandsInFlight: 1 } });
    const client = await connect();
    broker.hold("publish");
    await client.ask(...publishes(5));
    client.session.closed();
    broker.release("publish");
    await client.settle();
    expect(broker.count("publish")).toBe(1);
    expect(client.labels).toEqual(["1 connect"]);
  });
});

describe("rate of commands", () => {
  const limits = { commandsPerSecond: 10, commandBurst: 5 };

  it("gets error 111 beyond the limit, which is temporary", async () => {
    const { broker, connect } = await createSessionNode({ limits });
    const client = await connect();
    // One of the five was connect.
    await client.ask(...publishes(8));
    expect(client.labels.toSorted()).toEqual(
      [
        "1 connect",
        ...countTo(5, 2).map((id) => `${id} publish`),
        ...countTo(8, 6).map((id) => `${id} error 111`),
      ].toSorted(),
    );
    expect(client.reply(8)?.error).toMatchObject({ code: 111, temporary: true });
    expect(client.reply(8)?.error?.message).toContain("10 commands a second");
    expect(broker.count("publish")).toBe(4);
    expect(client.closes).toEqual([]);
  });

  it("recovers over time", async () => {
    const { clock, connect } = await createSessionNode({ limits });
    const client = await connect();
    await client.ask(...publishes(6));
    clock.advance(300);
    await client.ask(...publishes(9, 7));
    expect(client.reply(6)?.error?.code).toBe(111);
    expect(client.reply(7)).toEqual({ id: 7, publish: {} });
    expect(client.reply(8)).toEqual({ id: 8, publish: {} });
    expect(client.reply(9)?.error?.code).toBe(111);
  });

  it("far beyond the limit ends the connection with 3013", async () => {
    const { broker, connect, sizes } = await createSessionNode({ limits });
    const client = await connect();
    await client.ask(...publishes(30));
    expect(client.closeCodes).toEqual([3013]);
    expect(broker.count("publish")).toBe(4);
    expect(sizes()).toEqual(nothing);
  });

  it("includes rejected commands and pongs", async () => {
    const { connect } = await createSessionNode({ limits });
    const first = await connect();
    await first.ask(...countTo(30).map(() => ({})));
    expect(first.closeCodes).toEqual([3013]);
    const second = await connect();
    await second.ask(...countTo(30, 2).map((id) => ({ id, subscribe: 5 })));
    expect(second.closeCodes).toEqual([3013]);
  });

  it("is unlimited when null", async () => {
    const { connect } = await createSessionNode({ limits: { commandsPerSecond: null, commandBurst: 1 } });
    const client = await connect();
    await client.ask(...publishes(300));
    expect(client.labels.filter((label) => label.includes("error"))).toEqual([]);
    expect(client.closes).toEqual([]);
  });
});
