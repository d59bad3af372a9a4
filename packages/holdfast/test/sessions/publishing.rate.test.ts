import { describe, expect, it } from "vitest";
import { countTo } from "../channels/support/entries.js";
import { createSessionNode, nothing } from "./support/session-node.js";
import type { TestClient } from "./support/test-client.js";

function publishes(count: number, firstId = 2): object[] {
  return countTo(firstId + count - 1, firstId).map((id) => ({ id, publish: { channel: "news", data: id } }));
}

/** Codes of the errors that replies came with; 0 for none. */
function codes(client: TestClient, count: number, firstId = 2): (number | undefined)[] {
  return countTo(firstId + count - 1, firstId).map((id) => {
    const reply = client.reply(id);
    return reply && (reply.error?.code ?? 0);
  });
}

const unbound = { publishesPerSecond: null, userPublishesPerSecond: null };
const own = { ...unbound, publishesPerSecond: 10, publishBurst: 3 };
const shared = { ...unbound, userPublishesPerSecond: 10, userPublishBurst: 4 };

describe("rate of publications of one connection", () => {
  it("allows a burst, and answers further ones with the limit and the time to wait", async () => {
    const { connect, broker } = await createSessionNode({ limits: own });
    const client = await connect("ann");
    await client.ask(...publishes(5));
    expect(codes(client, 5)).toEqual([0, 0, 0, 111, 111]);
    expect(broker.count("publish")).toBe(3);
    expect(client.reply(5)?.error).toEqual({
      code: 111,
      message:
        "too many requests: 10 publications a second of one connection are accepted, 3 at once; try again in 200 ms",
      temporary: true,
    });
    expect(client.closes).toEqual([]);
  });

  it("allows publications at the announced time", async () => {
    const { connect, clock } = await createSessionNode({ limits: own });
    const client = await connect("ann");
    await client.ask(...publishes(4));
    clock.advance(199);
    await client.ask(...publishes(1, 6));
    clock.advance(101 + 100);
    await client.ask(...publishes(1, 7));
    expect(codes(client, 6)).toEqual([0, 0, 0, 111, 111, 0]);
  });

  it("ends a connection that continues regardless with 3013, and no other", async () => {
    const { connect, handler } = await createSessionNode({ limits: own });
    const [client, other] = [await connect("ann"), await connect("ann")];
    await client.ask(...publishes(20));
    expect(client.closes).toMatchObject([{ code: 3013 }]);
    await other.ask(...publishes(3));
    expect(codes(other, 3)).toEqual([0, 0, 0]);
    expect(handler.connections).toBe(1);
  });

  it("includes the method holdfast.publish, and no other commands", async () => {
    const { connect } = await createSessionNode({ limits: own });
    const client = await connect("ann");
    const others = countTo(29, 20).map((id) => ({ id, presence: { channel: "news" } }));
    const data = { channel: "news", data: 1 };
    await client.ask(
      ...others,
      ...countTo(5, 2).map((id) => ({ id, rpc: { method: "holdfast.publish", data } })),
    );
    expect(codes(client, 4)).toEqual([0, 0, 0, 111]);
    expect(codes(client, 10, 20)).toEqual(Array(10).fill(0));
  });

  it("is unlimited when null", async () => {
    const { connect } = await createSessionNode({ limits: unbound });
    const client = await connect("ann");
    await client.ask(...publishes(1500));
    expect(codes(client, 1500)).toEqual(Array(1500).fill(0));
  });
});

describe("rate of publications of one user", () => {
  it("counts all connections of the user together, and no other user", async () => {
    const { connect } = await createSessionNode({ limits: shared });
    const [one, two, other] = [await connect("ann"), await connect("ann"), await connect("bob")];
    await one.ask(...publishes(3));
    await two.ask(...publishes(3));
    await other.ask(...publishes(3));
    expect([...codes(one, 3), ...codes(two, 3)]).toEqual([0, 0, 0, 0, 111, 111]);
    expect(two.reply(3)?.error?.message).toBe(
      "too many requests: 10 publications a second of one user are accepted, 4 at once; try again in 100 ms",
    );
    expect(codes(other, 3)).toEqual([0, 0, 0]);
  });

  it("does not apply to anonymous users", async () => {
    const { connect, userPublishes } = await createSessionNode({ limits: shared });
    const clients = [await connect(), await connect()];
    for (const client of clients) await client.ask(...publishes(4));
    expect(clients.map((client) => codes(client, 4))).toEqual([Array(4).fill(0), Array(4).fill(0)]);
    expect(userPublishes?.size).toBe(0);
  });

  it("ends a connection that continues regardless, and keeps one refused occasionally", async () => {
    const { connect, clock } = await createSessionNode({ limits: shared });
    const [flood, calm] = [await connect("ann"), await connect("ann")];
    await flood.ask(...publishes(7));
    await calm.ask(...publishes(1));
    expect(flood.closes).toEqual([]);
    await flood.ask(...publishes(2, 9));
    expect(flood.closes).toMatchObject([{ code: 3013 }]);
    expect(codes(calm, 1)).toEqual([111]);
    clock.advance(100);
    await calm.ask(...publishes(1, 3));
    expect(codes(calm, 2)).toEqual([111, 0]);
    expect(calm.closes).toEqual([]);
  });

  it("ends no connection refused as often as it is accepted", async () => {
    const { connect, clock } = await createSessionNode({ limits: shared });
    const client = await connect("ann");
    await client.ask(...publishes(4));
    for (const n of countTo(20)) {
      clock.advance(100);
      await client.ask(...publishes(2, 10 * n));
      expect(codes(client, 2, 10 * n)).toEqual([0, 111]);
    }
    expect(client.closes).toEqual([]);
  });

  it("cannot be evaded with a new connection", async () => {
    const { connect } = await createSessionNode({ limits: shared });
    const first = await connect("ann");
    await first.ask(...publishes(4));
    first.session.closed();
    const second = await connect("ann");
    await second.ask(...publishes(1));
    expect(codes(second, 1)).toEqual([111]);
  });

  it("is forgotten with the last connection once fully refilled", async () => {
    const { connect, clock, userPublishes, sizes } = await createSessionNode({ limits: shared });
    const clients = [await connect("ann"), await connect("ann")];
    for (const client of clients) await client.ask(...publishes(1));
    clock.advance(1000);
    for (const client of clients) client.session.closed();
    expect(userPublishes?.size).toBe(0);
    expect(sizes()).toEqual(nothing);
  });
});

describe("connections of one user", () => {
  const limits = { maxUserConnections: 2 };

  it("beyond the limit are refused terminally with 3504, and others stay", async () => {
    const { connect, handler } = await createSessionNode({ limits });
    const clients = [await connect("ann"), await connect("ann"), await connect("ann"), await connect("bob")];
    expect(clients.map(({ closes }) => closes)).toEqual([
      [],
      [],
      [{ code: 3504, reason: "connection limit: a user may have 2 connections" }],
      [],
    ]);
    expect(handler.sessionsOf("ann")).toHaveLength(2);
  });

  it("may be replaced when they end", async () => {
    const { connect } = await createSessionNode({ limits });
    const [first] = [await connect("ann"), await connect("ann")];
    first.session.closed();
    expect((await connect("ann")).closes).toEqual([]);
  });

  it("of anonymous users are unlimited, as are all when null", async () => {
    const anonymous = await createSessionNode({ limits });
    for (const _ of countTo(5)) expect((await anonymous.connect()).closes).toEqual([]);
    const unboundNode = await createSessionNode({ limits: { maxUserConnections: null } });
    for (const _ of countTo(300)) expect((await unboundNode.connect("ann")).closes).toEqual([]);
  });
});
