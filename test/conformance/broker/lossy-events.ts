/**
 * The channels of a node over the broker, whose events get lost, doubled, late and reordered on the way: whatever happens to them,
 * every reader is whole again once positions have been checked.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Channels } from "../../../packages/holdfast/src/channels/channels.js";
import { Delivery } from "../../../packages/holdfast/src/channels/delivery.js";
import { LogReader } from "../../../packages/holdfast/src/channels/log-reader.js";
import { PositionChecks } from "../../../packages/holdfast/src/channels/position-checks.js";
import { FakeReader } from "../../../packages/holdfast/test/channels/support/fake-reader.js";
import { ManualScheduler } from "../../../packages/holdfast/test/channels/support/manual-scheduler.js";
import { FakeClock } from "../../../packages/holdfast/test/support/fake-clock.js";
import { fuzzRuns } from "../../../packages/holdfast/test/support/fuzz/seed.js";
import { FaultyEvents } from "./faulty-events.js";
import { ample, type BrokerUnderTest, countTo, type Section } from "./fixture.js";

const checkIntervalMs = 10_000;
const channelNames = ["news", "sport"];

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant("publish" as const) },
  { weight: 2, arbitrary: fc.constant("settle" as const) },
  { weight: 1, arbitrary: fc.constant("fill" as const) },
  { weight: 1, arbitrary: fc.constant("drain" as const) },
);

/** A node's channels over the broker, on a clock and turns of its own. */
function createNode({ broker, events }: BrokerUnderTest, eventSeed: number, ringEntries: number) {
  const clock = new FakeClock();
  const scheduler = new ManualScheduler();
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const { log } = broker;
  const logReader = new LogReader(log);
  const delivery = new Delivery({
    logReader,
    schedule: scheduler.schedule,
    now: () => 0,
    sliceMs: 4,
    onError,
  });
  const ringLimits = { maxEntries: ringEntries, maxBytes: 1_000_000 };
  const channels = new Channels({ log, logReader, delivery, ringLimits, onError });
  const { schedule } = scheduler;
  const checks = new PositionChecks({
    channels,
    delivery,
    log,
    clock,
    schedule,
    random: () => 0,
    intervalMs: checkIntervalMs,
    onError,
  });
  const faults = new FaultyEvents(eventSeed, (...event) => channels.onPublication(...event));
  events.onRawPublication = faults.onPublication;
  return { clock, scheduler, errors, delivery, channels, checks, faults };
}

/** Plays one course. @returns what was done to events */
async function play(
  test: BrokerUnderTest,
  run: number,
  steps: readonly string[],
  eventSeed: number,
  ringEntries: number,
) {
  const { broker, idle, until, wait } = test;
  const { clock, scheduler, errors, delivery, channels, checks, faults } = createNode(
    test,
    eventSeed,
    ringEntries,
  );
  const names = channelNames.map((name) => `${name}-${run}`);
  const readers = await Promise.all(
    [...names, ...names].map(async (name) => {
      const reader = new FakeReader(delivery);
      const channel = await wait(channels.acquire(name));
      reader.subscriptions.add(
        channels.subscribe(channel, reader, { offset: channel.head, hasJoinLeave: false }),
      );
      channels.release(channel);
      return { name, reader };
    }),
  );
  const heads = new Map(names.map((name) => [name, 0]));
  for (const [i, kind] of steps.entries()) {
    const { name, reader } = readers[i % readers.length] as { name: string; reader: FakeReader };
    if (kind === "publish") {
      await wait(broker.log.publish(name, { data: String(i) }, { retention: ample }));
      heads.set(name, (heads.get(name) ?? 0) + 1);
    } else if (kind === "settle") await scheduler.runAll();
    else if (kind === "fill") reader.isReady = false;
    else reader.drain();
  }
  await idle();
  faults.loseHeld();
  for (const { reader } of readers) reader.drain();
  checks.start();
  clock.advance(checkIntervalMs);
  // One check, and the second look at what was on its way then.
  let lateMs = 0;
  await until("every reader is at the head", async () => {
    await scheduler.runAll();
    lateMs += 100;
    if (lateMs < checkIntervalMs / 2) clock.advance(100);
    return readers.every(
      ({ name, reader }) => reader.offsets().at(-1) === heads.get(name) || heads.get(name) === 0,
    );
  });
  checks.stop();
  for (const { name, reader } of readers) {
    expect(reader.offsets()).toEqual(countTo(heads.get(name) ?? 0));
    expect(reader.lost).toEqual([]);
  }
  expect(errors).toEqual([]);
  for (const { reader } of readers)
    for (const subscription of [...reader.subscriptions]) channels.unsubscribe(subscription);
  return faults.counts;
}

export function describeLossyEvents({ start }: Section): void {
  describe("events that get lost, doubled, late and reordered", () => {
    it("leave every reader with every publication once, in order, within one check", async () => {
      const test = await start();
      const seen = { lost: 0, doubled: 0, late: 0 };
      let run = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 5, maxLength: 60, size: "max" }),
          fc.nat(),
          fc.constantFrom(2, 100),
          async (steps, eventSeed, ringEntries) => {
            const counts = await play(test, ++run, steps, eventSeed, ringEntries);
            for (const name of ["lost", "doubled", "late"] as const) seen[name] += counts[name];
          },
        ),
        fuzzRuns(25),
      );
      for (const count of Object.values(seen)) expect(count).toBeGreaterThan(10);
    });
  });
}
