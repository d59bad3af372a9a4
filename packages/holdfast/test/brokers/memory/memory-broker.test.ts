import { describe, expect, it } from "vitest";
import { ample, client, EventRecord, hourMs, query } from "../../../../../test/conformance/broker/fixture.js";
import { MemoryBroker, type MemoryBrokerOptions } from "../../../src/brokers/memory/memory-broker.js";
import type { Retention } from "../../../src/channels/log.js";
import { createCounter } from "../../support/counter.js";
import { FakeClock } from "../../support/fake-clock.js";

async function start(options: Partial<MemoryBrokerOptions> = {}) {
  const clock = new FakeClock();
  const broker = new MemoryBroker({ clock, createEpoch: createCounter("epoch"), ...options });
  const events = new EventRecord();
  await broker.open(events);
  const publish = (channel: string, data = "1", retention: Retention = ample) =>
    broker.log.publish(channel, { data }, { retention });
  return { clock, broker, events, publish };
}

const full = { code: "HF_BROKER_FULL" };

describe("byte limit", () => {
  it("refuses a publish beyond it and appends nothing", async () => {
    const { broker, events, publish } = await start({ maxBytes: 10_000 });
    await broker.log.subscribe("news");
    await publish("news", JSON.stringify("x".repeat(3000)));
    const before = broker.sizes;
    await expect(publish("news", JSON.stringify("x".repeat(9000)))).rejects.toMatchObject(full);
    expect(broker.sizes).toEqual(before);
    expect(events.offsets("news")).toEqual([1]);
    const { publications, position } = await broker.log.history("news", query());
    expect(publications).toHaveLength(1);
    expect(position.offset).toBe(1);
  });

  it.each([100, 700, 3000, 4500])("is not exceeded by publications of %i characters", async (size) => {
    const { broker, publish } = await start({ maxBytes: 10_000 });
    const data = JSON.stringify("x".repeat(size));
    for (let i = 0; i < 50; i++) await publish(`channel-${i}`, data).catch(() => {});
    expect(broker.sizes.bytes).toBeGreaterThan(0);
    expect(broker.sizes.bytes).toBeLessThanOrEqual(10_000);
  });

  it("covers map keys, which outlive their logs, and is freed with them", async () => {
    const { broker, clock } = await start({ maxBytes: 20_000 });
    const retention = { ...ample, maxEntries: 2, keys: { maxKeys: 1000, maxBytes: 1_000_000, ttlMs: 1000 } };
    const data = JSON.stringify("x".repeat(400));
    const put = (n: number) => broker.log.publish("map", { key: `k${n}`, data }, { retention });
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, (_, n) => put(n)));
    expect(outcomes.at(-1)).toMatchObject({ status: "rejected", reason: full });
    expect(broker.sizes.bytes).toBeLessThanOrEqual(21_000);
    clock.advance(2000);
    expect((await broker.log.keys("map", { maxEntries: 100, maxBytes: 1 })).numKeys).toBe(0);
    expect(broker.sizes.bytes).toBeLessThan(2000);
    await put(1);
    await broker.log.publish("map", { data: "1" }, { retention: { ...ample, maxEntries: 0 } });
    expect(broker.sizes.bytes).toBe(0);
  });

  it("frees expired entries before they are published again", async () => {
    const { broker, clock, publish } = await start();
    const retention = { ...ample, ttlMs: 1000 };
    await publish("news", "1", retention);
    const { bytes } = broker.sizes;
    for (let i = 0; i < 5; i++) {
      clock.advance(2000);
      await publish("news", "1", retention);
    }
    expect(broker.sizes.bytes).toBe(bytes);
  });

  it("counts all logs together", async () => {
    const { publish } = await start({ maxBytes: 10_000 });
    const data = JSON.stringify("x".repeat(900));
    let accepted = 0;
    for (let i = 0; i < 20; i++) {
      const isAccepted = await publish(`channel-${i}`, data).then(
        () => true,
        () => false,
      );
      if (isAccepted) accepted++;
    }
    expect(accepted).toBeGreaterThan(0);
    expect(accepted).toBeLessThan(11);
  });

  it("accepts publishes again when older publications have expired", async () => {
    const { broker, clock, publish } = await start({ maxBytes: 2000 });
    const retention = { ...ample, ttlMs: 1000 };
    const data = JSON.stringify("x".repeat(800));
    await publish("news", data, retention);
    await expect(publish("sport", data, retention)).rejects.toMatchObject(full);
    clock.advance(60_000);
    expect(broker.sizes.bytes).toBe(0);
    await expect(publish("sport", data, retention)).resolves.toMatchObject({ position: { offset: 1 } });
  });

  it("leaves the idempotency key of a refused publish unused", async () => {
    const { broker, clock, publish } = await start({ maxBytes: 2000 });
    const retention = { ...ample, ttlMs: 1000 };
    const data = JSON.stringify("x".repeat(800));
    const keyed = { retention, idempotencyKey: "k" };
    await publish("news", data, retention);
    await expect(broker.log.publish("sport", { data }, keyed)).rejects.toMatchObject(full);
    clock.advance(60_000);
    const result = await broker.log.publish("sport", { data }, keyed);
    expect(result).toMatchObject({ isDuplicate: false, position: { offset: 1 } });
  });

  it("counts what retention drops", async () => {
    const { broker, publish } = await start();
    await publish("news", "1", { ...ample, maxEntries: 3 });
    const one = broker.sizes.bytes;
    for (let i = 0; i < 500; i++) await publish("news", "1", { ...ample, maxEntries: 3 });
    expect(broker.sizes.bytes).toBe(3 * one);
  });
});

describe("channel limit", () => {
  const none = { ...ample, maxEntries: 0 };

  it("refuses a new channel while all are in use", async () => {
    const { broker, publish } = await start({ maxChannels: 2 });
    await publish("with-history");
    await broker.log.subscribe("with-subscriber");
    await publish("with-subscriber", "1", none);
    await expect(publish("third")).rejects.toMatchObject(full);
    expect(broker.sizes.channels).toBe(2);
  });

  it("evicts an empty unsubscribed channel, which restarts in a new epoch", async () => {
    const { broker, publish } = await start({ maxChannels: 2 });
    const { position } = await publish("left", "1", none);
    await publish("with-history");
    await publish("third");
    expect(broker.sizes.channels).toBe(2);
    expect((await broker.log.history("with-history", query())).publications).toHaveLength(1);
    await expect(publish("left")).rejects.toMatchObject(full);
    const again = await broker.log.subscribe("left");
    expect(again.offset).toBe(0);
    expect(again.epoch).not.toBe(position.epoch);
  });

  it("keeps using known channels when it is reached", async () => {
    const { publish } = await start({ maxChannels: 1 });
    await publish("news");
    await expect(publish("news")).resolves.toMatchObject({ position: { offset: 2 } });
  });
});

describe("sweep", () => {
  it("frees expired publications, leases and keys without any access", async () => {
    const { broker, clock } = await start();
    await broker.log.subscribe("news");
    await broker.log.publish(
      "news",
      { data: "1" },
      { retention: { ...ample, ttlMs: 1000 }, idempotencyKey: "k" },
    );
    await broker.presence.add("news", client("ann"), 60_000);
    expect(broker.sizes).toMatchObject({ presences: 1, idempotencyKeys: 1 });
    clock.advance(6 * 60_000);
    expect(broker.sizes).toEqual({
      channels: 1,
      bytes: 0,
      presences: 0,
      subscribed: 1,
      idempotencyKeys: 0,
    });
  });

  it("frees expired leases in channels that have no log", async () => {
    const { broker, clock } = await start();
    await broker.presence.add("news", client("ann"), 60_000);
    clock.advance(10 * 60_000);
    expect(broker.sizes.presences).toBe(0);
  });

  it("forgets a channel once it has been empty and unused for the idle time", async () => {
    const { broker, clock } = await start({ metaTtlMs: hourMs });
    await broker.log.publish("news", { data: "1" }, { retention: { ...ample, maxEntries: 0 } });
    await broker.log.history("news", query());
    clock.advance(hourMs - 60_000);
    expect(broker.sizes.channels).toBe(1);
    clock.advance(2 * 60_000);
    expect(broker.sizes.channels).toBe(0);
  });

  it("keeps a channel that has a subscriber", async () => {
    const { broker, clock } = await start({ metaTtlMs: hourMs });
    const { epoch } = await broker.log.subscribe("news");
    clock.advance(3 * hourMs);
    expect((await broker.log.subscribe("news")).epoch).toBe(epoch);
  });

  it("reaches every one of many channels", async () => {
    const { broker, clock, publish } = await start();
    const retention = { ...ample, ttlMs: 1000 };
    for (let i = 0; i < 5000; i++) await publish(`channel-${i}`, "1", retention);
    expect(broker.sizes.bytes).toBeGreaterThan(0);
    clock.advance(2 * 60_000);
    expect(broker.sizes.bytes).toBe(0);
  });

  it("stops with close", async () => {
    const { broker, clock } = await start();
    expect(clock.timers).toBe(2);
    await broker.close();
    expect(clock.timers).toBe(0);
  });
});
