import { describe, expect, it } from "vitest";
import { HeldBytes } from "../../src/sessions/flow-control.js";
import type { Session } from "../../src/sessions/session.js";
import { createSessionNode } from "./support/session-node.js";

type Holder = Pick<Session, "terminate">;

function createHolder(name: string, cuts: string[]): Holder {
  return { terminate: () => void cuts.push(name) };
}

describe("bytes held for slow readers", () => {
  it("are summed over all sessions", () => {
    const held = new HeldBytes(1000);
    const one = createHolder("one", []);
    held.set(one, 100);
    held.set(createHolder("two", []), 200);
    held.set(one, 50);
    expect([held.bytes, held.holders]).toEqual([250, 2]);
    held.set(one, 0);
    expect([held.bytes, held.holders]).toEqual([200, 1]);
  });

  it("disconnect the longest-held sessions, no more than needed", () => {
    const cuts: string[] = [];
    const held = new HeldBytes(1000);
    const holders = ["one", "two", "three"].map((name) => createHolder(name, cuts));
    for (const holder of holders) held.set(holder, 300);
    held.set(holders[0] as Holder, 350);
    expect(cuts).toEqual([]);
    held.set(holders[2] as Holder, 400);
    expect(cuts).toEqual(["one"]);
    expect([held.bytes, held.holders, held.terminated]).toEqual([700, 2, 1]);
  });

  it("are counted correctly when a disconnected session reports that it holds nothing", () => {
    const held = new HeldBytes(500);
    const one: Holder = { terminate: () => held.set(one, 0) };
    const two: Holder = { terminate: () => held.set(two, 0) };
    held.set(one, 300);
    held.set(two, 300);
    expect([held.bytes, held.holders, held.terminated]).toEqual([300, 1, 1]);
    held.set(two, 0);
    expect([held.bytes, held.holders]).toEqual([0, 0]);
  });

  it("restart their age for a session that drained in between", () => {
    const cuts: string[] = [];
    const held = new HeldBytes(500);
    const [one, two] = ["one", "two"].map((name) => createHolder(name, cuts)) as [Holder, Holder];
    held.set(one, 200);
    held.set(two, 200);
    held.set(one, 0);
    held.set(one, 400);
    expect(cuts).toEqual(["two"]);
  });
});

describe("sessions beyond the bound for all of them", () => {
  it("are disconnected, the longest slow first, and others continue", async () => {
    const { connect, handler, publish } = await createSessionNode({ maxHeldBytes: 2500 });
    const clients = [await connect(), await connect(), await connect()];
    for (const client of clients) await client.ask({ id: 2, subscribe: { channel: "news" } });
    const [first, second, quick] = clients as [(typeof clients)[0], (typeof clients)[0], (typeof clients)[0]];
    first.transport.isFull = true;
    await publish("news", 1, JSON.stringify("x".repeat(1500)));
    await quick.settle();
    expect(handler.stats()).toMatchObject({ behind: 1, cutOff: 0 });
    second.transport.isFull = true;
    await publish("news", 1, JSON.stringify("x".repeat(1500)));
    await quick.settle();
    expect([first, second, quick].map(({ transport }) => transport.isDestroyed)).toEqual([
      true,
      false,
      false,
    ]);
    expect(handler.stats()).toMatchObject({ connections: 2, subscriptions: 2, behind: 1, cutOff: 1 });
    expect(quick.offsets("news")).toEqual([1, 2]);
  });

  it("hold nothing once they have drained or ended", async () => {
    const { connect, handler, publish } = await createSessionNode();
    const clients = [await connect(), await connect()];
    for (const client of clients) {
      await client.ask({ id: 2, subscribe: { channel: "news" } });
      client.transport.isFull = true;
    }
    await publish("news");
    await clients[0]?.settle();
    expect(handler.stats()).toMatchObject({ behind: 2, heldBytes: expect.any(Number) });
    expect(handler.stats().heldBytes).toBe(handler.stats().unsentBytes);
    clients[0]?.transport.drain();
    clients[1]?.session.closed();
    expect(handler.stats()).toMatchObject({ behind: 0, heldBytes: 0 });
  });
});
