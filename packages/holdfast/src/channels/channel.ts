/**
 * A channel in use on this node: its log's epoch and head, the ring with the log's end, and a subscription for each reader, which has
 * the reader's cursor and view. Decides by the offset whether an event from the broker is the next publication, an old one, or shows a
 * gap.
 */
import { PatternMeter } from "../observe/meters.js";
import type { ClientInfo, Position, Publication } from "../wire/messages.js";
import { payloadMemory, payloadSize } from "../wire/payload.js";
import type { TagsFilter } from "../wire/tags-filter.js";
import {
  BatchCache,
  type Encoding,
  type Framed,
  maxBatchBytes,
  type View,
  viewAfterPublication,
} from "./batches.js";
import { FilterLoad } from "./quota.js";
import { NewestEntries, type PublicationEntry, Ring, type RingLimits, type RingPool } from "./ring.js";
import type { ChannelKind } from "./rules.js";

/** Estimated memory of an entry beyond its text. */
const entryOverheadBytes = 200;
/** Arrays of publications after an offset that are cached for other readers. */
const maxFollowing = 64;
const noPosition: Position = Object.freeze({ epoch: "", offset: 0 });

export interface ChannelOptions {
  readonly kind?: ChannelKind;
  readonly limits: RingLimits;
  readonly pool?: RingPool;
  /** Counts for the channel's pattern. @default counts for this channel alone */
  readonly meter?: PatternMeter;
}

export class Channel {
  readonly name: string;
  readonly kind: ChannelKind;
  /** For readers; only the channel changes it. */
  readonly ring: Ring;
  readonly batches: BatchCache;
  /** What the channels of its pattern count together. */
  readonly meter: PatternMeter;
  readonly #limits: RingLimits;
  readonly #pool: RingPool | undefined;
  #epoch = "";
  #head = 0;
  #seen = 0;
  /** The furthest position seen in another epoch. */
  #other = noPosition;
  readonly #newest: NewestEntries | undefined;
  /** For maps with readers of patches. */
  #values: NewestEntries | undefined;
  /** A publication that the ring may lack: the base of the next patch for readers that have recovered it. */
  #recovered: Publication | undefined;
  /** Publications of the ring that follow an offset; emptied when the ring changes. */
  #following: Map<number, readonly Publication[]> | undefined;
  readonly #subscriptions = new Set<Subscription>();
  /** Created with the first filter. */
  #filters: FilterLoad | undefined;
  /** Pending calls that need the channel open, with or without subscriptions. */
  #holds = 0;
  #joinLeaveReaders = 0;

  constructor(name: string, { kind = "stream", limits, pool, meter = new PatternMeter("") }: ChannelOptions) {
    this.name = name;
    this.meter = meter;
    this.kind = kind;
    this.ring = new Ring(limits, pool);
    this.#pool = pool;
    this.#newest = kind === "latest" ? new NewestEntries(limits, 0, pool) : undefined;
    this.batches = new BatchCache(this);
    this.#limits = limits;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** Offset of the last publication this node has in order. */
  get head(): number {
    return this.#head;
  }

  get position(): Position {
    return { epoch: this.#epoch, offset: this.#head };
  }

  /** Highest offset seen; beyond `head` while publications are missing. */
  get seen(): number {
    return this.#seen;
  }

  /** Whether publications are missing on this node. */
  get isIncomplete(): boolean {
    return this.#seen > this.#head;
  }

  /** For channels of kind `latest`. */
  get newest(): NewestEntries | undefined {
    return this.#newest;
  }

  /** Starts at the position that the node has subscribed at. Events may have come first. */
  open(position: Position): void {
    if (this.#epoch === position.epoch) this.markSeen(position.offset);
    else this.restart(position);
  }

  /** Drops all entries and restarts at a position. The caller ends the subscriptions. */
  restart(position: Position): void {
    this.#epoch = position.epoch;
    this.#head = position.offset;
    const isSeen = this.#other.epoch === position.epoch;
    this.#seen = isSeen ? Math.max(position.offset, this.#other.offset) : position.offset;
    // What is missing now must not be searched for again.
    this.#other = noPosition;
    this.ring.clear();
    this.#changed();
    this.#newest?.clear(position.offset);
    this.#values?.clear(position.offset);
    this.#recovered = undefined;
  }

  /** Remembers the values of keys from now on, so that publications can be sent as patches. */
  keepValues(): void {
    if (this.kind === "map") this.#values ??= new NewestEntries(this.#limits, this.#head, this.#pool);
  }

  /**
   * Remembers values that were read from the map's state, after `keepValues`.
   * @param position what they were read at: later publications count more
   */
  addValues(publications: readonly Publication[], { epoch, offset: readAt }: Position): void {
    if (this.#values === undefined || epoch !== this.#epoch) return;
    for (const publication of publications) {
      const { key, offset } = publication;
      // Without all that came after the state, a value could be one that readers no longer have.
      if (readAt < this.#values.from) return;
      if (key === undefined || offset > this.#head || this.#values.get(key)) continue;
      this.#values.add(toEntry(publication));
    }
  }

  /** A reader of patches has recovered these publications, up to an offset: they are the base of its next patches. */
  addRecovered(publications: readonly Publication[], offset: number): void {
    if (this.kind === "map") {
      this.keepValues();
      const values = new Map(publications.map((publication) => [publication.key, publication]));
      this.addValues(
        [...values.values()].filter(({ isRemoved }) => !isRemoved),
        { epoch: this.#epoch, offset },
      );
      return;
    }
    const last = publications.at(-1);
    if (last?.offset === this.#head) this.#recovered = last;
  }

  /** The publication with this offset, if readers have recovered it and the ring may lack it. */
  recoveredAt(offset: number): Publication | undefined {
    return this.#recovered?.offset === offset ? this.#recovered : undefined;
  }

  /** The log reaches this offset in the current epoch. */
  markSeen(offset: number): void {
    if (offset > this.#seen) this.#seen = offset;
  }

  /** @returns `appended`; `ignored` if it is known already; `gap` if an earlier publication is missing */
  append(publication: Publication, epoch: string): "appended" | "ignored" | "gap" {
    const { offset } = publication;
    if (this.#epoch === "") this.restart({ epoch, offset: offset - 1 });
    if (epoch !== this.#epoch) {
      if (this.#other.epoch !== epoch || this.#other.offset < offset) this.#other = { epoch, offset };
      return "gap";
    }
    this.markSeen(offset);
    if (offset <= this.#head) return "ignored";
    if (offset > this.#head + 1) return "gap";
    this.#head = offset;
    const entry = this.#toEntry(publication);
    this.ring.push(entry);
    this.#newest?.add(entry);
    this.#changed();
    return "appended";
  }

  #toEntry(publication: Publication): PublicationEntry {
    const { key, offset, isRemoved } = publication;
    const entry = toEntry(publication);
    if (this.#values === undefined || key === undefined) return entry;
    const before = this.#values.get(key)?.publication;
    if (isRemoved) this.#values.removeAt(key, offset);
    else this.#values.add(entry);
    return before ? { ...entry, before, bytes: entry.bytes + payloadMemory(before.data) } : entry;
  }

  /**
   * Appends publications read from the log, which may be ahead of the events.
   * @returns how many were new
   */
  appendAll(publications: readonly Publication[], epoch: string): number {
    const before = this.#head;
    if (epoch !== this.#epoch) return 0;
    for (const publication of publications) this.append(publication, epoch);
    return this.#head - before;
  }

  /** Adds a publication that the log does not have, for the readers of this moment. */
  announcePublication(publication: Publication): void {
    const { data } = publication;
    const bytes = payloadMemory(data) + entryOverheadBytes;
    this.ring.push({ kind: "announced", publication, offset: this.#head, bytes, encoded: new Map() });
    // Readers of patches have another base now.
    this.#recovered = undefined;
    this.#changed();
  }

  /** Adds a join or leave, for the readers that want it. */
  announce(kind: "join" | "leave", info: ClientInfo): void {
    const bytes = entryOverheadBytes + 2 * (info.connInfo?.length ?? 0);
    this.ring.push({ kind, info, offset: this.#head, bytes, encoded: new Map() });
    this.#changed();
  }

  /** The history was removed: readers that lag get a gap. */
  forgetHistory(): void {
    this.ring.clear();
    this.#newest?.clear(this.#head);
    this.#changed();
  }

  /** Drops all entries but the newest; readers that lag read the broker's log. */
  shrink(): void {
    this.ring.shrink();
    this.#newest?.shrink();
    this.#values?.shrink();
    this.#recovered = undefined;
    this.#changed();
  }

  /** Frees the memory of a channel that is no longer in use. */
  close(): void {
    this.ring.clear();
    this.#newest?.clear(this.#head);
    this.#values?.clear(this.#head);
  }

  /**
   * The publications after an offset, up to one batch; undefined unless the ring has all of them. Readers that resume from the
   * same offset share the array.
   */
  publicationsAfter(offset: number): readonly Publication[] | undefined {
    const known = this.#following?.get(offset);
    if (known) return known;
    const start = this.ring.sequenceOf(offset + 1);
    if (start === undefined) return undefined;
    const publications: Publication[] = [];
    let characters = 0;
    for (let i = start; i < this.ring.next && characters < maxBatchBytes; i++) {
      const entry = this.ring.at(i);
      if (entry.kind !== "pub") continue;
      const { data, info } = entry.publication;
      publications.push(entry.publication);
      characters += payloadSize(data) + (info?.connInfo?.length ?? 0);
    }
    this.#following ??= new Map();
    if (this.#following.size < maxFollowing) this.#following.set(offset, publications);
    return publications;
  }

  /** The cursor of a reader that has everything up to `offset`. It lies before the ring if the log has to be read. */
  cursorAfter(offset: number): number {
    if (offset >= this.#head) return this.ring.next;
    return this.ring.sequenceOf(offset + 1) ?? this.ring.first - 1;
  }

  get subscriptions(): ReadonlySet<Subscription> {
    return this.#subscriptions;
  }

  /** Whether it has subscriptions, or calls that may subscribe. */
  get isUsed(): boolean {
    return this.#holds > 0 || this.#subscriptions.size > 0;
  }

  /** Whether any reader wants joins and leaves; if none does, they are dropped. */
  get wantsJoinLeave(): boolean {
    return this.#joinLeaveReaders > 0;
  }

  /** Keeps the channel in use until the matching `release`. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    this.#holds--;
  }

  /** @returns why another filter would cost too much, or undefined */
  findFilterFault(filter: TagsFilter, owner: string): string | undefined {
    return this.#filters?.findFault(filter, owner);
  }

  /** Adds a subscription, which gets new entries from now on. */
  add(subscription: Subscription): void {
    this.#subscriptions.add(subscription);
    this.meter.subscriptionAdded();
    const { view, reader } = subscription;
    if (view.hasJoinLeave) this.#joinLeaveReaders++;
    if (view.filter === undefined) return;
    this.#filters ??= new FilterLoad();
    this.#filters.add(view.filter, reader.owner ?? "");
  }

  /** Ends a subscription. */
  remove(subscription: Subscription): void {
    if (!this.#subscriptions.delete(subscription)) return;
    this.meter.subscriptionEnded();
    subscription.end();
    const { view, reader } = subscription;
    if (view.hasJoinLeave) this.#joinLeaveReaders--;
    if (view.filter) this.#filters?.remove(view.filter, reader.owner ?? "");
  }

  #changed(): void {
    this.batches.clear();
    this.#following = undefined;
  }
}

function toEntry(publication: Publication): PublicationEntry {
  const { data, info, offset } = publication;
  const bytes = payloadMemory(data) + 2 * (info?.connInfo?.length ?? 0) + entryOverheadBytes;
  return { kind: "pub", publication, offset, bytes, encoded: new Map() };
}

/** A reader of channels, which delivery writes to. Implemented in sessions/. */
export interface Reader {
  readonly encoding: Encoding;
  /** Who is charged for it (quota.ts). @default "" */
  readonly owner?: string;
  /**
   * Whether the reader takes more now. While it does not, nothing is queued for it, and it must have `Delivery.resume` called once
   * it has drained.
   */
  readonly isReady: boolean;
  /** Its subscriptions, for catching up. */
  readonly subscriptions: Iterable<Subscription>;
  /** Takes messages for this turn. */
  push(framed: Framed): void;
  /** Writes what was pushed, in one write. Called once per turn in which something was pushed. */
  flush(): void;
  /** It lacks publications, which are read from the log a page at a time. */
  fellBehind?(readsLog: true): void;
  /** What the subscription lacks can no longer be read: it has to end. */
  onGap(subscription: Subscription, reason: string): void;
}

/**
 * Where a reader stands in a channel (docs/architecture.md draws it):
 * - `live`: it has everything; `behind`: it lacks entries and can take them; `full`: it lacks entries and its socket is full.
 *   Derived from the cursor and the reader, so they cost nothing to keep.
 * - `reading`: its cursor lies before the ring, and what it lacks is being read from the log.
 * - `ended`: no longer part of the channel.
 */
export type SubscriptionState = "live" | "behind" | "full" | "reading" | "ended";

export class Subscription {
  readonly channel: Channel;
  readonly reader: Reader;
  /** `following` is live, behind or full, depending on the cursor and the reader. */
  #phase: "following" | "reading" | "ended" = "following";
  #view: View;
  #cursor: number;
  #offset: number;
  #isAhead: boolean;
  /** In a map: the offset at which the reader has every value. */
  readonly #wholeFrom: number;

  constructor(
    channel: Channel,
    reader: Reader,
    options: {
      readonly cursor: number;
      readonly offset: number;
      readonly view: View;
      readonly wholeFrom?: number;
    },
  ) {
    this.channel = channel;
    this.reader = reader;
    this.#view = options.view;
    this.#cursor = options.cursor;
    this.#offset = options.offset;
    this.#isAhead = options.offset > channel.head;
    this.#wholeFrom = options.wholeFrom ?? 0;
  }

  get state(): SubscriptionState {
    if (this.#phase !== "following") return this.#phase;
    if (!this.isBehind) return "live";
    return this.reader.isReady ? "behind" : "full";
  }

  /** Which of the channel's entries it gets, and in which form. */
  get view(): View {
    return this.#view;
  }

  /** Whether a reader of patches has, or will have, every value of a map. */
  get hasValues(): boolean {
    return this.#wholeFrom !== Number.POSITIVE_INFINITY;
  }

  /** The next entry of the channel's ring to deliver. If it lies before the ring, the log is read. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Offset of the last publication delivered. */
  get offset(): number {
    return this.#offset;
  }

  /** Whether the ring has entries that it lacks. */
  get isBehind(): boolean {
    return this.#cursor !== this.channel.ring.next;
  }

  /** Whether the reader has publications that events have not brought to this node yet, up to `offset`. */
  get isAhead(): boolean {
    return this.#isAhead;
  }

  /** Whether it is served from the ring: not while the log is read for it, and not after its end. */
  get isFollowing(): boolean {
    return this.#phase === "following";
  }

  get isEnded(): boolean {
    return this.#phase === "ended";
  }

  /** The reader has everything before `cursor`, up to `offset`. */
  advance(cursor: number, offset: number, hasPublication: boolean): void {
    this.#cursor = cursor;
    this.#offset = offset;
    if (this.#view.delta === "first") this.#startPatches(hasPublication);
  }

  /** This node has come to the reader's offset, which the cursor follows. */
  meet(cursor: number): void {
    this.#isAhead = false;
    this.#cursor = cursor;
  }

  /** A reader that has the base of patches gets patches from now on. */
  #startPatches(hasPublication: boolean): void {
    const hasBase = this.channel.kind === "map" ? this.#offset >= this.#wholeFrom : hasPublication;
    if (hasBase) this.#view = viewAfterPublication(this.#view);
  }

  /** The log is read for it; delivery skips it until `stopReading`. */
  startReading(): void {
    if (this.#phase === "following") this.#phase = "reading";
  }

  /** The read of the log is done. */
  stopReading(): void {
    if (this.#phase === "reading") this.#phase = "following";
  }

  /** Ends it for good. */
  end(): void {
    this.#phase = "ended";
  }
}
