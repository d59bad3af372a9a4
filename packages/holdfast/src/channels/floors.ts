/**
 * Remembers the furthest position of each channel that this node has seen, and passes it to the log as the floor with every publish
 * and check of heads. So a log that has gone back behind it, such as a replica that was promoted, gets a new epoch before it can
 * give an offset that somebody has seen to another publication.
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
/** Epochs of a channel that are known to be replaced. */
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
  /** Epochs that others have replaced, by channel, latest last: their events may come late. */
  readonly #replaced = new Map<string, readonly string[]>();

  /** @param max channels in each of two generations. @default 100,000 */
  constructor(log: Log, max = maxChannels) {
    this.#log = log;
    this.#maxChannels = max;
  }

  /** Remembers what events bring. */
  watch(events: LogEvents): LogEvents {
    return {
      onPublication: (channel: string, publication: Publication, epoch: string) => {
        if (this.#replaced.get(channel)?.includes(epoch) !== true)
          this.#see(channel, { epoch, offset: publication.offset });
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
    const floor = this.#floorOf(channel);
    if (floor === undefined || !isBehind(position, floor)) return this.#see(channel, position);
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
    const floor = this.#floorOf(channel);
    const result = await this.#log.publish(channel, publication, floor ? { ...options, floor } : options);
    // The position of a repeat, or of nothing appended, may be an old one.
    if (!result.isDuplicate && result.suppressed === undefined) this.#see(channel, result.position);
    return result;
  }

  async history(channel: string, query: HistoryQuery): Promise<HistoryPage> {
    const page = await this.#log.history(channel, query);
    const floor = this.#floorOf(channel);
    if (floor === undefined || !isBehind(page.position, floor)) {
      this.#see(channel, page.position);
      return page;
    }
    await this.heads([channel]);
    return await this.#log.history(channel, query);
  }

  async heads(
    channels: readonly string[],
    floors: ReadonlyMap<string, Position> = new Map(),
  ): Promise<ReadonlyMap<string, Position>> {
    const known = new Map<string, Position>();
    for (const channel of channels) {
      const floor = later(floors.get(channel), this.#floorOf(channel));
      if (floor) known.set(channel, floor);
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
    this.#recent.set(channel, isKnown ? floor : position);
    if (floor !== undefined && floor.epoch !== position.epoch)
      this.#replace(channel, floor.epoch, position.epoch);
    return position;
  }

  /** Of the log's own answers, the latest counts, even if it has gone back to an epoch that was replaced. */
  #replace(channel: string, before: string, now: string): void {
    const epochs = (this.#replaced.get(channel) ?? []).filter((epoch) => epoch !== now && epoch !== before);
    this.#replaced.delete(channel);
    this.#replaced.set(channel, [...epochs, before].slice(-maxReplaced));
    const [oldest] = this.#replaced.keys();
    if (oldest !== undefined && this.#replaced.size > this.#maxChannels) this.#replaced.delete(oldest);
  }
}

function isBehind(position: Position, floor: Position): boolean {
  return position.epoch === floor.epoch && position.offset < floor.offset;
}

/** Of two epochs, the first: nobody knows which came later. */
function later(first: Position | undefined, second: Position | undefined): Position | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return isBehind(first, second) ? second : first;
}
