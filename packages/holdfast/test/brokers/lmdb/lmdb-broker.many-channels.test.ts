import { describe, expect, it } from "vitest";
import { ample, countTo, query } from "../../../../../test/conformance/broker/fixture.js";
import { brokerEvents } from "../../channels/support/broker-events.js";
import { crashCopyOf, createFolder, type OpenBroker, openBroker } from "./support/store.js";

const count = 10_000;
const minuteMs = 60_000;
const metaTtlMs = 60 * minuteMs;
const retention = { ...ample, ttlMs: 30 * minuteMs };
const nameOf = (n: number) => `channel-${n}`;
const silent = brokerEvents();

async function readEach({ broker }: OpenBroker): Promise<string[]> {
  const pages = await Promise.all(countTo(count).map((n) => broker.log.history(nameOf(n), query())));
  return pages.map(({ publications }) => publications.map(({ offset, data }) => `${offset} ${data}`).join());
}

async function publishEach({ broker }: OpenBroker): Promise<Set<string>> {
  const publish = (n: number) => broker.log.publish(nameOf(n), { data: String(n) }, { retention });
  const results = await Promise.all(countTo(count).map(publish));
  for (const { position } of results) expect(position.offset).toBe(1);
  return new Set(results.map(({ position }) => position.epoch));
}

describe.each(["restart", "crash"])("10,000 channels with one publication each, after a %s", (ending) => {
  it("are read, expire, are forgotten, and restart in a new epoch", { timeout: 120_000 }, async () => {
    const folder = createFolder();
    const first = await openBroker(folder, { metaTtlMs, to: silent });
    const epochs = await publishEach(first);
    const copy = ending === "crash" ? crashCopyOf(folder) : folder;
    await first.broker.close();
    const { clock } = first;
    const second = await openBroker(copy, { clock, metaTtlMs, to: silent });
    if (ending === "restart") expect(second.broker.sizes.loadedChannels).toBe(0);
    expect(second.broker.sizes.channels + second.broker.sizes.pendingChannels).toBeGreaterThanOrEqual(count);
    expect(await readEach(second)).toEqual(countTo(count).map((n) => `1 ${n}`));
    await second.advance(retention.ttlMs - minuteMs, 10);
    expect((await second.broker.log.history(nameOf(7), query())).publications).toHaveLength(1);
    await second.advance(2 * minuteMs, 4);
    expect((await second.broker.log.history(nameOf(7), query())).publications).toEqual([]);
    await second.advance(metaTtlMs + 30 * minuteMs, 200);
    expect(second.broker.sizes).toMatchObject({ channels: 0, loadedChannels: 0 });
    await second.broker.close();
    const third = await openBroker(copy, { clock, metaTtlMs, to: silent });
    expect(await readEach(third)).toEqual(countTo(count).map(() => ""));
    const later = await publishEach(third);
    expect([...later].filter((epoch) => epochs.has(epoch))).toEqual([]);
    expect(await readEach(third)).toEqual(countTo(count).map((n) => `1 ${n}`));
  });
});

describe("forgotten channel", () => {
  it("leaks nothing of its old log into the new one, across a crash and a narrower retention", async () => {
    const folder = createFolder();
    const { broker, advance, clock, checkpoint } = await openBroker(folder, { metaTtlMs });
    for (const n of countTo(50)) await broker.log.publish("news", { data: `"old ${n}"` }, { retention });
    await advance(retention.ttlMs + metaTtlMs + 30 * minuteMs, 200);
    expect(broker.sizes.channels).toBe(0);
    for (const n of countTo(3))
      await broker.log.publish("news", { data: `"new ${n}"` }, { retention: ample });
    await checkpoint();
    const expected = countTo(3).map((n) => `"new ${n}"`);
    const crashed = await openBroker(crashCopyOf(folder), { clock });
    for (const reader of [broker, crashed.broker])
      for (const isReverse of [false, true])
        for (const sinceOffset of [undefined, isReverse ? 100 : 0]) {
          const part = sinceOffset === undefined ? { isReverse } : { isReverse, sinceOffset };
          const { publications } = await reader.log.history("news", query(part));
          const found = publications.map(({ data }) => data);
          expect(isReverse ? found.reverse() : found).toEqual(expected);
        }
  });

  it("is never one used again in time, or subscribed", async () => {
    const { broker, advance } = await openBroker(createFolder(), { metaTtlMs });
    const { epoch } = await broker.log.subscribe("subscribed");
    const { position } = await broker.log.publish("used", { data: "1" }, { retention });
    for (const _ of countTo(6)) {
      await advance(30 * minuteMs, 30);
      await broker.log.publish("used", { data: "1" }, { retention });
    }
    expect((await broker.log.history("used", query())).position).toEqual({
      epoch: position.epoch,
      offset: 7,
    });
    expect(await broker.log.subscribe("subscribed")).toEqual({ epoch, offset: 0 });
  });

  describe("at the moment at which it is used again", () => {
    async function createForgettable() {
      const folder = createFolder();
      const opened = await openBroker(folder, { metaTtlMs: minuteMs });
      const { position } = await opened.broker.log.publish(
        "news",
        { data: "1" },
        { retention: { ...ample, ttlMs: 1000 } },
      );
      await opened.checkpoint();
      return { ...opened, folder, position };
    }

    async function stepsUntilForgotten(): Promise<number> {
      const { broker, clock } = await createForgettable();
      for (let steps = 0; ; steps++) {
        if (broker.sizes.channels === 0) return steps;
        clock.advance(10_000);
        await broker.idle();
      }
    }

    it.each([0, 1, 2, 5, 10])("keeps what is published, %i turns after that began", async (turns) => {
      const steps = await stepsUntilForgotten();
      const { broker, clock, folder, position: old } = await createForgettable();
      for (let step = 1; step < steps; step++) {
        clock.advance(10_000);
        await broker.idle();
      }
      clock.advance(10_000);
      for (let turn = turns; turn > 0; turn--) await Promise.resolve();
      const { position } = await broker.log.publish("news", { data: "2" }, { retention: ample });
      await broker.idle();
      await broker.close();
      const next = await openBroker(folder, { clock });
      const page = await next.broker.log.history("news", query());
      expect(page.publications.map(({ data }) => data)).toEqual(["2"]);
      expect(page.position).toEqual(position);
      expect(position.offset).toBe(position.epoch === old.epoch ? 2 : 1);
    });
  });
});
