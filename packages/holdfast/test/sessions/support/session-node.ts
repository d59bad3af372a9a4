/** Everything below the transports of one node, with its time, its turns and its broker in a test's hands. */
import { MemoryBroker } from "../../../src/brokers/memory/memory-broker.js";
import { Channels } from "../../../src/channels/channels.js";
import { Delivery } from "../../../src/channels/delivery.js";
import type { Retention } from "../../../src/channels/log.js";
import { LogReader } from "../../../src/channels/log-reader.js";
import type { RingLimits } from "../../../src/channels/ring.js";
import { type ChannelRules, openRules, type RulesFor } from "../../../src/channels/rules.js";
import { FlightRecorder } from "../../../src/observe/flight-recorder.js";
import { Meters } from "../../../src/observe/meters.js";
import { resolveServerOptions } from "../../../src/options/schema.js";
import { type Application, createOpenApplication } from "../../../src/sessions/application.js";
import type { SessionLimits, SessionTimes } from "../../../src/sessions/context.js";
import { Control } from "../../../src/sessions/control.js";
import { DataAccess } from "../../../src/sessions/data-access.js";
import { HeldBytes } from "../../../src/sessions/flow-control.js";
import { type Authenticate, insecureAuth } from "../../../src/sessions/identity.js";
import { NodeCommands } from "../../../src/sessions/node-commands.js";
import { Polls } from "../../../src/sessions/polls.js";
import { PresenceLists } from "../../../src/sessions/presence.js";
import { createUserPublishes } from "../../../src/sessions/publishing.js";
import type { Recorder } from "../../../src/sessions/recorder.js";
import { SessionRegistry } from "../../../src/sessions/registry.js";
import { Work } from "../../../src/sessions/work.js";
import { Deadlines } from "../../../src/time/deadlines.js";
import { eventsFor } from "../../channels/support/broker-events.js";
import { ControlledBroker } from "../../channels/support/controlled-broker.js";
import { ManualScheduler } from "../../channels/support/manual-scheduler.js";
import type { ReportedError } from "../../channels/support/test-node.js";
import { createCounter } from "../../support/counter.js";
import { FakeClock } from "../../support/fake-clock.js";
import { FakeTransport } from "./fake-transport.js";
import { TestClient } from "./test-client.js";

export interface SessionNodeOptions {
  readonly limits?: Partial<SessionLimits>;
  readonly times?: Partial<SessionTimes>;
  readonly ringLimits?: Partial<RingLimits>;
  readonly retention?: Partial<Retention>;
  readonly authenticate?: Authenticate;
  readonly rulesFor?: RulesFor;
  /** Instead of `authenticate` and `rulesFor`. */
  readonly application?: Application;
  /** For applications that have to know the time. */
  readonly clock?: FakeClock;
  readonly random?: () => number;
  readonly maxHeldBytes?: number;
  /** @default a flight recorder of 1 MiB */
  readonly recorder?: Recorder;
}

export type SessionNode = Awaited<ReturnType<typeof createSessionNode>>;

const metaTtlMs = 1000;

export async function createSessionNode(options: SessionNodeOptions = {}) {
  const clock = options.clock ?? new FakeClock();
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
    now: () => 0,
    sliceMs: 4,
    onError,
  });
  const ringLimits = { maxEntries: 512, maxBytes: 1024 * 1024, ...options.ringLimits };
  const retention = { maxEntries: 1000, maxBytes: 100_000_000, ttlMs: 3_600_000, ...options.retention };
  const rules: ChannelRules = { ...openRules, retention };
  const rulesFor = options.rulesFor ?? (() => rules);
  const kindOf = (channel: string) => rulesFor(channel)?.kind ?? "stream";
  const channels = new Channels({ log: broker.log, logReader, delivery, ringLimits, kindOf, onError });
  const deadlines = new Deadlines(clock, onError);
  const held = new HeldBytes(options.maxHeldBytes ?? 256 * 1024 * 1024);
  const application =
    options.application ?? createOpenApplication(rulesFor, options.authenticate ?? insecureAuth);
  const defaults = resolveServerOptions({});
  const limits: SessionLimits = { ...defaults, ...options.limits };
  const userPublishes = createUserPublishes(limits);
  const lag = { ms: 0 };
  const work = new Work({
    clock,
    schedule: queueMicrotask,
    perSecond: limits.workPerSecond,
    burst: limits.workBurst,
    lagMs: () => lag.ms,
    shedAboveLagMs: 1000,
  });
  const recorder = options.recorder ?? new FlightRecorder({ clock, maxBytes: 1024 * 1024 });
  const context = {
    broker,
    channels,
    delivery,
    deadlines,
    held,
    clock,
    onError,
    application,
    recorder,
    access: new DataAccess(),
    lists: new PresenceLists({ broker, application, onError }),
    limits,
    userPublishes,
    polls: new Polls({
      clock,
      sliceMs: 4,
      nextTurn: () => delivery.nextTurn(),
      createEpoch: createCounter("poll"),
      onError,
      ...{ maxTrackedKeys: 1_000_000, maxPolledBytes: 256 * 1024 * 1024, userPercent: 2 },
    }),
    work,
    meters: new Meters(),
    times: { ...defaults, ...options.times },
    version: "test",
    createId: createCounter("client"),
    random: options.random ?? (() => 0),
  };
  const handler = new SessionRegistry(context);
  const commands = new NodeCommands(handler, context, {
    stats: () => ({ connections: 0, users: 0, subscriptions: 0, channels: 0, uptimeSeconds: 0 }),
    metrics: () => null,
    emulate: () => "taken",
  });
  const events = eventsFor(channels);
  await broker.open({
    ...events,
    cluster: { ...events.cluster, onCommand: (command) => commands.run(command) },
  });

  /** A connection that has not sent anything. */
  const open = (): TestClient => {
    const transport = new FakeTransport();
    const session = handler.open(transport);
    transport.events = session;
    return new TestClient(transport, session, scheduler);
  };

  /** A connected client that has taken its connect reply. */
  const connect = async (user = ""): Promise<TestClient> => {
    const client = open();
    await client.ask({ id: 1, connect: { data: { user } } });
    return client;
  };

  const publish = async (channel: string, count = 1, data = '"x"'): Promise<void> => {
    for (let i = 0; i < count; i++) await broker.log.publish(channel, { data }, { retention });
  };

  /** The log is gone, as after a loss of the store: epoch-1 becomes epoch-2. Tells no event, ends no connection. */
  const startLogAfresh = async (channel: string): Promise<void> => {
    await memory.log.unsubscribe(channel);
    // No longer than clients may wait for their ping: expired at once, forgotten soon after.
    await memory.log.publish(channel, { data: "0" }, { retention: { ...retention, ttlMs: 0 } });
    clock.advance(metaTtlMs + 10_000);
    await memory.log.subscribe(channel);
  };

  /** Moves time on in small steps, and lets everything happen at each. */
  const wait = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 500) {
      clock.advance(Math.min(left, 500));
      await scheduler.runAll();
    }
  };

  /** Everything that grows with use. */
  const sizes = () => ({
    ...handler.stats(),
    deadlines: deadlines.count,
    hasTimer: deadlines.hasTimer,
    channels: channels.count,
    subscribed: memory.sizes.subscribed,
    presences: memory.sizes.presences,
    pendingReads: logReader.pendingReads,
    pending: delivery.pending,
    turns: scheduler.waiting,
  });

  return {
    clock,
    memory,
    broker,
    scheduler,
    errors,
    channels,
    delivery,
    deadlines,
    handler,
    application,
    limits,
    control: new Control(context),
    userPublishes,
    work,
    lag,
    open,
    connect,
    publish,
    settle: () => scheduler.runAll(),
    startLogAfresh,
    wait,
    sizes,
  };
}

/** The sizes of a node that nobody uses any more. */
export const nothing: ReturnType<SessionNode["sizes"]> = Object.freeze({
  connections: 0,
  users: 0,
  subscriptions: 0,
  unsentBytes: 0,
  heldBytes: 0,
  behind: 0,
  cutOff: 0,
  deadlines: 0,
  hasTimer: false,
  channels: 0,
  subscribed: 0,
  presences: 0,
  pendingReads: 0,
  pending: { channels: 0, behind: 0, unflushed: 0 },
  turns: 0,
});
