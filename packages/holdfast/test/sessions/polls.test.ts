import { describe, expect, it } from "vitest";
import { type Framed, viewOf } from "../../src/channels/batches.js";
import type { PolledItem, PollPolicy } from "../../src/sessions/application.js";
import { type PollReader, Polls } from "../../src/sessions/polls.js";
import { plainEncoding } from "../channels/support/fake-reader.js";
import { createCounter } from "../support/counter.js";
import { FakeClock, settle } from "../support/fake-clock.js";

interface TestReader extends PollReader {
  isReady: boolean;
  readonly labels: string[];
}

function createReader(): TestReader {
  const labels: string[] = [];
  return {
    labels,
    isReady: true,
    encoding: plainEncoding,
    client: { actor: { user: "", client: "", roles: [] } } as unknown as PollReader["client"],
    push({ bytes }: Framed) {
      const { key, version, removed, delta } = JSON.parse(Buffer.from(bytes).toString()).push.pub;
      labels.push(`${key} ${removed ? "removed" : version}${delta ? " patch" : ""}`);
    },
  };
}

function start(policy: Partial<PollPolicy> = {}) {
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
  });
  const application = { policyFor: () => ({ rules: {} as never, may: () => true, poll }) };
  const enter = (isDelta = false) => {
    const reader = createReader();
    const position = polls.enter("votes", { application }, reader, viewOf({ isDelta }));
    const track = (items: Readonly<Record<string, number>>, untrack: readonly string[] = []) =>
      polls.track("votes", reader, {
        track: [{ signature: "", items: Object.entries(items).map(([key, version]) => ({ key, version })) }],
        untrack,
      });
    return { reader, position, track, leave: () => polls.leave("votes", reader) };
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
    expect(polls.sizes).toEqual({ channels: 1, keys: 2 });
    leave();
    expect(polls.sizes).toEqual({ channels: 0, keys: 0 });
    expect(track({ a: 0 })).toMatchObject({ code: 103 });
    expect(errors).toEqual([]);
  });
});
