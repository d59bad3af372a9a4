/** A channel in use on this node: its log and its subscriptions, each the place of one reader in it. */
import type { TagsFilter } from "../wire/tags-filter.js";
import { type View, viewAfterPublication } from "./batches.js";
import { ChannelLog } from "./channel-log.js";
import { FilterLoad } from "./quota.js";
import type { Reader } from "./reader.js";

export class Channel extends ChannelLog {
  readonly #subscriptions = new Set<Subscription>();
  /** Made for the first filter. */
  #filters: FilterLoad | undefined;
  /** Pending calls that need the channel open, with or without subscriptions. */
  #holds = 0;
  #joinLeaveReaders = 0;

  get subscriptions(): ReadonlySet<Subscription> {
    return this.#subscriptions;
  }

  /** Whether it has subscriptions, or calls that may subscribe. */
  get isUsed(): boolean {
    return this.#holds > 0 || this.#subscriptions.size > 0;
  }

  /** Whether a reader wants joins and leaves; where none does, those are not kept. */
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

  /** @returns why a further filter would be too costly */
  findFilterFault(filter: TagsFilter, owner: string): string | undefined {
    return this.#filters?.findFault(filter, owner);
  }

  /** The subscription gets what comes from now on. */
  add(subscription: Subscription): void {
    this.#subscriptions.add(subscription);
    const { view, reader } = subscription;
    if (view.hasJoinLeave) this.#joinLeaveReaders++;
    if (view.filter === undefined) return;
    this.#filters ??= new FilterLoad();
    this.#filters.add(view.filter, reader.owner ?? "");
  }

  /** The subscription is over. */
  remove(subscription: Subscription): void {
    if (!this.#subscriptions.delete(subscription)) return;
    subscription.end();
    const { view, reader } = subscription;
    if (view.hasJoinLeave) this.#joinLeaveReaders--;
    if (view.filter) this.#filters?.remove(view.filter, reader.owner ?? "");
  }
}

/**
 * Where a reader stands in a channel (docs/architecture.md draws it):
 * - `live`: it has everything; `behind`: it lacks entries and takes them; `full`: it lacks some and its socket takes nothing.
 *   These follow from the cursor and the reader, and cost nothing to keep.
 * - `reading`: the ring has moved on past it, and what it lacks is being read from the log.
 * - `ended`: no longer part of the channel.
 */
export type SubscriptionState = "live" | "behind" | "full" | "reading" | "ended";

export class Subscription {
  readonly channel: Channel;
  readonly reader: Reader;
  /** Changed by verbs only; what a `following` subscription is follows from its cursor. */
  #phase: "following" | "reading" | "ended" = "following";
  #view: View;
  #cursor: number;
  #offset: number;
  /** Of a map: the offset from which on the reader has every value. */
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
    this.#wholeFrom = options.wholeFrom ?? 0;
  }

  get state(): SubscriptionState {
    if (this.#phase !== "following") return this.#phase;
    if (!this.isBehind) return "live";
    return this.reader.isReady ? "behind" : "full";
  }

  /** What it gets of the channel's entries. */
  get view(): View {
    return this.#view;
  }

  /** Next entry of the channel's ring to deliver. May lie before the ring's first: then the log is read. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Offset of the last publication delivered. */
  get offset(): number {
    return this.#offset;
  }

  /** Whether the ring has entries that it has not got. */
  get isBehind(): boolean {
    return this.#cursor !== this.channel.ring.next;
  }

  /** Whether it is delivered from the ring: not while the log is read for it, and not after its end. */
  get isFollowing(): boolean {
    return this.#phase === "following";
  }

  get isEnded(): boolean {
    return this.#phase === "ended";
  }

  /** The reader has got what comes before `cursor`, up to `offset`. */
  advance(cursor: number, offset: number, hasPublication: boolean): void {
    this.#cursor = cursor;
    this.#offset = offset;
    if (this.#view.delta === "first") this.#startPatches(hasPublication);
  }

  /** A reader that has what patches refer to gets patches from now on. */
  #startPatches(hasPublication: boolean): void {
    const hasBase = this.channel.kind === "map" ? this.#offset >= this.#wholeFrom : hasPublication;
    if (hasBase) this.#view = viewAfterPublication(this.#view);
  }

  /** The log is read for it; the delivery passes by until `follow`. */
  startReading(): void {
    if (this.#phase === "following") this.#phase = "reading";
  }

  /** The read of the log is done. */
  stopReading(): void {
    if (this.#phase === "reading") this.#phase = "following";
  }

  /** For good. */
  end(): void {
    this.#phase = "ended";
  }
}
