/**
 * What a node knows of one channel: the head of its log, the ring, and who reads it here. Decides by the offset whether
 * an event from the broker is the next one, an old one, or shows that one was lost.
 */
import type { ClientInfo, Position, Publication } from "../wire/messages.js";
import { BatchCache, maxBatchBytes } from "./batches.js";
import type { FilterLoad } from "./filter-load.js";
import { NewestEntries } from "./newest.js";
import { Ring, type RingLimits, type RingPool } from "./ring.js";
import type { ChannelKind } from "./rules.js";
import type { Subscription } from "./subscription.js";

/** Estimated memory of an entry beyond its text. */
const entryOverheadBytes = 200;
const maxFollowing = 64;

export interface ChannelOptions {
  readonly kind?: ChannelKind;
  readonly limits: RingLimits;
  readonly pool?: RingPool;
}

export class Channel {
  readonly name: string;
  readonly kind: ChannelKind;
  readonly ring: Ring;
  readonly batches: BatchCache;
  readonly subscriptions = new Set<Subscription>();
  /** Filters of these; made for the first. */
  filters: FilterLoad | undefined;
  /** Calls in progress that need the channel though nobody may be subscribed yet. */
  holders = 0;
  /** Subscriptions that want joins and leaves; without any, those are not kept. */
  joinLeaveReaders = 0;
  /** Queued for delivery. */
  isDirty = false;
  /** Where a delivery that was cut into slices goes on, and the end of the ring when it began. */
  walk: { readonly readers: Iterator<Subscription>; readonly head: number } | undefined;
  /** End of the ring when all readers had last been looked at. */
  walkedTo = 0;
  /** Highest offset heard of; beyond `head` while lost events are being read again. */
  seen = 0;
  isRepairing = false;
  /** The furthest position heard of in another epoch than this one. */
  #other: Position = { epoch: "", offset: 0 };
  #epoch = "";
  #head = 0;
  readonly #limits: RingLimits;
  #newest: NewestEntries | undefined;
  /** For maps with readers of patches. */
  #values: NewestEntries | undefined;
  /** Publications of the ring that follow an offset; emptied when the ring changes. */
  readonly #following = new Map<number, readonly Publication[]>();

  constructor(name: string, { kind = "stream", limits, pool }: ChannelOptions) {
    this.name = name;
    this.kind = kind;
    this.ring = new Ring(limits, pool);
    this.batches = new BatchCache(this);
    this.#limits = limits;
  }

  /** For channels of kind `latest`. */
  get newest(): NewestEntries | undefined {
    return this.#newest;
  }

  /** Whether so much has come since readers were last looked at that the ring would soon move on past them. */
  get isAhead(): boolean {
    return this.isDirty && this.ring.next - this.walkedTo >= this.#limits.maxEntries / 2;
  }

  /** The last publication this node has in order. */
  get position(): Position {
    return { epoch: this.#epoch, offset: this.#head };
  }

  get epoch(): string {
    return this.#epoch;
  }

  get head(): number {
    return this.#head;
  }

  /** Takes the position that the broker subscribed at. Events may have been faster. */
  open(position: Position): void {
    if (this.#epoch === position.epoch) this.seen = Math.max(this.seen, position.offset);
    else this.restart(position);
  }

  /** Forgets the ring and begins again at a position. Subscriptions are the caller's to end. */
  restart(position: Position): void {
    this.#epoch = position.epoch;
    this.#head = position.offset;
    const isHeardOf = this.#other.epoch === position.epoch;
    this.seen = isHeardOf ? Math.max(position.offset, this.#other.offset) : position.offset;
    // What can't be found now was a mistake, and must not be looked for again.
    this.#other = { epoch: "", offset: 0 };
    this.ring.clear();
    this.#changed();
    if (this.kind === "latest") this.#newest = new NewestEntries(this.#limits, position.offset);
    if (this.#values) this.#values = new NewestEntries(this.#limits, position.offset);
  }

  /** From now on publications of a key may be told as patches of the one before. */
  keepValues(): void {
    if (this.kind === "map") this.#values ??= new NewestEntries(this.#limits, this.#head);
  }

  /** @returns `appended`; `ignored` for what is known already; `gap` when something before it was lost */
  receive(publication: Publication, epoch: string): "appended" | "ignored" | "gap" {
    const { offset } = publication;
    if (this.#epoch === "") this.restart({ epoch, offset: offset - 1 });
    if (epoch !== this.#epoch) {
      if (this.#other.epoch !== epoch || this.#other.offset < offset) this.#other = { epoch, offset };
      return "gap";
    }
    this.seen = Math.max(this.seen, offset);
    if (offset <= this.#head) return "ignored";
    if (offset > this.#head + 1) return "gap";
    this.#head = offset;
    const entry = this.#toEntry(publication);
    this.ring.push(entry);
    this.#newest?.add(entry);
    this.#changed();
    return "appended";
  }

  #toEntry(publication: Publication) {
    const { data, info, key, offset, isRemoved } = publication;
    const bytes = 2 * (data.length + (info?.connInfo?.length ?? 0)) + entryOverheadBytes;
    const entry = { kind: "pub", publication, offset, bytes, encoded: new Map() } as const;
    if (this.#values === undefined || key === undefined) return entry;
    const before = this.#values.get(key)?.publication;
    if (isRemoved) this.#values.remove(key);
    else this.#values.add(entry);
    return before ? { ...entry, before, bytes: bytes + 2 * before.data.length } : entry;
  }

  /**
   * Takes what a read of the log has found, which may be ahead of the events.
   * @returns whether the ring has grown
   */
  learn(publications: readonly Publication[], epoch: string): boolean {
    const before = this.#head;
    if (epoch === this.#epoch) for (const publication of publications) this.receive(publication, epoch);
    return this.#head > before;
  }

  /** A join or leave, told to those who want it. */
  announce(kind: "join" | "leave", info: ClientInfo): void {
    const bytes = entryOverheadBytes + 2 * (info.connInfo?.length ?? 0);
    this.ring.push({ kind, info, offset: this.#head, bytes, encoded: new Map() });
    this.#changed();
  }

  /** What came before is no longer kept anywhere: readers that lag are told. */
  forgetHistory(): void {
    this.ring.clear();
    if (this.kind === "latest") this.#newest = new NewestEntries(this.#limits, this.#head);
    this.#changed();
  }

  /** Lets go of all but what the newest reader needs. */
  shrink(): void {
    this.ring.shrink();
    this.#changed();
  }

  /**
   * The publications after an offset, up to a batch, where the ring has all of them. Readers that come back to the same
   * offset get the same array.
   */
  publicationsAfter(offset: number): readonly Publication[] | undefined {
    const known = this.#following.get(offset);
    if (known) return known;
    const start = this.ring.placeOf(offset + 1);
    if (start === undefined) return undefined;
    const publications: Publication[] = [];
    let characters = 0;
    for (let i = start; i < this.ring.next && characters < maxBatchBytes; i++) {
      const entry = this.ring.at(i);
      if (entry.kind !== "pub") continue;
      publications.push(entry.publication);
      characters += entry.publication.data.length + (entry.publication.info?.connInfo?.length ?? 0);
    }
    if (this.#following.size < maxFollowing) this.#following.set(offset, publications);
    return publications;
  }

  #changed(): void {
    this.batches.clear();
    if (this.#following.size > 0) this.#following.clear();
  }

  /** Where a reader that has everything up to `offset` goes on. Before the ring's first entry: from the log. */
  cursorAfter(offset: number): number {
    if (offset >= this.#head) return this.ring.next;
    return this.ring.placeOf(offset + 1) ?? this.ring.first - 1;
  }
}
