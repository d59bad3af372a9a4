/** The channel layer of one node, over a memory broker that a test can hold up, with a scheduler that it turns. */
import { MemoryBroker } from "../../../src/brokers/memory/memory-broker.js";
import type { Subscription } from "../../../src/channels/channel.js";
import { Channels } from "../../../src/channels/channels.js";
import { Delivery } from "../../../src/channels/delivery.js";
import type { Retention } from "../../../src/channels/log.js";
import { LogReader } from "../../../src/channels/log-reader.js";
import { PositionChecks } from "../../../src/channels/position-checks.js";
import type { RingLimits } from "../../../src/channels/ring.js";
import { createCounter } from "../../support/counter.js";
import { FakeClock } from "../../support/fake-clock.js";
import { eventsFor } from "./broker-events.js";
import { ControlledBroker } from "./controlled-broker.js";
import { FakeReader } from "./fake-reader.js";
import { ManualScheduler } from "./manual-scheduler.js";

export const ample: Retention = Object.freeze({
  maxEntries: 100_000,
  maxBytes: 100_000_000,
  ttlMs: 60 * 60 * 1000,
});

const metaTtlMs = 60_000;
export const checkIntervalMs = 10_000;

export interface TestNodeOptions {
  readonly maxOpenChannels?: number;
  readonly ringLimits?: Partial<RingLimits>;
  readonly retention?: Partial<Retention>;
  /** The delivery's idea of time; by default no time passes. */
  readonly now?: () => number;
  readonly sliceMs?: number;
  /** For the time of position checks; by default they come as late as they may. */
  readonly random?: () => number;
  /** What position checks do besides. */
  readonly checkOthers?: () => Promise<void>;
}

export interface ReportedError {
  readonly error: unknown;
  readonly stage: string;
}

export type TestNode = Awaited<ReturnType<typeof createTestNode>>;

export async function createTestNode(options: TestNodeOptions = {}) {
  const clock = new FakeClock();
  const memory = new MemoryBroker({ clock, createEpoch: createCounter("epoch"), metaTtlMs });
  const broker = new ControlledBroker(memory);
  const scheduler = new ManualScheduler();
  const errors: ReportedError[] = [];
  const onError = (error: unknown, { stage }: { readonly stage: string }) => {
    errors.push({ error, stage });
  };
  const logReader = new LogReader(broker.log);
  const delivery = new Delivery({
    logReader,
    schedule: scheduler.schedule,
    now: options.now ?? (() => 0),
    sliceMs: options.sliceMs ?? 4,
    onError,
  });
  const { maxOpenChannels } = options;
  const bounds = maxOpenChannels === undefined ? {} : { maxOpenChannels };
  const ringLimits = { maxEntries: 512, maxBytes: 1_000_000, ...options.ringLimits };
  const channels = new Channels({ log: broker.log, logReader, delivery, ringLimits, onError, ...bounds });
  const checks = new PositionChecks({
    channels,
    delivery,
    log: broker.log,
    clock,
    schedule: scheduler.schedule,
    random: options.random ?? (() => 0),
    intervalMs: checkIntervalMs,
    ...(options.checkOthers && { checkOthers: options.checkOthers }),
    onError,
  });
  await broker.open(eventsFor(channels, checks));
  const retention = { ...ample, ...options.retention };

  const publish = async (channel: string, count = 1, data = '"x"'): Promise<void> => {
    for (let i = 0; i < count; i++) await broker.log.publish(channel, { data }, { retention });
  };

  /** The log is gone, as after a loss of the store: epoch-1 becomes epoch-1-1, where it has had publications. Tells no event. */
  const startLogAfresh = async (channel: string): Promise<void> => {
    await memory.log.unsubscribe(channel);
    clock.advance(retention.ttlMs + metaTtlMs + 60_000);
    await memory.log.subscribe(channel);
  };

  const createReader = (): FakeReader => {
    const reader = new FakeReader(delivery);
    reader.endAfterGap = (subscription) => {
      reader.subscriptions.delete(subscription);
      channels.unsubscribe(subscription);
    };
    return reader;
  };

  /** Subscribes as a session does: from the head, or from an offset and then catching up. */
  const follow = async (
    reader: FakeReader,
    name: string,
    { offset, hasJoinLeave = false }: { offset?: number; hasJoinLeave?: boolean } = {},
  ): Promise<Subscription> => {
    const channel = await channels.acquire(name);
    const subscription = channels.subscribe(channel, reader, {
      offset: offset ?? channel.head,
      hasJoinLeave,
    });
    reader.subscriptions.add(subscription);
    channels.release(channel);
    if (subscription.cursor !== channel.ring.next) delivery.resume(reader);
    return subscription;
  };

  return {
    clock,
    memory,
    broker,
    scheduler,
    errors,
    log: logReader,
    delivery,
    channels,
    checks,
    publish,
    startLogAfresh,
    createReader,
    follow,
  };
}
