import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countTo } from "./support/entries.js";
import type { FakeReader } from "./support/fake-reader.js";
import { createTestNode } from "./support/test-node.js";

const readerCount = 6;
const channelNames = ["news", "sport"] as const;

const channel = fc.constantFrom(...channelNames);
const reader = fc.nat(readerCount - 1);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("publish" as const),
      channel,
      count: fc.integer({ min: 1, max: 9 }),
      size: fc.constantFrom(1, 1, 1, 30_000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("fill" as const), reader }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("drain" as const), reader }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("settle" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hold" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("release" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("join" as const), channel }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("turn" as const) }) },
);
const steps = fc.array(step, { maxLength: 60, size: "max" });
type Steps = typeof steps extends fc.Arbitrary<infer T> ? T : never;

interface Limits {
  readonly ringEntries: number;
  readonly logEntries: number;
  /** What a look at the delivery's clock costs. */
  readonly msPerLook: number;
}

/** Lets all of it happen, then lets everybody drain. */
async function play(list: Steps, { ringEntries, logEntries, msPerLook }: Limits) {
  let time = 0;
  const now = () => {
    time += msPerLook;
    return time;
  };
  const node = await createTestNode({
    now,
    ringLimits: { maxEntries: ringEntries },
    retention: { maxEntries: logEntries },
  });
  const { broker, createReader, follow, publish, scheduler } = node;
  const readers = countTo(readerCount).map(createReader);
  for (const [index, each] of readers.entries())
    for (const name of channelNames) await follow(each, name, { hasJoinLeave: index % 3 === 0 });
  const published = { news: 0, sport: 0 };

  for (const each of list) {
    if (each.kind === "publish") {
      await publish(each.channel, each.count, JSON.stringify("x".repeat(each.size)));
      published[each.channel] += each.count;
    } else if (each.kind === "fill") (readers[each.reader] as FakeReader).isReady = false;
    else if (each.kind === "drain") (readers[each.reader] as FakeReader).drain();
    else if (each.kind === "hold") {
      if (broker.held("history") === 0) broker.hold("history");
    } else if (each.kind === "release") broker.release("history");
    else if (each.kind === "join")
      await broker.presence.announce(each.channel, "join", { user: "ann", client: "ann" });
    else if (each.kind === "turn") scheduler.turn();
    else await scheduler.runAll();
  }
  broker.release("history");
  for (const each of readers) each.drain();
  await scheduler.runAll();
  return { ...node, readers, published };
}

const ringEntries = fc.integer({ min: 1, max: 30 });
const msPerLook = fc.constantFrom(0, 1, 10);

describe("readers under any sequence of operations", () => {
  it("get every publication once and in order while the log keeps everything", async () => {
    await fc.assert(
      fc.asyncProperty(steps, ringEntries, msPerLook, async (list, ringSize, ms) => {
        const { channels, delivery, errors, log, published, readers } = await play(list, {
          ringEntries: ringSize,
          logEntries: 100_000,
          msPerLook: ms,
        });
        for (const each of readers) {
          expect(each.lost).toEqual([]);
          for (const name of channelNames) expect(each.offsets(name)).toEqual(countTo(published[name]));
        }
        expect(delivery.pending).toEqual({ channels: 0, behind: 0, unflushed: 0 });
        expect(log.pendingReads).toBe(0);
        expect(errors).toEqual([]);
        expect(channels.count).toBe(channelNames.length);
      }),
      { numRuns: 150 },
    );
  });

  it("get a gapless prefix and are told of the gap when the log has dropped entries", async () => {
    await fc.assert(
      fc.asyncProperty(steps, ringEntries, fc.integer({ min: 1, max: 12 }), async (list, ringSize, kept) => {
        const { delivery, published, readers } = await play(list, {
          ringEntries: ringSize,
          logEntries: kept,
          msPerLook: 0,
        });
        for (const each of readers)
          for (const name of channelNames) {
            const offsets = each.offsets(name);
            const isLost = each.lost.some(({ channel: { name: lost } }) => lost === name);
            expect(offsets).toEqual(countTo(offsets.length));
            expect(isLost || offsets.length === published[name]).toBe(true);
          }
        expect(delivery.pending).toEqual({ channels: 0, behind: 0, unflushed: 0 });
      }),
      { numRuns: 150 },
    );
  });
});
