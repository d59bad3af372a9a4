import { describe, expect, it } from "vitest";
import {
  createMeasure,
  MachineFeed,
  type Meters,
  machineLingerMs,
} from "../../../ticker/server/machine-feed.js";
import { QuoteFeed } from "../../../ticker/server/quote-feed.js";
import type { MachineSample, Quote } from "../../../ticker/server/ticker-types.js";
import { HandClock } from "../../server/support/hand-clock.js";

function startQuotes(publish: (quote: Quote) => Promise<unknown> = async () => {}) {
  const clock = new HandClock();
  const readers = { count: 0 };
  const published: Quote[] = [];
  const errors: unknown[] = [];
  const feed = new QuoteFeed({
    publish: (quote) => {
      published.push(quote);
      return publish(quote);
    },
    count: async () => readers.count,
    ...{ now: clock.now, repeat: clock.repeat },
    onError: (error) => errors.push(error),
  });
  feed.start();
  return { clock, readers, published, errors, feed };
}

describe("QuoteFeed", () => {
  it("has no timer until somebody comes, and publishes several hundred changes a second then", async () => {
    const { clock, readers, published, feed } = startQuotes();
    await clock.advance(60_000);
    expect([clock.timers, published.length]).toEqual([0, 0]);
    readers.count = 1;
    feed.arrive();
    await clock.advance(1000);
    expect(published).toHaveLength(440);
    expect(feed.snapshot()).toMatchObject({ changesPerSecond: 440, startedAt: clock.now() - 1000 });
  });

  it("ends some time after the last reader has left, and goes on with the next", async () => {
    const { clock, readers, published, feed } = startQuotes();
    readers.count = 2;
    feed.arrive();
    await clock.advance(60_000);
    readers.count = 0;
    await clock.advance(14_000);
    expect(feed.isRunning).toBe(true);
    await clock.advance(2_000);
    expect([feed.isRunning, clock.timers]).toEqual([false, 0]);
    const before = published.length;
    await clock.advance(60_000);
    expect(published).toHaveLength(before);
    feed.arrive();
    await clock.advance(50);
    expect(published).toHaveLength(before + 22);
    // The time that nobody saw is in the charts all the same.
    const { times } = feed.historyOf("KEDO") ?? { times: [] };
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2000);
  });

  it("goes on where a reader comes back before it ends", async () => {
    const { clock, readers, feed } = startQuotes();
    feed.arrive();
    await clock.advance(14_000);
    readers.count = 1;
    await clock.advance(1_000);
    readers.count = 0;
    await clock.advance(14_000);
    expect(feed.isRunning).toBe(true);
  });

  it("ends with the server, and is not begun after that", async () => {
    const { clock, feed } = startQuotes();
    feed.arrive();
    feed.stop();
    expect([feed.isRunning, clock.timers]).toEqual([false, 0]);
    feed.arrive();
    expect(feed.isRunning).toBe(false);
  });

  it("is no faster than its publications are taken", async () => {
    const waiting: (() => void)[] = [];
    const { clock, published, feed } = startQuotes(() => new Promise<void>((done) => waiting.push(done)));
    feed.arrive();
    await clock.advance(1000);
    expect(published).toHaveLength(22);
    for (const done of waiting) done();
    await clock.advance(0);
    await clock.advance(50);
    expect(published).toHaveLength(44);
  });

  it("reports a failure once, and rests until somebody comes", async () => {
    const { clock, errors, feed } = startQuotes(async () => {
      throw new Error("full");
    });
    feed.arrive();
    await clock.advance(5000);
    expect(errors).toHaveLength(1);
    expect(clock.timers).toBe(0);
    feed.arrive();
    expect(feed.isRunning).toBe(true);
  });

  it("changes each symbol once in a tick at most, and keeps prices within bounds", async () => {
    const { clock, published, feed } = startQuotes();
    feed.arrive();
    await clock.advance(50);
    expect(new Set(published.map(({ symbol }) => symbol)).size).toBe(22);
    const opens = new Map(feed.snapshot().quotes.map(({ symbol, open }) => [symbol, open]));
    await clock.advance(120_000);
    for (const { symbol, price } of published) {
      const factor = price / (opens.get(symbol) ?? 0);
      expect(factor).toBeGreaterThanOrEqual(0.5);
      expect(factor).toBeLessThanOrEqual(2);
    }
    for (const { recent } of feed.snapshot().quotes) expect(recent).toHaveLength(24);
  });

  it("is the same walk for the same seed", async () => {
    const [first, second] = [startQuotes(), startQuotes()];
    for (const { feed, clock } of [first, second]) {
      feed.arrive();
      await clock.advance(500);
    }
    expect(first.published).toEqual(second.published);
  });
});

const meters: Meters = {
  currentLoad: async () => ({ currentLoad: 12.345 }),
  mem: async () => ({ total: 8000, available: 3000 }),
  networkStats: async () => [
    { iface: "lo", rx_sec: 1e9, tx_sec: 1e9 },
    { iface: "eth0", rx_sec: 100.4, tx_sec: 20 },
    { iface: "eth1", rx_sec: 1, tx_sec: 2 },
  ],
};

function startMachine(given: Partial<Meters> = {}) {
  const clock = new HandClock();
  const readers = { count: 0 };
  const published: [string, MachineSample][] = [];
  const errors: unknown[] = [];
  const loads = { count: 0 };
  const feed = new MachineFeed({
    publish: async (metric, sample) => published.push([metric, sample]),
    measure: createMeasure(async () => {
      loads.count++;
      return { ...meters, ...given };
    }),
    count: async () => readers.count,
    ...{ now: clock.now, repeat: clock.repeat },
    onError: (error) => errors.push(error),
  });
  feed.start();
  return { clock, readers, published, errors, feed, loads };
}

describe("MachineFeed", () => {
  it("brings its library with the first measurement, and measures each second", async () => {
    const { clock, published, loads } = startMachine();
    expect(loads.count).toBe(0);
    await clock.advance(3000);
    expect(loads.count).toBe(1);
    // Rates need two measurements.
    expect(published.map(([metric]) => metric)).toEqual([
      "memory",
      ...["load", "memory", "network"],
      ...["load", "memory", "network"],
    ]);
    expect(Object.fromEntries(published)).toEqual({
      load: { at: clock.now(), values: { busy: 12.3 } },
      memory: { at: clock.now(), values: { used: 5000, total: 8000 } },
      network: { at: clock.now(), values: { received: 101, sent: 22 } },
    });
  });

  it("leaves out what is not to be had", async () => {
    const { clock, published, errors } = startMachine({
      currentLoad: async () => ({ currentLoad: Number.NaN }),
      mem: async () => Promise.reject(new Error("no meter")),
      networkStats: async () => [{ iface: "lo", rx_sec: 1, tx_sec: 1 }],
    });
    await clock.advance(3000);
    expect([published, errors]).toEqual([[], []]);
  });

  it("rests when nobody has looked for some minutes, and goes on with the next", async () => {
    const { clock, readers, feed } = startMachine();
    await clock.advance(machineLingerMs - 2000);
    expect(feed.isRunning).toBe(true);
    readers.count = 1;
    await clock.advance(5000);
    readers.count = 0;
    await clock.advance(machineLingerMs + 2000);
    expect([feed.isRunning, clock.timers]).toEqual([false, 0]);
    feed.arrive();
    expect(feed.isRunning).toBe(true);
    feed.stop();
    expect(clock.timers).toBe(0);
  });

  it("measures one at a time", async () => {
    let asked = 0;
    const { clock } = startMachine({
      mem: () => {
        asked++;
        return new Promise(() => {});
      },
    });
    await clock.advance(5000);
    expect(asked).toBe(1);
  });
});
