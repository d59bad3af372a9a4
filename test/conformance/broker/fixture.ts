/** What the sections of the broker suite work with: an open broker, a record of its events, and its time. */
import { describe, it } from "vitest";
import { InitialEpochs } from "../../../packages/holdfast/src/brokers/epochs.js";
import type { Broker, BrokerEvents, PresenceEvents } from "../../../packages/holdfast/src/channels/broker.js";
import type {
  ClusterCommand,
  ClusterEvents,
  CommandOutcome,
} from "../../../packages/holdfast/src/channels/cluster.js";
import type { HistoryQuery, Log, LogEvents, Retention } from "../../../packages/holdfast/src/channels/log.js";
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
  /** Ends a peer as if its process was killed: it says nothing any more, and hears nothing. Where `canKillNodes`. */
  readonly kill?: (peer: Broker) => Promise<void>;
  /** Cuts the broker off from its store, but not its peers, until `restore`. Where `canCutStore`. */
  readonly cut?: () => Promise<void>;
  readonly restore?: () => Promise<void>;
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
  /** Several nodes share it. Nodes that are made for tests should notice a dead one within two seconds. */
  readonly hasNodes: true | Lacking;
  /** A log that is behind a floor gets a new epoch. */
  readonly keepsFloors: true | Lacking;
  /** A node can be ended without its goodbye. */
  readonly canKillNodes: true | Lacking;
  /** The store can be made unreachable. */
  readonly canCutStore: true | Lacking;
  /** Keeps maps: the newest publication of each key. @default true */
  readonly hasMaps?: true | Lacking;
  /** Takes publications of durability `disk`. @default true */
  readonly hasDisk?: true | Lacking;
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
  /** Opens another node of the same cluster. Resolves when all nodes know it. */
  readonly openPeer: () => Promise<Node>;
  readonly kill: (peer: Node) => Promise<void>;
  readonly cut: () => Promise<void>;
  readonly restore: () => Promise<void>;
  /** Waits for a result while time passes. */
  readonly wait: <T>(result: Promise<T>) => Promise<T>;
  /** Waits, while time passes, until something holds; fails if it does not within 15 seconds. */
  readonly until: (what: string, holds: () => boolean | Promise<boolean>) => Promise<void>;
}

export interface Node {
  readonly broker: Broker;
  readonly events: EventRecord;
}

const maxWaitMs = 15_000;
const pollMs = 20;

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

  /** Whether it has the capability, for tests that hold in part without it. */
  readonly has = (capability: Capability): boolean => this.#reasonToSkip([capability]) === undefined;

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
  /** "disconnect" and "reconnect", as the log tells them. */
  readonly connection: string[] = [];
  /** What the node answers to a command. */
  answer: (command: ClusterCommand) => Promise<CommandOutcome> = async () => ({});
  onEachPublication: ((event: PublicationEvent) => void) | undefined;
  /** Gets events as they came, those that came again, too. */
  onRawPublication: LogEvents["onPublication"] | undefined;

  offsets(channel: string): number[] {
    return this.publications
      .filter((event) => event.channel === channel)
      .map(({ publication }) => publication.offset);
  }

  onPublication(channel: string, publication: Publication, epoch: string): void {
    this.onRawPublication?.(channel, publication, epoch);
    const event = { channel, publication, epoch };
    const isKnown = this.publications.some(
      (known) =>
        known.channel === channel && known.epoch === epoch && known.publication.offset === publication.offset,
    );
    if (isKnown) return;
    this.publications.push(event);
    this.onEachPublication?.(event);
  }

  onDisconnect(): void {
    this.connection.push("disconnect");
  }

  onReconnect(): void {
    this.connection.push("reconnect");
  }

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
  const { clock, idle = settle } = fixture;
  const advance =
    fixture.advance ??
    (async (ms: number) => {
      clock?.advance(ms);
      await idle();
    });
  const open = async (broker: Broker): Promise<Node> => {
    const events = new EventRecord();
    onOpened(broker);
    await broker.open(events, {
      node: { id: `node-${++nodes}`, name: "test", version: "1.0.0", startedAt: 0 },
      needs: { hasMaps: false, durability: "process" },
    });
    return { broker, events };
  };
  const sleep = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms));
  const wait = async <T>(result: Promise<T>): Promise<T> => {
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    const ended = result.then(done, done);
    await settle();
    if (clock === undefined) await Promise.race([ended, sleep(maxWaitMs)]);
    else for (let ms = 0; !isDone && ms < maxWaitMs; ms += pollMs) await advance(pollMs);
    if (!isDone) throw new Error(`nothing came within ${maxWaitMs} ms`);
    return await result;
  };
  const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
    for (let ms = 0; ms < maxWaitMs; ms += pollMs) {
      if (await wait(Promise.resolve(holds()))) return;
      await (clock ? advance(pollMs) : sleep(pollMs));
    }
    throw new Error(`not within ${maxWaitMs} ms: ${what}`);
  };
  const first = await open(fixture.broker);
  const living = [first.broker];
  return {
    ...first,
    idle,
    advance,
    wait,
    until,
    sizes: fixture.sizes,
    reopen: async () => (await open(await provided(fixture, "reopen")())).broker,
    openPeer: async () => {
      const peer = await open(await provided(fixture, "createPeer")());
      living.push(peer.broker);
      await until("nodes know each other", async () => {
        const known = await Promise.all(living.map(({ cluster }) => cluster.nodes()));
        return known.every((each) => each.length === living.length);
      });
      return peer;
    },
    kill: async (peer) => {
      living.splice(living.indexOf(peer.broker), 1);
      await provided(fixture, "kill")(peer.broker);
    },
    cut: () => provided(fixture, "cut")(),
    restore: () => provided(fixture, "restore")(),
    now: () => provided(fixture, "clock").now(),
  };
}

/** What a fixture of a broker with the capability has. */
function provided<K extends keyof BrokerFixture>(
  fixture: BrokerFixture,
  name: K,
): NonNullable<BrokerFixture[K]> {
  const value = fixture[name];
  if (value === undefined || value === null) throw new Error(`the fixture lacks ${name}`);
  return value;
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
