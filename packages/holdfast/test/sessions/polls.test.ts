import { describe, expect, it } from "vitest";
import { type Framed, viewOf } from "../../src/channels/batches.js";
import type { PolledItem, PollPolicy } from "../../src/sessions/application.js";
import type { PollReader } from "../../src/sessions/poll-channel.js";
import { Polls, type PollsOptions } from "../../src/sessions/polls.js";
import { plainEncoding } from "../channels/support/fake-reader.js";
import { createCounter } from "../support/counter.js";
import { FakeClock, settle } from "../support/fake-clock.js";

interface TestReader extends PollReader {
  isReady: boolean;
  readonly labels: string[];
}

function createReader(owner = ""): TestReader {
  const labels: string[] = [];
  return {
    labels,
    isReady: true,
    encoding: plainEncoding,
    client: { owner, actor: { user: "", client: "", roles: [] } } as unknown as PollReader["client"],
    push({ bytes }: Framed) {
      const { key, version, removed, delta } = JSON.parse(Buffer.from(bytes).toString()).push.pub;
      labels.push(`${key} ${removed ? "removed" : version}${delta ? " patch" : ""}`);
    },
  };
}

function start(policy: Partial<PollPolicy> = {}, bounds: Partial<PollsOptions> = {}) {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const asked: string[][] = [];
  const values = new Map<string, Omit<PolledItem, "key">>();
  const poll: PollPolicy = {
    intervalMs: 1000,
    hasVersions: true,
    maxKeys: 100,
    maxClientKeys: 100,
    maxBytes: 1_000_000,
    async ask(keys) {
      asked.push(keys.map(({ key }) => key));
      return keys.flatMap(({ key }) => {
        const value = values.get(key);
        return value ? [{ key, ...value }] : [];
      });
    },
    verify: () => ({}),
    ...policy,
  };
  let turns = 0;
  const polls = new Polls({
    clock,
    sliceMs: 0,
    nextTurn: async () => {
      turns++;
    },
    createEpoch: createCounter("epoch"),
    onError: (error) => errors.push(error),
    ...{ maxTrackedKeys: 1000, maxPolledBytes: 2_000_000, userPercent: 2 },
    ...bounds,
  });
  const application = { policyFor: () => ({ rules: {} as never, may: () => true, poll }) };
  const enter = (isDelta = false, owner = "", channel = "votes") => {
    const reader = createReader(owner);
    const position = polls.enter(channel, { application }, reader, viewOf({ isDelta }));
    const track = (items: Readonly<Record<string, number>>, untrack: readonly string[] = []) =>
      polls.track(channel, reader, {
        track: [{ signature: "", items: Object.entries(items).map(([key, version]) => ({ key, version })) }],
        untrack,
      });
    return { reader, position, track, leave: () => polls.leave(channel, reader) };
  };
  const advance = async (ms: number) => {
    clock.advance(ms);
    await settle();
  };
  return { clock, errors, asked, values, polls, enter, advance, turns: () => turns };
}

const text = (n: number) => JSON.stringify(`${"x".repeat(100)}${n}`);

describe("a polled channel", () => {
  it("gives a slow client the newest value once it takes more, and queues nothing for it", async () => {
    const { values, enter, advance } = start();
    const [slow, fast] = [enter(), enter()];
    for (const { track } of [slow, fast]) track({ a: 0 });
    await settle();
    slow.reader.isReady = false;
    for (const version of [1, 2, 3]) {
      values.set("a", { data: text(version), version });
      await advance(1000);
    }
    expect(fast.reader.labels).toEqual(["a 1", "a 2", "a 3"]);
    expect(slow.reader.labels).toEqual([]);
    slow.reader.isReady = true;
    await advance(1000);
    expect(slow.reader.labels).toEqual(["a 3"]);
  });

  it("sends patches of the value that a client has got here, and whole values otherwise", async () => {
    const { values, enter, advance } = start();
    const [one, late] = [enter(true), enter(true)];
    one.track({ a: 1 });
    for (const version of [2, 3]) {
      values.set("a", { data: text(version), version });
      await advance(1000);
    }
    late.track({ a: 2 });
    values.set("a", { data: text(4), version: 4 });
    await advance(1000);
    expect(one.reader.labels).toEqual(["a 2", "a 3 patch", "a 4 patch"]);
    // It has got 3 in the reply.
    expect(late.reader.labels).toEqual(["a 4 patch"]);
  });

  it("asks one question at a time, and none once nobody tracks a key", async () => {
    let answer: ((items: PolledItem[]) => void) | undefined;
    const questions: string[] = [];
    const { enter, advance } = start({
      ask: (keys) => {
        questions.push(keys.map(({ key }) => key).join());
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
    });
    const { track, leave } = enter();
    track({ a: 0 });
    await settle();
    track({ b: 0 });
    await advance(5000);
    expect(questions).toEqual(["a"]);
    answer?.([]);
    await settle();
    expect(questions).toEqual(["a", "b"]);
    answer?.([]);
    await settle();
    await advance(1000);
    expect(questions).toEqual(["a", "b", "a,b"]);
    leave();
    answer?.([]);
    await advance(10_000);
    expect(questions).toHaveLength(3);
  });

  it("delivers in slices, and lets other work have its turn between them", async () => {
    const { values, enter, turns } = start();
    const all = Array.from({ length: 100 }, () => enter());
    values.set("a", { data: "1", version: 1 });
    for (const { track } of all) track({ a: 0 });
    await settle();
    expect(all.every(({ reader }) => reader.labels.join() === "a 1")).toBe(true);
    expect(turns()).toBe(3);
  });

  it("drops keys whose signature has expired for longer than its grace", async () => {
    const { clock, asked, enter, advance } = start();
    const expiring = start({ verify: () => ({ expiresAt: clock.now() + 2000 }) });
    const { track } = expiring.enter();
    expect(track({ a: 0 })).toEqual({ ttl: 2 });
    for (let n = 0; n < 40; n++) await expiring.advance(1000);
    expect(expiring.polls.sizes.keys).toBe(0);
    enter().track({ a: 0 });
    for (let n = 0; n < 40; n++) await advance(1000);
    expect(asked.length).toBeGreaterThan(30);
  });

  it("makes up versions that grow also for a key that nobody has tracked for a while", async () => {
    const { values, enter, advance } = start({ hasVersions: false });
    const { reader, track, position } = enter();
    expect(position).toEqual({ epoch: "epoch-1", offset: 0 });
    values.set("a", { data: text(1) });
    track({ a: 0 });
    await settle();
    track({}, ["a"]);
    track({ a: 1 });
    await settle();
    await advance(1000);
    expect(reader.labels).toEqual(["a 1", "a 2"]);
  });

  it("frees everything once its last reader has gone", async () => {
    const { values, enter, polls, errors } = start();
    const { track, leave } = enter();
    values.set("a", { data: text(1), version: 1 });
    track({ a: 0, b: 0 });
    await settle();
    expect(polls.sizes).toMatchObject({ channels: 1, keys: 2 });
    leave();
    expect(polls.sizes).toMatchObject({ channels: 0, keys: 0 });
    expect(track({ a: 0 })).toMatchObject({ code: 103 });
    expect(errors).toEqual([]);
  });
});

describe("the bounds of all polled channels together", () => {
  const keys = (count: number, prefix = "k") =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, 0]));
  const full = (option: string) =>
    expect.objectContaining({
      code: "HF_BROKER_FULL",
      message: expect.stringContaining(option),
      details: { quota: option },
    });

  it("refuse a key beyond maxTrackedKeys, whatever the channel, track nothing of the command, and leave others alone", async () => {
    const { polls, enter, values, advance } = start({}, { maxTrackedKeys: 16 });
    const [one, two] = [enter(false, "", "a"), enter(false, "", "b")];
    one.track(keys(10));
    expect(() => two.track(keys(6))).toThrow(full("maxTrackedKeys"));
    expect(polls.sizes).toMatchObject({ keys: 10, tracked: 10 });
    two.track(keys(5));
    // A sixteenth is the server's. What is tracked already, again, takes no room.
    expect(() => two.track({ more: 0 })).toThrow(full("maxTrackedKeys"));
    two.track(keys(5));
    values.set("k0", { data: "1", version: 1 });
    await advance(1000);
    expect([one.reader.labels, two.reader.labels]).toEqual([["k0 1"], ["k0 1"]]);
  });

  it("count a key once for each client that tracks it", () => {
    const { polls, enter } = start({}, { maxTrackedKeys: 16 });
    for (let i = 0; i < 15; i++) enter().track({ a: 0 });
    expect(polls.sizes).toMatchObject({ keys: 1, tracked: 15 });
    expect(() => enter().track({ a: 0 })).toThrow(full("maxTrackedKeys"));
  });

  it("give each user a share once half is used, over all channels", () => {
    const { enter } = start({}, { maxTrackedKeys: 100, userPercent: 10 });
    enter(false, "user:ann", "a").track(keys(50));
    const bo = enter(false, "user:bo", "b");
    bo.track(keys(10));
    expect(() => bo.track({ more: 0 })).toThrow(/each user.* may have 10 of them \(maxUserPercent\)/);
    expect(() => enter(false, "user:bo", "c").track({ more: 0 })).toThrow(/maxUserPercent/);
    bo.track({}, ["k0"]);
    bo.track({ more: 0 });
  });

  it.each<
    [
      string,
      (reader: ReturnType<ReturnType<typeof start>["enter"]>, all: ReturnType<typeof start>) => unknown,
    ]
  >([
    ["untracks them", ({ track }) => track({}, Object.keys(keys(5)))],
    ["unsubscribes, or its session ends", ({ leave }) => leave()],
    [
      "has been told that they were removed",
      async (_, { polls, advance }) => {
        for (const key of Object.keys(keys(5)))
          polls.publish("votes", { key, data: "null", isRemoved: true });
        await advance(0);
      },
    ],
    ["brings no newer signature", (_, { advance }) => advance(60_000)],
  ])("have room again when a client %s", async (_name, release) => {
    const all = start({ verify: () => ({ expiresAt: 10_000 }) }, { maxTrackedKeys: 16 });
    const { polls, enter, values, advance } = all;
    for (const key of Object.keys(keys(5))) values.set(key, { data: text(1), version: 1 });
    const client = enter(true);
    client.track(keys(5));
    await advance(1000);
    client.track(keys(5));
    expect(polls.sizes).toMatchObject({ keys: 5, tracked: 5 });
    expect(polls.sizes.bytes).toBeGreaterThan(5 * 200);
    await release(client, all);
    expect(polls.sizes).toMatchObject({ keys: 0, tracked: 0, bytes: 0 });
    client.leave();
    expect(polls.sizes).toEqual({ channels: 0, keys: 0, tracked: 0, bytes: 0 });
  });

  it("refuse new values, and keys without a value, beyond maxPolledBytes, and report it once per answer", async () => {
    const { polls, enter, values, errors, advance } = start({}, { maxPolledBytes: 16_000 });
    const [one, two] = [enter(false, "", "a"), enter(false, "", "b")];
    one.track({ a: 0 });
    two.track({ b: 0, c: 0 });
    values.set("a", { data: JSON.stringify("x".repeat(6500)), version: 1 });
    await advance(1000);
    const large = { data: JSON.stringify("x".repeat(1000)), version: 1 };
    values.set("b", large);
    values.set("c", large);
    await advance(1000);
    expect(one.reader.labels).toEqual(["a 1"]);
    expect(two.reader.labels).toEqual([]);
    const error =
      'the values of 2 keys such as "b" in b: not taken, since the limit of 16000 bytes of polled values';
    expect(errors.map(String)).toContainEqual(expect.stringContaining(error));
    expect(errors).toHaveLength(1);
    expect(() => two.track(keys(10))).toThrow(full("maxPolledBytes"));
    one.leave();
    await advance(1000);
    expect(two.reader.labels).toEqual(["b 1", "c 1"]);
    two.leave();
    expect(polls.sizes.bytes).toBe(0);
  });

  it("charge a value to the first who tracks its key, until nobody does", async () => {
    const { polls, enter, values, errors, advance } = start({}, { maxPolledBytes: 10_000, userPercent: 10 });
    enter().track({ a: 0 });
    values.set("a", { data: JSON.stringify("x".repeat(2500)), version: 1 });
    await advance(1000);
    const [bo, cy] = [enter(false, "user:bo", "other"), enter(false, "user:cy", "other")];
    bo.track({ b: 0 });
    enter(false, "user:bo", "third").track({ c: 0 });
    cy.track({ b: 0 });
    values.set("b", { data: JSON.stringify("x".repeat(350)), version: 1 });
    await advance(1000);
    expect(errors.map(String)).toContainEqual(expect.stringContaining("maxUserPercent"));
    expect([bo.reader.labels, cy.reader.labels]).toEqual([[], []]);
    bo.leave();
    await advance(1000);
    expect(cy.reader.labels).toEqual([]);
    cy.leave();
    const again = enter(false, "user:cy", "other");
    again.track({ b: 0 });
    await advance(1000);
    expect(again.reader.labels).toEqual(["b 1"]);
    expect(polls.sizes).toMatchObject({ channels: 3, tracked: 3 });
  });
});
