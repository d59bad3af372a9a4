import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ample, countTo, offsetsIn, query } from "../../../../../test/conformance/broker/fixture.js";
import type { Retention } from "../../../src/channels/log.js";
import { brokerEvents } from "../../channels/support/broker-events.js";
import { endless, readAll } from "./support/record.js";
import { crashCopyOf, createFolder, type OpenBroker, openBroker } from "./support/store.js";

const minuteMs = 60_000;
const hundred = JSON.stringify("x".repeat(98));

const bounds: readonly [string, Retention, number][] = [
  ["entries", { ...ample, maxEntries: 10 }, 10],
  ["bytes", { ...ample, maxBytes: 1000 }, 10],
];

async function publishEach(broker: OpenBroker["broker"], count: number, retention: Retention) {
  for (const _ of countTo(count)) await broker.log.publish("news", { data: hundred }, { retention });
}

describe.each(bounds)("retention by %s", (_name, retention, most) => {
  it("is the same before and after checkpoints, a restart and a crash", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    await publishEach(first.broker, 35, retention);
    const kept = await offsetsIn(first.broker.log, "news");
    expect(kept).toEqual(countTo(35, 36 - kept.length));
    expect(kept.length).toBeLessThanOrEqual(most);
    expect(kept.length).toBeGreaterThan(most / 2);
    await first.checkpoint();
    expect(await offsetsIn(first.broker.log, "news")).toEqual(kept);
    const crashed = await openBroker(crashCopyOf(folder), { clock: first.clock });
    expect(await offsetsIn(crashed.broker.log, "news")).toEqual(kept);
    await first.broker.close();
    const second = await openBroker(folder, { clock: first.clock });
    expect(await offsetsIn(second.broker.log, "news")).toEqual(kept);
    await publishEach(second.broker, 3, retention);
    expect(await offsetsIn(second.broker.log, "news")).toEqual(kept.map((offset) => offset + 3));
  });

  it("keeps exactly as much wherever checkpoints fall", async () => {
    const { broker, checkpoint } = await openBroker(createFolder());
    for (const n of countTo(40)) {
      await publishEach(broker, 1, retention);
      if (n % 3 === 0) await checkpoint();
      const kept = await offsetsIn(broker.log, "news");
      expect(kept).toEqual(countTo(n, n + 1 - kept.length));
      if (_name === "entries") expect(kept).toHaveLength(Math.min(n, most));
      else expect(kept.length).toBeLessThanOrEqual(most);
    }
  });
});

describe("retention by age", () => {
  const retention = { ...ample, ttlMs: 10 * minuteMs };

  it.each(["restart", "crash"])("counts time over a %s, and while no server ran", async (ending) => {
    const folder = createFolder();
    const first = await openBroker(folder);
    for (const _ of countTo(5)) {
      await publishEach(first.broker, 1, retention);
      await first.advance(2 * minuteMs, 2);
    }
    const copy = ending === "crash" ? crashCopyOf(folder) : folder;
    await first.broker.close();
    const second = await openBroker(copy, { clock: first.clock });
    expect(await offsetsIn(second.broker.log, "news")).toEqual([2, 3, 4, 5]);
    await second.broker.close();
    first.clock.advance(5 * minuteMs);
    const third = await openBroker(copy, { clock: first.clock });
    expect(await offsetsIn(third.broker.log, "news")).toEqual([4, 5]);
    await third.advance(4 * minuteMs);
    expect((await third.broker.log.history("news", query())).publications).toEqual([]);
    await publishEach(third.broker, 1, retention);
    expect(await offsetsIn(third.broker.log, "news")).toEqual([6]);
  });
});

describe("log of very many publications", () => {
  const count = 300_000;

  it("is loaded on use, and read from any offset", async () => {
    const folder = createFolder();
    const first = await openBroker(folder, { maxPendingBytes: 2 ** 30, to: silent });
    const retention = { ...endless, maxEntries: count };
    const batch = 30_000;
    for (let from = 0; from <= count; from += batch) {
      const publishes = countTo(batch).map((n) =>
        first.broker.log.publish("news", { data: String(from + n) }, { retention }),
      );
      await Promise.all(publishes);
      await first.checkpoint();
    }
    const head = count + batch;
    await first.broker.close();
    const { broker } = await openBroker(folder, { clock: first.clock, to: silent });
    expect(broker.sizes).toMatchObject({ channels: 1, loadedChannels: 0, pendingBytes: 0 });
    expect((await broker.log.subscribe("news")).offset).toBe(head);
    const oldest = await broker.log.history("news", query({ maxEntries: 2 }));
    expect(oldest.publications.map(({ data }) => data)).toEqual([`${batch + 1}`, `${batch + 2}`]);
    for (const sinceOffset of [batch, 100_000, head - 1]) {
      const page = await broker.log.history("news", query({ sinceOffset, maxEntries: 1 }));
      expect(page.publications.map(({ offset, data }) => [offset, data])).toEqual([
        [sinceOffset + 1, `${sinceOffset + 1}`],
      ]);
    }
    expect((await readAll(broker.log, "news", 10_000)).publications).toHaveLength(count);
    expect(statSync(join(folder, "data.mdb")).size).toBeLessThan(count * 200);
  });
});

const silent = brokerEvents();
