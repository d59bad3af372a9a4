import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countTo } from "./support/entries.js";
import type { FakeReader } from "./support/fake-reader.js";
import { checkIntervalMs, createTestNode } from "./support/test-node.js";

const readerCount = 3;

/** What happens to events on their way from the broker to the node. */
const fate = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("tell" as const), at: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("tell" as const), at: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("drop" as const), at: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("double" as const), at: fc.nat(5) }) },
);
const course = fc.oneof(
  { weight: 8, arbitrary: fate },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("publish" as const), at: fc.constant(0) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("turn" as const), at: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("settle" as const), at: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hold" as const), at: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("release" as const), at: fc.constant(0) }) },
);
const slowness = fc.oneof(
  fc.record({ kind: fc.constant("fill" as const), at: fc.nat(readerCount - 1) }),
  fc.record({ kind: fc.constant("drain" as const), at: fc.nat(readerCount - 1) }),
);
const comings = fc.record({ kind: fc.constant("recover" as const), at: fc.nat(6) });

type Step = { readonly kind: string; readonly at: number };

interface Limits {
  readonly ringEntries: number;
  readonly logEntries: number;
}

interface Follower {
  readonly reader: FakeReader;
  /** Had everything up to here from elsewhere. */
  readonly from: number;
}

/**
 * By what every loss shows in the end: one more publication whose event and all earlier ones are told, or no event at all, and the
 * time after which positions are checked.
 */
type Ending = "publication" | "check";
const endings: readonly Ending[] = ["publication", "check"];

/** Plays the steps, and then what makes every loss show. */
async function play(steps: readonly Step[], { ringEntries, logEntries }: Limits, ending: Ending) {
  const node = await createTestNode({
    ringLimits: { maxEntries: ringEntries },
    retention: { maxEntries: logEntries },
  });
  const { broker, channels, checks, clock, createReader, delivery, follow, publish, scheduler } = node;
  broker.holdsEvents = true;
  const followers: Follower[] = [];
  let head = 0;
  for (let i = 0; i < readerCount; i++) {
    const reader = createReader();
    await follow(reader, "news");
    followers.push({ reader, from: 0 });
  }

  const recover = async (offset: number): Promise<void> => {
    const channel = await channels.acquire("news");
    const recovery = await channels.recovery.recover(channel, { epoch: "epoch-1", offset });
    if (recovery.isRecovered) {
      const reader = createReader();
      const from = recovery.publications.at(-1)?.offset ?? offset;
      expect(recovery.publications.map((each) => each.offset)).toEqual(countTo(from, offset + 1));
      reader.subscriptions.add(
        channels.subscribe(channel, reader, { offset: recovery.offset, hasJoinLeave: false }),
      );
      delivery.resume(reader);
      followers.push({ reader, from });
    }
    channels.release(channel);
  };

  const coming: Promise<void>[] = [];
  for (const { kind, at } of steps) {
    const { events } = broker;
    if (kind === "publish") {
      await publish("news");
      head++;
    } else if (kind === "turn") scheduler.turn();
    else if (kind === "settle") await scheduler.runAll();
    else if (kind === "hold") {
      if (broker.held("history") === 0) broker.hold("history");
    } else if (kind === "release") broker.release("history");
    else if (kind === "fill") (followers[at] as Follower).reader.isReady = false;
    else if (kind === "drain") (followers[at] as Follower).reader.drain();
    else if (kind === "recover") coming.push(recover(Math.max(0, head - at)));
    else if (events.length > 0) {
      const index = at % events.length;
      if (kind === "tell") events.splice(index, 1)[0]?.();
      else if (kind === "drop") events.splice(index, 1);
      else events[index]?.();
    }
  }
  broker.release("history");
  await scheduler.runAll();
  await Promise.all(coming);
  for (const { reader } of followers) reader.drain();
  if (ending === "publication") {
    await publish("news");
    head++;
    broker.releaseEvents();
  } else {
    broker.events.length = 0;
    checks.start();
    clock.advance(checkIntervalMs);
  }
  await scheduler.runAll();
  checks.stop();
  return { ...node, followers, head };
}

function expectGapless({ followers, head }: { followers: readonly Follower[]; head: number }): void {
  for (const { reader, from } of followers) {
    const offsets = reader.offsets();
    expect(offsets).toEqual(countTo(from + offsets.length, from + 1));
    expect(reader.lost.length > 0 || from + offsets.length === head).toBe(true);
  }
}

const ample = { ringEntries: 100, logEntries: 100_000 };

describe.each(endings)("events lost, duplicated and reordered until the next %s", (ending) => {
  it("leave readers at the head with every publication once, in order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(course, { maxLength: 80, size: "max" }), async (steps) => {
        const played = await play(steps, ample, ending);
        expectGapless(played);
        for (const { reader } of played.followers) expect(reader.lost).toEqual([]);
        expect(played.errors).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("leave readers without a gap, or told of it, when the log drops entries", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(course, { maxLength: 80, size: "max" }),
        fc.integer({ min: 1, max: 6 }),
        async (steps, logEntries) => expectGapless(await play(steps, { ...ample, logEntries }, ending)),
      ),
      { numRuns: 300 },
    );
  });

  it("leave slow readers, which read the log, with every publication once, in order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 3, arbitrary: course }, { weight: 2, arbitrary: slowness }), {
          maxLength: 120,
          size: "max",
        }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, ringEntries) => expectGapless(await play(steps, { ...ample, ringEntries }, ending)),
      ),
      { numRuns: 300 },
    );
  });

  it("leave recovering readers with every publication once, in order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 2, arbitrary: course }, { weight: 1, arbitrary: comings }), {
          maxLength: 80,
          size: "max",
        }),
        async (steps) => expectGapless(await play(steps, ample, ending)),
      ),
      { numRuns: 300 },
    );
  });
});
