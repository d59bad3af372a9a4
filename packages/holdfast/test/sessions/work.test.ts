import { describe, expect, it } from "vitest";
import { Work, type WorkOptions } from "../../src/sessions/work.js";
import { countTo } from "../channels/support/entries.js";
import { FakeClock } from "../support/fake-clock.js";
import { createSessionNode } from "./support/session-node.js";

function createWork(options: Partial<WorkOptions> = {}) {
  const clock = new FakeClock();
  const turns: (() => void)[] = [];
  const work = new Work({
    clock,
    schedule: (run) => turns.push(run),
    perSecond: 100,
    burst: 200,
    lagMs: () => 0,
    shedAboveLagMs: 1000,
    ...options,
  });
  const nextTurn = () => turns.splice(0).forEach((run) => void run());
  return { clock, work, nextTurn, scheduled: () => turns.length };
}

describe("account", () => {
  it("is shared by all users of a key, and kept until its debt is paid off", () => {
    const { clock, work } = createWork();
    const [first, second] = [work.account("user ann"), work.account("user ann")];
    first.charge(300);
    expect(second.waitMs()).toBeGreaterThan(1000);
    expect(work.account(undefined).waitMs()).toBe(0);
    first.release();
    second.release();
    expect(work.account("user ann").waitMs()).toBeGreaterThan(1000);
    clock.advance(1100);
    expect(work.account("user ann").waitMs()).toBe(0);
  });

  it("is unlimited when null", () => {
    const { work } = createWork({ perSecond: null });
    const account = work.account("user ann");
    account.charge(1e9);
    expect(account.waitMs()).toBe(0);
  });
});

describe("turns", () => {
  it("start a bounded amount at once, and the rest in later turns, in order", () => {
    const { work, nextTurn, scheduled } = createWork();
    const begun: number[] = [];
    for (const n of countTo(10)) if (work.tryBegin(15, () => begun.push(n))) begun.push(n);
    expect(begun).toEqual([1, 2, 3]);
    nextTurn();
    expect(begun).toEqual([1, 2, 3, 4, 5, 6]);
    nextTurn();
    nextTurn();
    expect(begun).toEqual(countTo(10));
    nextTurn();
    expect(scheduled()).toBe(0);
  });

  it("skip cancelled work", () => {
    const { work, nextTurn } = createWork();
    const begun: string[] = [];
    const gone = () => begun.push("gone");
    work.tryBegin(60, () => {});
    work.tryBegin(10, gone);
    work.tryBegin(10, () => begun.push("there"));
    work.cancel(gone);
    nextTurn();
    expect(begun).toEqual(["there"]);
    expect(work.waiting).toBe(0);
  });
});

describe("costly commands", () => {
  const limits = { workPerSecond: 10, workBurst: 20 };
  const history = (id: number) => ({ id, history: { channel: "news", limit: 100 } });

  it("wait until their account is paid off, and cheap ones do not", async () => {
    const { connect, publish, clock, settle } = await createSessionNode({ limits });
    await publish("news", 100, JSON.stringify("x".repeat(1000)));
    const client = await connect("ann");
    const other = await connect("ann");
    await client.ask(history(2));
    expect(client.reply(2)).toHaveProperty("history");
    // About 50 units: 3 s to wait, for all connections of the user.
    await other.ask({ id: 2, publish: { channel: "quiet", data: 1 } }, history(3));
    expect(other.reply(2)).toEqual({ id: 2, publish: {} });
    expect(other.reply(3)).toBeUndefined();
    expect(other.transport.reading).toEqual(["pause"]);
    clock.advance(10_000);
    await settle();
    await other.ask({ id: 4, publish: { channel: "quiet", data: 2 } });
    expect(other.reply(3)).toHaveProperty("history");
    expect(other.transport.reading).toEqual(["pause", "resume"]);
  });

  it("with large input are charged when refused, and reading pauses until that is paid off", async () => {
    const { connect, clock, settle } = await createSessionNode({ limits });
    const client = await connect("ann");
    await client.ask({ id: 2, unsubscribe: { channel: "quiet", data: "x".repeat(120_000) } });
    // Answered, and about 10 units in debt.
    expect(client.reply(2)).toBeDefined();
    expect(client.transport.reading).toEqual(["pause"]);
    clock.advance(3000);
    await settle();
    expect(client.transport.reading).toEqual(["pause", "resume"]);
  });

  it("of other accounts do not wait", async () => {
    const { connect, publish } = await createSessionNode({ limits });
    await publish("news", 100, JSON.stringify("x".repeat(1000)));
    const ann = await connect("ann");
    await ann.ask(history(2));
    const bob = await connect("bob");
    await bob.ask(history(2));
    expect(bob.reply(2)).toHaveProperty("history");
  });

  it("leave nothing behind when their connection ends while waiting", async () => {
    const { connect, publish, work, clock } = await createSessionNode({ limits });
    await publish("news", 100, JSON.stringify("x".repeat(1000)));
    const client = await connect("ann");
    await client.ask(history(2));
    const timers = clock.timers;
    await client.ask(history(3));
    expect(clock.timers).toBe(timers + 1);
    client.session.closed();
    expect(work.waiting).toBe(0);
    expect(clock.timers).toBeLessThanOrEqual(timers);
  });

  it.each([
    ["recovering", { subscribe: { channel: "news", recover: true, offset: 0, epoch: "epoch-1" } }],
    ["history", { history: { channel: "news", limit: 100 } }],
  ])("are charged for what they give: %s", async (_name, command) => {
    const { connect, publish, work } = await createSessionNode({ limits });
    await publish("news", 100, JSON.stringify("x".repeat(200)));
    const client = await connect("ann");
    await client.ask({ id: 2, ...command });
    expect(client.reply(2)).not.toHaveProperty("error");
    expect(work.account("user ann").isWithinShare).toBe(false);
  });
});

describe("lagging event loop", () => {
  it("refuses new connections and costly commands of heavy users, and serves the others", async () => {
    const { connect, open, publish, lag } = await createSessionNode({
      limits: { workPerSecond: 10, workBurst: 100 },
    });
    await publish("news", 100, JSON.stringify("x".repeat(2000)));
    const [ann, bob] = [await connect("ann"), await connect("bob")];
    await ann.ask({ id: 2, history: { channel: "news", limit: 60 } });
    lag.ms = 1001;
    await ann.ask({ id: 3, publish: { channel: "quiet", data: 1 } });
    expect(ann.reply(3)).toMatchObject({ error: { code: 111, temporary: true } });
    // Cheap: goes on.
    await ann.ask({ id: 4, unsubscribe: { channel: "quiet" } });
    expect(ann.reply(4)).toEqual({ id: 4, unsubscribe: {} });
    await bob.ask({ id: 2, history: { channel: "news", limit: 10 } });
    expect(bob.reply(2)).toHaveProperty("history");
    const late = open();
    await late.ask({ id: 1, connect: {} });
    expect(late.closes).toMatchObject([{ code: 3013 }]);
    lag.ms = 0;
    await ann.ask({ id: 5, publish: { channel: "quiet", data: 1 } });
    expect(ann.reply(5)).toEqual({ id: 5, publish: {} });
  });
});
