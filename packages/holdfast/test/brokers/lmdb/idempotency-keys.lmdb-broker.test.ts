import { describe, expect, it } from "vitest";
import { ample, countTo, offsetsIn } from "../../../../../test/conformance/broker/fixture.js";
import type { Durability } from "../../../src/channels/log.js";
import { FakeClock } from "../../support/fake-clock.js";
import { endless } from "./support/record.js";
import { RemoteBroker } from "./support/remote-broker.js";
import { crashCopyOf, createFolder, type OpenBroker, openBroker } from "./support/store.js";

const windowMs = 5 * 60 * 1000;
const keyed = { retention: ample, idempotencyKey: "order-1" };

interface Ending {
  readonly name: string;
  readonly end: (opened: OpenBroker, folder: string) => Promise<string>;
}

const endings: readonly Ending[] = [
  {
    name: "a clean close",
    end: async ({ broker }, folder) => {
      await broker.close();
      return folder;
    },
  },
  { name: "a crash", end: async (_opened, folder) => crashCopyOf(folder) },
  {
    name: "a checkpoint and a crash",
    end: async ({ checkpoint }, folder) => {
      await checkpoint();
      return crashCopyOf(folder);
    },
  },
  {
    name: "two crashes in a row",
    end: async ({ clock }, folder) => {
      const copy = crashCopyOf(folder);
      await openBroker(copy, { clock });
      return crashCopyOf(copy);
    },
  },
];

describe.each(endings)("idempotency key after $name", ({ end }) => {
  it("used again gives the first position and appends nothing", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    await first.broker.log.publish("news", { data: "0" }, { retention: ample });
    const { position } = await first.broker.log.publish("news", { data: "1" }, keyed);
    await first.broker.log.publish("news", { data: "2" }, { retention: ample });
    const { broker } = await openBroker(await end(first, folder), { clock: first.clock });
    const again = await broker.log.publish("news", { data: "1" }, keyed);
    expect(again).toEqual({ position, isDuplicate: true });
    expect(await offsetsIn(broker.log, "news")).toEqual([1, 2, 3]);
  });

  it("applies to its channel only", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    await first.broker.log.publish("news", { data: "1" }, keyed);
    const { broker } = await openBroker(await end(first, folder), { clock: first.clock });
    for (const channel of ["new", "news ", "sport"])
      expect((await broker.log.publish(channel, { data: "1" }, keyed)).isDuplicate).toBe(false);
    expect(
      (await broker.log.publish("news", { data: "1" }, { ...keyed, idempotencyKey: "order" })).isDuplicate,
    ).toBe(false);
  });

  it.each([0, 1, windowMs / 2, windowMs - 1])("applies for 5 minutes", async (firstMs) => {
    const folder = createFolder();
    const first = await openBroker(folder);
    // Wherever the clock stands in a period of five minutes.
    first.clock.advance(firstMs);
    const { position } = await first.broker.log.publish("news", { data: "1" }, keyed);
    const second = await openBroker(await end(first, folder), { clock: first.clock });
    await second.advance(windowMs - 1 - 50);
    const again = await second.broker.log.publish("news", { data: "2" }, keyed);
    expect(again).toEqual({ position, isDuplicate: true });
    await second.advance(51, 1);
    expect((await second.broker.log.publish("news", { data: "2" }, keyed)).isDuplicate).toBe(false);
  });

  it("applies for five minutes of uptime, however long the server was down", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    const { position } = await first.broker.log.publish("news", { data: "1" }, keyed);
    const ended = await end(first, folder);
    first.clock.advance(10 * windowMs);
    const second = await openBroker(ended, { clock: first.clock });
    const again = await second.broker.log.publish("news", { data: "2" }, keyed);
    expect(again).toEqual({ position, isDuplicate: true });
    await second.advance(windowMs, 5);
    expect((await second.broker.log.publish("news", { data: "2" }, keyed)).isDuplicate).toBe(false);
  });
});

describe("idempotency key", () => {
  it.each<Durability>(["memory", "process", "disk"])(
    "has one effect however its publishes follow each other, with durability %s",
    async (durability) => {
      const { broker, checkpoint } = await openBroker(createFolder());
      const publish = () => broker.log.publish("news", { data: "1" }, { ...keyed, durability });
      const early = [publish(), publish()];
      await Promise.race(early);
      const results = [...early, publish()];
      await checkpoint();
      results.push(publish());
      const all = await Promise.all(results);
      expect(all.map(({ isDuplicate }) => isDuplicate)).toEqual([false, true, true, true]);
      expect(await offsetsIn(broker.log, "news")).toEqual([1]);
    },
  );

  it("makes the publication as durable as the stronger repeat", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    await broker.log.publish("news", { data: "1" }, { ...keyed, durability: "memory" });
    const again = await broker.log.publish("news", { data: "1" }, { ...keyed, durability: "process" });
    expect(again.isDuplicate).toBe(true);
    const after = await openBroker(crashCopyOf(folder));
    expect(await offsetsIn(after.broker.log, "news")).toEqual([1]);
  });

  it("is unknown again when its publication is lost in a crash", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    const { position } = await first.broker.log.publish(
      "news",
      { data: "1" },
      { ...keyed, durability: "memory" },
    );
    const { broker } = await openBroker(crashCopyOf(folder), { clock: first.clock });
    const again = await broker.log.publish("news", { data: "1" }, keyed);
    const { publications } = await broker.log.history("news", {
      maxEntries: 9,
      maxBytes: 9,
      isReverse: false,
    });
    expect(publications).toHaveLength(1);
    if (!again.isDuplicate) expect(again.position.epoch).not.toBe(position.epoch);
  });

  it("is found among many publications, in the index and in memory", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    const publishAll = (broker: OpenBroker["broker"]) =>
      Promise.all(
        countTo(3000).map((n) =>
          broker.log.publish(
            `news-${n % 7}`,
            { data: "1" },
            { retention: endless, idempotencyKey: `key ${n}` },
          ),
        ),
      );
    const before = await publishAll(first.broker);
    await first.checkpoint();
    expect(first.broker.sizes.pendingKeys).toBe(0);
    const again = before.map(({ position }) => ({ position, isDuplicate: true }));
    expect(await publishAll(first.broker)).toEqual(again);
    const second = await openBroker(crashCopyOf(folder), { clock: first.clock });
    expect(await publishAll(second.broker)).toEqual(again);
  });
});

describe("publish left unanswered by a kill", () => {
  it("has one effect when repeated with its key after the restart", async () => {
    const folder = createFolder();
    const remote = await RemoteBroker.open({ folder, checkpointDelayMs: 1 });
    const keys = countTo(400);
    const publish = (broker: Pick<RemoteBroker, "publish">, n: number) =>
      broker.publish("news", { data: String(n) }, { retention: endless, idempotencyKey: `key ${n}` });
    // Some are answered, some have happened and are not, some have not happened.
    const answered = keys.map((n) => publish(remote, n));
    await answered[150];
    await remote.kill();
    const { broker } = await openBroker(folder, { clock: new FakeClock(Date.now()) });
    for (const n of keys) await publish(broker.log, n);
    const { publications } = await broker.log.history("news", {
      maxEntries: 1000,
      maxBytes: 1_000_000,
      isReverse: false,
    });
    expect(publications.map(({ data }) => Number(data)).sort((a, b) => a - b)).toEqual(keys);
  });
});
