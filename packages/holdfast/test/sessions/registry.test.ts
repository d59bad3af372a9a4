import { describe, expect, it } from "vitest";
import { createSessionNode } from "./support/session-node.js";

describe("session registry", () => {
  it("counts a connection from its opening, and a user from connect", async () => {
    const { handler, open } = await createSessionNode();
    const client = open();
    expect(handler.connections).toBe(1);
    expect(handler.stats()).toMatchObject({ connections: 1, users: 0, subscriptions: 0, unsentBytes: 0 });
    await client.ask({ id: 1, connect: {} });
    expect(handler.stats()).toMatchObject({ connections: 1, users: 1, subscriptions: 0, unsentBytes: 0 });
  });

  it("counts each user once, and all anonymous ones as one", async () => {
    const { connect, handler } = await createSessionNode();
    for (const user of ["ann", "ann", "bob", "", ""]) await connect(user);
    expect(handler.stats()).toMatchObject({ connections: 5, users: 3 });
  });

  it("knows a user until the last of its connections ends", async () => {
    const { connect, handler } = await createSessionNode();
    const first = await connect("ann");
    const second = await connect("ann");
    first.session.closed();
    expect(handler.sessionsOf("ann")).toEqual([second.session]);
    expect(handler.stats().users).toBe(1);
    second.session.closed();
    expect(handler.sessionsOf("ann")).toEqual([]);
    expect(handler.stats().users).toBe(0);
  });

  it("finds a connection by its id until it ends", async () => {
    const { connect, handler } = await createSessionNode();
    const client = await connect();
    expect(handler.session(client.id)).toBe(client.session);
    client.session.closed();
    expect(handler.session(client.id)).toBeUndefined();
  });

  it("sums subscriptions and unsent bytes", async () => {
    const { connect, handler } = await createSessionNode();
    const [first, second] = [await connect(), await connect()];
    await first.ask({ id: 2, subscribe: { channel: "a" } }, { id: 3, subscribe: { channel: "b" } });
    await second.ask({ id: 2, subscribe: { channel: "a" } });
    first.transport.unsentBytes = 100;
    second.transport.unsentBytes = 11;
    expect(handler.stats()).toMatchObject({ connections: 2, users: 1, subscriptions: 3, unsentBytes: 111 });
  });

  it("gives each connection its own id and opening time", async () => {
    const { clock, open } = await createSessionNode();
    const first = open();
    clock.advance(1000);
    const second = open();
    expect(second.session.id).not.toBe(first.session.id);
    expect(second.session.openedAt - first.session.openedAt).toBe(1000);
  });
});
