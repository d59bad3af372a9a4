import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ample, countTo, offsetsIn, publishMany } from "../../../../../test/conformance/broker/fixture.js";
import type { Durability, Retention } from "../../../src/channels/log.js";
import { LogModel } from "./support/model.js";
import { crashCopyOf, createFolder, type OpenBroker, openBroker } from "./support/store.js";

const channels = ["news", "news:1"];
const minuteMs = 60_000;

const retention = fc.constantFrom<Retention>(
  ample,
  { ...ample, maxEntries: 5 },
  { ...ample, maxEntries: 40 },
  { ...ample, maxEntries: 1 },
  { ...ample, maxEntries: 0 },
  { ...ample, maxBytes: 2 },
  { ...ample, ttlMs: 5 * minuteMs },
);

const durability = fc.constantFrom<Durability>("process", "disk", "memory");

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("publish" as const),
      channel: fc.constantFrom(...channels),
      count: fc.integer({ min: 1, max: 30 }),
      size: fc.constantFrom(0, 10, 3000),
      durability,
      retention,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("read" as const),
      channel: fc.constantFrom(...channels),
      sinceOffset: fc.option(fc.integer({ min: 0, max: 130 }), { nil: undefined }),
      maxEntries: fc.constantFrom(0, 1, 2, 7, 25, 1000),
      maxBytes: fc.constantFrom(0, 1, 100, 10_000, 1_000_000),
      isReverse: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ type: "checkpoint" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("wait" as const), minutes: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "restart" as const }) },
  { weight: 2, arbitrary: fc.constant({ type: "crash" as const }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Comparison {
  #folder = createFolder();
  /** Or nothing is published that a crash may take. */
  readonly #hasMemory: boolean;
  readonly #models = new Map(channels.map((channel) => [channel, new LogModel()]));
  readonly #epochs = new Map<string, string>();
  #opened: OpenBroker | undefined;
  #texts = 0;

  constructor(hasMemory: boolean) {
    this.#hasMemory = hasMemory;
  }

  async run(steps: readonly Step[]): Promise<void> {
    this.#opened = await openBroker(this.#folder);
    for (const next of steps) await this.#take(next);
    for (const channel of channels)
      for (const isReverse of [false, true])
        await this.#take({
          type: "read",
          channel,
          sinceOffset: undefined,
          maxEntries: 1000,
          maxBytes: 1_000_000,
          isReverse,
        });
    await this.#opened.broker.close();
  }

  async #take(next: Step): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) throw new Error("not open");
    const { broker, clock } = opened;
    if (next.type === "checkpoint") await opened.checkpoint();
    else if (next.type === "wait") await opened.advance(next.minutes * minuteMs, 3);
    else if (next.type === "restart" || next.type === "crash") {
      if (next.type === "crash" && !this.#hasMemory) this.#folder = crashCopyOf(this.#folder);
      await broker.close();
      this.#opened = await openBroker(this.#folder, { clock });
    } else if (next.type === "publish") {
      const model = this.#models.get(next.channel);
      const durability = next.durability === "memory" && !this.#hasMemory ? "process" : next.durability;
      const publishes = countTo(next.count).map(async () => {
        const data = JSON.stringify(`${++this.#texts} ${"x".repeat(next.size)}`);
        const offset = model?.publish(data, clock.now(), next.retention);
        const { position } = await broker.log.publish(next.channel, { data }, { ...next, durability });
        expect(position.offset).toBe(offset);
        expect(this.#epochs.get(next.channel) ?? position.epoch).toBe(position.epoch);
        this.#epochs.set(next.channel, position.epoch);
      });
      await Promise.all(publishes);
    } else {
      const { type: _, channel, sinceOffset, ...rest } = next;
      const query = sinceOffset === undefined ? rest : { ...rest, sinceOffset };
      const { publications, position } = await broker.log.history(channel, query);
      const model = this.#models.get(channel);
      expect(position.offset).toBe(model?.head);
      expect(model?.pages(query, clock.now())).toContainEqual({ publications });
      expect(this.#epochs.get(channel) ?? position.epoch).toBe(position.epoch);
      this.#epochs.set(channel, position.epoch);
    }
  }
}

describe("history of an LMDB broker", () => {
  it("matches a plain log through any publishes, checkpoints, expiry and restarts", async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(step, { minLength: 5, maxLength: 40 }), (hasMemory, steps) =>
        new Comparison(hasMemory).run(steps),
      ),
      { numRuns: 40 },
    );
  });

  it("is read across the boundary of index and journal with pages of any size, in both directions", async () => {
    const folder = createFolder();
    const { broker, checkpoint } = await openBroker(folder);
    await publishMany(broker.log, "news", 20);
    await checkpoint();
    await publishMany(broker.log, "news", 20);
    const { broker: after } = await openBroker(crashCopyOf(folder));
    for (const reader of [broker, after])
      for (const maxEntries of countTo(41)) {
        const forward: number[] = [];
        const backward: number[] = [];
        for (let page = 0; page <= 40 / maxEntries; page++) {
          forward.push(
            ...(await offsetsIn(reader.log, "news", { sinceOffset: forward.at(-1) ?? 0, maxEntries })),
          );
          const sinceOffset = backward.at(-1) ?? 41;
          backward.push(
            ...(await offsetsIn(reader.log, "news", { sinceOffset, maxEntries, isReverse: true })),
          );
        }
        expect(forward).toEqual(countTo(40));
        expect(backward).toEqual(countTo(40).reverse());
      }
  });
});
