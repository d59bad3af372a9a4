import { afterEach, describe, expect, it, vi } from "vitest";
import { MemoryBroker } from "../../src/brokers/memory/memory-broker.js";
import { Channel } from "../../src/channels/channel.js";
import { Channels } from "../../src/channels/channels.js";
import { Delivery } from "../../src/channels/delivery.js";
import { LogReader } from "../../src/channels/log-reader.js";
import type { ChannelKind } from "../../src/channels/rules.js";
import { createCounter } from "../support/counter.js";
import { FakeClock } from "../support/fake-clock.js";
import { eventsFor } from "./support/broker-events.js";
import { countTo } from "./support/entries.js";
import { FakeReader } from "./support/fake-reader.js";
import { ManualScheduler } from "./support/manual-scheduler.js";
import { ample } from "./support/test-node.js";

afterEach(() => void vi.restoreAllMocks());

async function createNode(maxRingBytes: number, kind: ChannelKind = "stream") {
  const broker = new MemoryBroker({ clock: new FakeClock(), createEpoch: createCounter("epoch") });
  const logReader = new LogReader(broker.log);
  const scheduler = new ManualScheduler();
  const onError = (error: unknown) => {
    throw error;
  };
  const delivery = new Delivery({
    logReader,
    schedule: scheduler.schedule,
    now: () => 0,
    sliceMs: 4,
    onError,
  });
  const ringLimits = { maxEntries: 100, maxBytes: 1_000_000 };
  const kindOf = () => kind;
  const channels = new Channels({
    log: broker.log,
    logReader,
    delivery,
    ringLimits,
    maxRingBytes,
    kindOf,
    onError,
  });
  await broker.open(eventsFor(channels));
  return { broker, channels, delivery, scheduler };
}

describe("total bytes of all rings", () => {
  it.each(["stream", "latest"] as const)("stay within the limit with channels of kind %s", async (kind) => {
    const { broker, channels } = await createNode(50_000, kind);
    const names = countTo(40).map((n) => `channel ${n}`);
    for (const name of names) await channels.acquire(name);
    let published = 0;
    let held = 0;
    for (const _round of countTo(20))
      for (const name of names) {
        const publication = { data: JSON.stringify("x".repeat(100)), key: `key ${++published}` };
        await broker.log.publish(name, publication, { retention: ample });
        expect(channels.ringBytes).toBeLessThanOrEqual(50_000);
        held = Math.max(held, channels.ringBytes);
      }
    expect(held).toBeGreaterThan(20_000);
  });

  it("add no cost per publication when there are many rings and the limit cannot be kept", async () => {
    const { broker, channels } = await createNode(100);
    const names = countTo(1000).map((n) => `channel ${n}`);
    for (const name of names) await channels.acquire(name);
    const shrink = vi.spyOn(Channel.prototype, "shrink");
    let most = 0;
    for (const name of names) {
      await broker.log.publish(name, { data: "1" }, { retention: ample });
      most = Math.max(most, shrink.mock.calls.length);
      shrink.mockClear();
    }
    expect(channels.ringBytes).toBeGreaterThan(100);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(100);
  });

  it.each(["stream", "latest"] as const)("exclude unused channels of kind %s", async (kind) => {
    const { broker, channels } = await createNode(50_000, kind);
    const channel = await channels.acquire("news");
    await broker.log.publish("news", { data: "1" }, { retention: ample });
    expect(channels.ringBytes).toBeGreaterThan(0);
    channels.release(channel);
    expect(channels.ringBytes).toBe(0);
  });

  it("let a lagging reader read the log instead", async () => {
    const { broker, channels, delivery, scheduler } = await createNode(2000);
    const reader = new FakeReader(delivery);
    const channel = await channels.acquire("news");
    await channels.acquire("sport");
    const subscription = channels.subscribe(channel, reader, { offset: 0, hasJoinLeave: false });
    reader.subscriptions.add(subscription);
    reader.isReady = false;
    for (const _each of countTo(30)) {
      await broker.log.publish("news", { data: "1" }, { retention: ample });
      await scheduler.runAll();
      await broker.log.publish("sport", { data: "1" }, { retention: ample });
    }
    expect(channel.ring.next - channel.ring.first).toBeLessThan(10);
    reader.drain();
    await scheduler.runAll();
    expect(reader.offsets()).toEqual(countTo(30));
  });
});
