/** What the sections of the broker suite work with: an open broker, a record of its events, and its time. */
import { describe, it } from "vitest";
import { InitialEpochs } from "../../../packages/holdfast/src/brokers/epochs.js";
import type { Broker, BrokerEvents } from "../../../packages/holdfast/src/channels/broker.js";
import type {
  ClusterCommand,
  ClusterEvents,
  CommandOutcome,
} from "../../../packages/holdfast/src/channels/cluster.js";
import type { HistoryQuery, Log, LogEvents, Retention } from "../../../packages/holdfast/src/channels/log.js";
import type { PresenceEvents } from "../../../packages/holdfast/src/channels/presence-store.js";
import type { ClientInfo, Publication } from "../../../packages/holdfast/src/wire/messages.js";
import { type FakeClock, settle } from "../../../packages/holdfast/test/support/fake-clock.js";

export interface BrokerFixture {
  /** Not opened yet. */
  readonly broker: Broker;
  /** The broker's time, where `canMoveTime`. */
  readonly clock?: FakeClock;
  /** Resolves once the events of all calls that have resolved were told. @default settled promises run */
  readonly idle?: () => Promise<void>;
  /** Moves the clock, in steps where work in the background takes more than a turn. @default in one */
  readonly advance?: (ms: number) => Promise<void>;
  /** Of everything that the broker holds. */
  readonly sizes: () => object;
  /** Another broker on the same store, not opened yet, where `survivesRestart`. Called once the first is closed. */
  readonly reopen?: () => Promise<Broker>;
  /** Another node of the same cluster, not opened yet, where `hasNodes`. */
  readonly createPeer?: () => Promise<Broker>;
}

/** A capability that is missing, and why; said in the titles of the tests that are skipped for it. */
export interface Lacking {
  readonly lacks: string;
}

export interface BrokerCapabilities {
  /** `clock` moves the time by which retention, leases and idempotency keys end. */
  readonly canMoveTime: true | Lacking;
  /** A log that is empty and unused for so long is forgotten, and starts afresh at its next use. */
  readonly forgetsIdleLogsAfterMs: number | Lacking;
  /** The bound of channels with a log that it is made with; of that, each user may have 2 % once half is taken. */
  readonly maxChannels: number | Lacking;
  /** The same of idempotency keys. */
  readonly maxIdempotencyKeys: number | Lacking;
  /** What was published is there after a restart. */
  readonly survivesRestart: true | Lacking;
  /** Several nodes share it. */
  readonly hasNodes: true | Lacking;
}

export type Capability = keyof BrokerCapabilities;

export interface BrokerUnderTest {
  readonly broker: Broker;
  readonly events: EventRecord;
  readonly idle: () => Promise<void>;
  readonly now: () => number;
  readonly sizes: () => object;
  readonly advance: (ms: number) => Promise<void>;
  /** Opens another broker on the store of the first, which is closed. */
  readonly reopen: () => Promise<Broker>;
  /** Opens another node of the same cluster. */
  readonly openPeer: () => Promise<{ readonly broker: Broker; readonly events: EventRecord }>;
}

let nodes = 0;

type Body = () => void | Promise<void>;

export class Section {
  readonly start: () => Promise<BrokerUnderTest>;
  readonly #capabilities: BrokerCapabilities;

  constructor(start: () => Promise<BrokerUnderTest>, capabilities: BrokerCapabilities) {
    this.start = start;
    this.#capabilities = capabilities;
  }

  /** `it`, or a skipped test that says why. */
  readonly itWith = (...needed: Capability[]): ((title: string, body: Body) => void) => {
    const reason = this.#reasonToSkip(needed);
    if (reason === undefined) return it;
    return (title, body) => void it.skip(`${title} (${reason})`, body);
  };

  /** `describe`, or a skipped one that says why. */
  readonly describeWith = (...needed: Capability[]): ((title: string, body: () => void) => void) => {
    const reason = this.#reasonToSkip(needed);
    if (reason === undefined) return describe;
    return (title, body) => void describe.skip(`${title} (${reason})`, body);
  };

  /** A number that tests with the capability go by; 0 without it. */
  readonly numberOf = (capability: Capability): number => {
    const value = this.#capabilities[capability];
    return typeof value === "number" ? value : 0;
  };

  #reasonToSkip(needed: readonly Capability[]): string | undefined {
    for (const name of needed) {
      const value = this.#capabilities[name];
      if (typeof value === "object") return value.lacks;
    }
    return undefined;
  }
}

export interface PublicationEvent {
  readonly channel: string;
  readonly publication: Publication;
  readonly epoch: string;
}

/** Events as they came, but for publications that came again: brokers may tell those twice. */
export class EventRecord implements BrokerEvents, LogEvents, PresenceEvents, ClusterEvents {
  readonly log = this;
  readonly presence = this;
  readonly cluster = this;
  readonly publications: PublicationEvent[] = [];
  /** "join news ann", "leave news ann" */
  readonly announcements: string[] = [];
  /** Commands of the cluster, in the order they came. */
  readonly commands: ClusterCommand[] = [];
  readonly removedHistories: string[] = [];
  /** What the node answers to a command. */
  answer: (command: ClusterCommand) => Promise<CommandOutcome> = async () => ({});
  onEachPublication: ((event: PublicationEvent) => void) | undefined;

  offsets(channel: string): number[] {
    return this.publications
      .filter((event) => event.channel === channel)
      .map(({ publication }) => publication.offset);
  }

  onPublication(channel: string, publication: Publication, epoch: string): void {
    const event = { channel, publication, epoch };
    const isKnown = this.publications.some(
      (known) =>
        known.channel === channel && known.epoch === epoch && known.publication.offset === publication.offset,
    );
    if (isKnown) return;
    this.publications.push(event);
    this.onEachPublication?.(event);
  }

  onDisconnect(): void {}

  onReconnect(): void {}

  onJoin(channel: string, info: ClientInfo): void {
    this.announcements.push(`join ${channel} ${info.client}`);
  }

  onLeave(channel: string, info: ClientInfo): void {
    this.announcements.push(`leave ${channel} ${info.client}`);
  }

  onCommand(command: ClusterCommand): Promise<CommandOutcome> {
    this.commands.push(command);
    return this.answer(command);
  }

  onHistoryRemoved(channel: string): void {
    this.removedHistories.push(channel);
  }
}

export async function openFixture(
  fixture: BrokerFixture,
  onOpened: (broker: Broker) => void,
): Promise<BrokerUnderTest> {
  const { broker, clock, idle = settle, createPeer, reopen } = fixture;
  const open = async (each: Broker) => {
    const events = new EventRecord();
    await each.open(events, {
      node: { id: `node-${++nodes}`, name: "test", version: "1.0.0", startedAt: 0 },
      needs: { hasMaps: false, durability: "process" },
    });
    onOpened(each);
    return { broker: each, events };
  };
  return {
    ...(await open(broker)),
    idle,
    sizes: fixture.sizes,
    reopen: async () => {
      if (reopen === undefined) throw new Error("a broker that survives a restart can be reopened");
      return (await open(await reopen())).broker;
    },
    openPeer: async () => {
      if (createPeer === undefined) throw new Error("a broker with nodes can make peers");
      return await open(await createPeer());
    },
    now: () => {
      if (clock === undefined) throw new Error("a broker that can move time has a clock");
      return clock.now();
    },
    advance:
      fixture.advance ??
      (async (ms) => {
        clock?.advance(ms);
        await idle();
      }),
  };
}

export const hourMs = 60 * 60 * 1000;
/** Keeps everything that a test publishes. */
export const ample: Retention = Object.freeze({ maxEntries: 1000, maxBytes: 10_000_000, ttlMs: 24 * hourMs });

/** All of a log, oldest first, unless the query says otherwise. */
export function query(part: Partial<HistoryQuery> = {}): HistoryQuery {
  return { maxEntries: 1000, maxBytes: 10_000_000, isReverse: false, ...part };
}

export async function publishMany(
  log: Log,
  channel: string,
  count: number,
  retention = ample,
): Promise<void> {
  for (let i = 1; i <= count; i++) await log.publish(channel, { data: String(i) }, { retention });
}

export async function offsetsIn(
  log: Log,
  channel: string,
  part: Partial<HistoryQuery> = {},
): Promise<number[]> {
  const { publications } = await log.history(channel, query(part));
  return publications.map(({ offset }) => offset);
}

/** Another channel whose initial epochs go with those of the given one. */
export function neighbourOf(channel: string): string {
  const groupOf = (name: string) => new InitialEpochs("").retire(name).group;
  for (let n = 0; ; n++) if (groupOf(`neighbour-${n}`) === groupOf(channel)) return `neighbour-${n}`;
}

export function countTo(last: number, first = 1): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

export function client(name: string, user = name): ClientInfo {
  return Object.freeze({ user, client: name });
}
