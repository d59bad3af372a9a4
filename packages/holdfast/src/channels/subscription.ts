/** A reader of channels, which delivery writes to, and its subscription to one channel: where it stands in the channel's ring. */

import { type Encoding, type Framed, type View, viewAfterPublication } from "./batches.js";
import type { Channel } from "./channel.js";

/** Implemented in sessions/. */
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
  /** What the subscription lacks can no longer be read: it has to end. */
  onGap(subscription: Subscription): void;
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
