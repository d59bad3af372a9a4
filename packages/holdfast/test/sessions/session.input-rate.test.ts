import { describe, expect, it } from "vitest";
import { createSessionNode, nothing } from "./support/session-node.js";

const limits = { bytesPerSecond: 1000, byteBurst: 2000 };

/** A command of so many bytes. */
function commandOf(id: number, bytes: number): object {
  const empty = { id, publish: { channel: "news", data: "" } };
  const data = "x".repeat(bytes - JSON.stringify(empty).length);
  return { id, publish: { channel: "news", data } };
}

describe("rate of input", () => {
  it("does not pause reading within a burst", async () => {
    const { connect } = await createSessionNode({ limits });
    const client = await connect();
    await client.ask(commandOf(2, 900), commandOf(3, 900));
    expect(client.transport.reading).toEqual([]);
  });

  it("pauses reading beyond the limit, processes received input, and resumes when the debt is paid", async () => {
    const { connect, clock } = await createSessionNode({ limits });
    const client = await connect();
    await client.ask(commandOf(2, 2950));
    expect(client.reply(2)).toEqual({ id: 2, publish: {} });
    expect(client.transport.reading).toEqual(["pause"]);
    clock.advance(900);
    expect(client.transport.reading).toEqual(["pause"]);
    clock.advance(150);
    expect(client.transport.reading).toEqual(["pause", "resume"]);
    expect(client.closes).toEqual([]);
  });

  it("includes bytes already read", async () => {
    const { connect, clock } = await createSessionNode({ limits });
    const client = await connect();
    await client.ask(commandOf(2, 2950));
    await client.ask(commandOf(3, 1000));
    clock.advance(1900);
    expect(client.transport.reading).toEqual(["pause"]);
    clock.advance(200);
    expect(client.transport.reading).toEqual(["pause", "resume"]);
  });

  it("does not time out a peer whose pong may be unread", async () => {
    const times = { pingIntervalMs: 10_000, pongTimeoutMs: 4000 };
    const { connect, wait } = await createSessionNode({ limits, times });
    const client = await connect();
    await wait(5000);
    expect(client.labels.at(-1)).toBe("ping");
    // For 3 s nothing more is read.
    await client.ask(commandOf(2, 5000));
    await wait(3500);
    expect(client.transport.reading).toEqual(["pause", "resume"]);
    await wait(3500);
    expect(client.closes).toEqual([]);
    await client.ask({});
    // From then on as ever.
    await wait(12_000);
    expect(client.closes).toEqual([]);
    await wait(4000);
    expect(client.closeCodes).toEqual([3012]);
  });

  it("leaves no timer behind when the connection ends", async () => {
    const { connect, clock, sizes } = await createSessionNode({ limits });
    const client = await connect();
    const before = clock.timers;
    await client.ask(commandOf(2, 5000));
    expect(clock.timers).toBe(before + 1);
    client.session.closed();
    expect(sizes()).toEqual(nothing);
    // Those of the broker.
    expect(clock.timers).toBe(2);
  });

  it("is unlimited when null", async () => {
    const { connect } = await createSessionNode({ limits: { bytesPerSecond: null } });
    const client = await connect();
    await client.ask(commandOf(2, 10_000_000));
    expect(client.transport.reading).toEqual([]);
  });
});
