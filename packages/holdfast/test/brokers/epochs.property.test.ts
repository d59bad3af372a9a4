/**
 * Positions in channels that may have no log: whatever is published, forgotten, lost, restarted, an epoch stands for one log
 * of a channel, and who comes back under the same epoch misses nothing without knowing.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ample, EventRecord, neighbourOf, query } from "../../../../test/conformance/broker/fixture.js";
import { readJournalEnds } from "../../src/brokers/lmdb/journal.js";
import { MemoryBroker } from "../../src/brokers/memory/memory-broker.js";
import type { Broker } from "../../src/channels/broker.js";
import type { Durability, Retention } from "../../src/channels/log.js";
import type { Position } from "../../src/wire/messages.js";
import { payloadText } from "../../src/wire/payload.js";
import { createCounter } from "../support/counter.js";
import { FakeClock } from "../support/fake-clock.js";
import { powerCutCopyOf } from "./lmdb/support/faults.js";
import { crashCopyOf, createFolder, openBroker } from "./lmdb/support/store.js";

const minuteMs = 60_000;
const metaTtlMs = 2 * minuteMs;
const channels = ["a", "b", neighbourOf("a")];

const channel = fc.constantFrom(...channels);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant("look" as const), channel }) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("publish" as const),
      channel,
      durability: fc.constantFrom<Durability>("process", "memory"),
      retention: fc.constantFrom<Retention>(
        ample,
        { ...ample, ttlMs: minuteMs },
        { ...ample, maxEntries: 0 },
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("subscribe" as const), channel }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("unsubscribe" as const), channel }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant("wait" as const), minutes: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      { type: "restart" as const },
      { type: "crash" as const },
      { type: "power cut" as const },
    ),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Place {
  readonly channel: string;
  readonly position: Position;
  /** Publications of the channel that were acknowledged when the position was given. */
  readonly published: number;
}

/** What clients have been told, and checks of what they are told when they come back. */
class Clients {
  /** By channel, epoch and offset. */
  readonly #known = new Map<string, string>();
  readonly #published = new Map<string, number>();
  readonly #places: Place[] = [];

  note(name: string, { epoch, offset }: Position, data: string): void {
    const key = `${name} ${epoch} ${offset}`;
    expect(this.#known.get(key) ?? data).toBe(data);
    this.#known.set(key, data);
  }

  published(name: string, position: Position, data: string): void {
    this.note(name, position, data);
    this.#published.set(name, (this.#published.get(name) ?? 0) + 1);
    this.#remember(name, position);
  }

  async look(broker: Broker, name: string): Promise<void> {
    const { position } = await broker.log.history(name, query({ maxEntries: 0 }));
    for (const place of this.#places)
      if (place.channel === name) await this.#comeBack(broker, place, position);
    this.#remember(name, position);
  }

  #remember(name: string, position: Position): void {
    this.#places.push({ channel: name, position, published: this.#published.get(name) ?? 0 });
  }

  async #comeBack(broker: Broker, place: Place, now: Position): Promise<void> {
    // Another epoch says that something may be missing.
    if (place.position.epoch !== now.epoch) return;
    const missed = (this.#published.get(place.channel) ?? 0) - place.published;
    expect(now.offset - place.position.offset).toBeGreaterThanOrEqual(missed);
    const page = await broker.log.history(place.channel, query({ sinceOffset: place.position.offset }));
    for (const { offset, data } of page.publications)
      this.note(place.channel, { epoch: now.epoch, offset }, payloadText(data));
  }
}

interface Subject {
  broker: Broker;
  advance(ms: number): Promise<void>;
  /** Ends it, and goes on with what that leaves. */
  end?(how: "restart" | "crash" | "power cut"): Promise<void>;
}

async function run(subject: Subject, steps: readonly Step[]): Promise<void> {
  const clients = new Clients();
  let count = 0;
  for (const each of steps) {
    const { broker } = subject;
    if (each.type === "look") await clients.look(broker, each.channel);
    else if (each.type === "subscribe") {
      const position = await broker.log.subscribe(each.channel);
      expect((await broker.log.history(each.channel, query({ maxEntries: 0 }))).position).toEqual(position);
      await clients.look(broker, each.channel);
    } else if (each.type === "unsubscribe") await broker.log.unsubscribe(each.channel);
    else if (each.type === "publish") {
      const data = String(++count);
      const before = (await broker.log.history(each.channel, query({ maxEntries: 0 }))).position;
      const { retention, durability } = each;
      const { position } = await broker.log.publish(each.channel, { data }, { retention, durability });
      expect(position).toEqual({ epoch: before.epoch, offset: before.offset + 1 });
      clients.published(each.channel, position, data);
    } else if (each.type === "wait") await subject.advance(each.minutes * minuteMs);
    else await subject.end?.(each.type);
  }
  for (const name of channels) await clients.look(subject.broker, name);
}

async function openStore(): Promise<Subject> {
  let folder = createFolder();
  const clock = new FakeClock();
  const open = () => openBroker(folder, { clock, metaTtlMs });
  let opened = await open();
  const subject: Subject = {
    broker: opened.broker,
    advance: (ms) => opened.advance(ms, 12),
    async end(how) {
      // Of a machine that ends, nothing is left that was not flushed.
      if (how === "power cut") folder = powerCutCopyOf(folder, flushedIn(folder));
      if (how === "crash") folder = crashCopyOf(folder);
      await opened.broker.close();
      opened = await open();
      subject.broker = opened.broker;
    },
  };
  return subject;
}

/** How many bytes of each journal file the store has flushed. */
function flushedIn(folder: string): (name: string) => number {
  const files = readJournalEnds(folder)?.files ?? [];
  return (name) => files.find(({ number }) => name === `journal-${number}.log`)?.flushed ?? 0;
}

async function openMemory(): Promise<Subject> {
  const clock = new FakeClock();
  const broker = new MemoryBroker({ clock, createEpoch: createCounter("epoch"), metaTtlMs });
  await broker.open(new EventRecord());
  return { broker, advance: async (ms) => void clock.advance(ms) };
}

describe("epochs of channels with and without a log", () => {
  it("each identify one log, in memory", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) =>
        run(await openMemory(), steps),
      ),
      { numRuns: 300 },
    );
  });

  it("each identify one log, in a store, across restarts, crashes and power cuts", {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) =>
        run(await openStore(), steps),
      ),
      { numRuns: 40 },
    );
  });
});
