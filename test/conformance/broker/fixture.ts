/** What the sections of the broker suite work with: an open broker, a record of its events, and its time. */
import type {
  Broker,
  BrokerEvents,
  HistoryQuery,
  Retention,
} from "../../../packages/holdfast/src/channels/broker.js";
import { InitialEpochs } from "../../../packages/holdfast/src/channels/initial-epochs.js";
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
}

export interface BrokerCapabilities {
  /** `clock` moves the time by which retention, leases and idempotency keys end. */
  readonly canMoveTime: boolean;
  /** A log that is empty and unused for so long is forgotten, and starts afresh at its next use. */
  readonly forgetsIdleLogsAfterMs?: number;
  /** The bound of channels with a log that it is made with, if any; of that, each user may have 2 % once half is taken. */
  readonly maxChannels?: number;
  /** The same of idempotency keys. */
  readonly maxIdempotencyKeys?: number;
}

export interface BrokerUnderTest {
  readonly broker: Broker;
  readonly events: EventRecord;
  readonly idle: () => Promise<void>;
  readonly now: () => number;
  readonly sizes: () => object;
  readonly advance: (ms: number) => Promise<void>;
}

export interface Section {
  readonly start: () => Promise<BrokerUnderTest>;
  readonly capabilities: BrokerCapabilities;
}

export interface PublicationEvent {
  readonly channel: string;
  readonly publication: Publication;
  readonly epoch: string;
}

/** Events as they came, but for publications that came again: brokers may tell those twice. */
export class EventRecord implements BrokerEvents {
  readonly publications: PublicationEvent[] = [];
  /** "join news ann", "leave news ann" */
  readonly announcements: string[] = [];
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

  onJoin(channel: string, info: ClientInfo): void {
    this.announcements.push(`join ${channel} ${info.client}`);
  }

  onLeave(channel: string, info: ClientInfo): void {
    this.announcements.push(`leave ${channel} ${info.client}`);
  }
}

export async function openFixture(fixture: BrokerFixture): Promise<BrokerUnderTest> {
  const { broker, clock, idle = settle } = fixture;
  const events = new EventRecord();
  await broker.open(events);
  return {
    broker,
    events,
    idle,
    sizes: fixture.sizes,
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
  broker: Broker,
  channel: string,
  count: number,
  retention = ample,
): Promise<void> {
  for (let i = 1; i <= count; i++) await broker.publish(channel, { data: String(i) }, { retention });
}

export async function offsetsIn(
  broker: Broker,
  channel: string,
  part: Partial<HistoryQuery> = {},
): Promise<number[]> {
  const { publications } = await broker.history(channel, query(part));
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
