/**
 * Remembers the furthest position of each channel that this node has seen, and passes it to the log as the floor with every publish
 * and check of heads. So a log that has gone back behind it, such as a replica that was promoted, gets a new epoch before it can
 * give an offset that somebody has seen to another publication. It may go back twice, the second time to before it got that epoch, so
 * the floors of epochs that were replaced count on.
 */
import type { Position, Publication } from "../wire/messages.js";
import type { Broker, BrokerEvents, BrokerStart } from "./broker.js";
import type {
  HistoryPage,
  HistoryQuery,
  KeysPage,
  KeysQuery,
  Log,
  LogEvents,
  NewPublication,
  PublishOptions,
  PublishResult,
} from "./log.js";

/** Channels in one generation; the least recently seen are forgotten a generation at a time. */
const maxChannels = 100_000;
/** Epochs of a channel that are known to be replaced; the latest are kept. */
const maxReplaced = 4;

/** The broker, with floors where its log needs them. */
export function withFloors(broker: Broker): Broker {
  if (broker.log.canGoBack !== true) return broker;
  const log = new LogWithFloors(broker.log);
  const { name, presence, cluster } = broker;
  return {
    name,
    log,
    presence,
    cluster,
    open: (events: BrokerEvents, start: BrokerStart) =>
      broker.open({ ...events, log: log.watch(events.log) }, start),
    close: () => broker.close(),
  };
}

export class LogWithFloors implements Log {
  readonly canGoBack = true;
  readonly #log: Log;
  readonly #maxChannels: number;
  #recent = new Map<string, Position>();
  #older = new Map<string, Position>();
  /** The floors of epochs that others have replaced, by channel, latest last: their events may come late. */
  readonly #replaced = new Map<string, readonly Position[]>();

  /** @param max channels in each of two generations. @default 100,000 */
  constructor(log: Log, max = maxChannels) {
    this.#log = log;
    this.#maxChannels = max;
  }

  /** Remembers what events bring. */
  watch(events: LogEvents): LogEvents {
    return {
      onPublication: (channel: string, publication: Publication, epoch: string) => {
        const position = { epoch, offset: publication.offset };
        if (!this.#seeReplaced(channel, position)) this.#see(channel, position);
        events.onPublication(channel, publication, epoch);
      },
      onDisconnect: () => events.onDisconnect(),
      onReconnect: () => events.onReconnect(),
    };
  }

  open(events: LogEvents): Promise<void> {
    return this.#log.open(this.watch(events));
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  async subscribe(channel: string): Promise<Position> {
    const position = await this.#log.subscribe(channel);
    if (!isBehind(position, this.#floorsOf(channel))) return this.#see(channel, position);
    // The log gets its new epoch before anybody reads on.
    const heads = await this.heads([channel]);
    return heads.get(channel) ?? position;
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#log.unsubscribe(channel);
  }

  async publish(
    channel: string,
    publication: NewPublication,
    options: PublishOptions,
  ): Promise<PublishResult> {
    const floors = this.#floorsOf(channel);
    const floored = floors.length > 0 ? { ...options, floors } : options;
    const result = await this.#log.publish(channel, publication, floored);
    // The position of a repeat, or of nothing appended, may be an old one.
    if (!result.isDuplicate && result.suppressed === undefined) this.#see(channel, result.position);
    return result;
  }

  async history(channel: string, query: HistoryQuery): Promise<HistoryPage> {
    const page = await this.#log.history(channel, query);
    if (!isBehind(page.position, this.#floorsOf(channel))) {
      this.#see(channel, page.position);
      return page;
    }
    await this.heads([channel]);
    return await this.#log.history(channel, query);
  }

  async heads(
    channels: readonly string[],
    floors: ReadonlyMap<string, readonly Position[]> = new Map(),
  ): Promise<ReadonlyMap<string, Position>> {
    const known = new Map<string, readonly Position[]>();
    for (const channel of channels) {
      const all = furthest([...this.#floorsOf(channel), ...(floors.get(channel) ?? [])]);
      if (all.length > 0) known.set(channel, all);
    }
    const heads = await this.#log.heads(channels, known);
    for (const [channel, head] of heads) this.#see(channel, head);
    return heads;
  }

  keys(channel: string, query: KeysQuery): Promise<KeysPage> {
    return this.#log.keys(channel, query);
  }

  value(channel: string, key: string): Promise<Publication | undefined> {
    return this.#log.value(channel, key);
  }

  renewKey(channel: string, key: string): Promise<boolean> {
    return this.#log.renewKey(channel, key);
  }

  removeHistory(channel: string): Promise<void> {
    return this.#log.removeHistory(channel);
  }

  #floorOf(channel: string): Position | undefined {
    return this.#recent.get(channel) ?? this.#older.get(channel);
  }

  /** One of each epoch. */
  #floorsOf(channel: string): readonly Position[] {
    const floor = this.#floorOf(channel);
    const replaced = this.#replaced.get(channel) ?? [];
    return floor ? [floor, ...replaced] : replaced;
  }

  /** A late event of an epoch that was replaced. @returns whether it is one */
  #seeReplaced(channel: string, position: Position): boolean {
    const replaced = this.#replaced.get(channel);
    if (replaced?.some(({ epoch }) => epoch === position.epoch) !== true) return false;
    if (!isBehind(position, replaced)) this.#replaced.set(channel, furthest([...replaced, position]));
    return true;
  }

  /** @returns the position */
  #see(channel: string, position: Position): Position {
    const floor = this.#floorOf(channel);
    const isKnown = floor?.epoch === position.epoch && floor.offset >= position.offset;
    // Before the first publication nothing can be lost.
    if (position.offset === 0 && floor?.epoch !== position.epoch) return position;
    if (isKnown && this.#recent.has(channel)) return position;
    if (this.#recent.size >= this.#maxChannels && !this.#recent.has(channel)) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    if (floor === undefined || floor.epoch === position.epoch)
      this.#recent.set(channel, isKnown ? floor : position);
    else this.#replace(channel, floor, position);
    return position;
  }

  /** Of the log's own answers, the latest counts, even if it has gone back to an epoch that was replaced. */
  #replace(channel: string, before: Position, now: Position): void {
    const replaced = this.#replaced.get(channel) ?? [];
    const known = furthest([now, ...replaced, before]);
    this.#recent.set(channel, known.find(({ epoch }) => epoch === now.epoch) ?? now);
    this.#replaced.delete(channel);
    this.#replaced.set(channel, known.filter(({ epoch }) => epoch !== now.epoch).slice(-maxReplaced));
    const [oldest] = this.#replaced.keys();
    if (oldest !== undefined && this.#replaced.size > this.#maxChannels) this.#replaced.delete(oldest);
  }
}

function isBehind(position: Position, floors: readonly Position[]): boolean {
  return floors.some(({ epoch, offset }) => position.epoch === epoch && position.offset < offset);
}

/** Of each epoch the furthest position, in the order in which epochs come first. */
function furthest(positions: readonly Position[]): Position[] {
  const known = new Map<string, Position>();
  for (const position of positions) {
    const before = known.get(position.epoch);
    if (before === undefined || before.offset < position.offset) known.set(position.epoch, position);
  }
  return [...known.values()];
}
