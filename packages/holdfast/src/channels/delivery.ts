/**
 * Delivers to readers what lies between their cursors and the heads of their channels: from the ring, or from the log if the ring has
 * moved on.
 *
 * Once per turn of the event loop, the channels with new entries are walked, then the readers that are behind, and then every
 * reader that got something is flushed once. Each of the three continues in a later turn if it takes longer than a slice, so that
 * other work is not held up.
 */
import { hasCode } from "../errors.js";
import type { Meters } from "../observe/meters.js";
import type { Trace } from "../observe/traces.js";
import type { Publication } from "../wire/messages.js";
import { type Batch, batchOfNewest, viewOf } from "./batches.js";
import type { Channel, Reader, Subscription } from "./channel.js";
import type { LogPage, LogReader } from "./log-reader.js";

export interface DeliveryOptions {
  readonly logReader: LogReader;
  /** Runs the callback once, after the events of this turn; `setImmediate` in a server. */
  readonly schedule: (run: () => void) => void;
  /** Milliseconds with fractions, monotonic. */
  readonly now: () => number;
  /** Longest time to walk, and again to flush, before other work gets its turn. */
  readonly sliceMs: number;
  /** @default nothing is counted */
  readonly meters?: Meters;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** A walk over a channel's readers that continues in later slices. */
interface Walk {
  readonly readers: Iterator<Subscription>;
  /** The ring's `next` when it began. */
  readonly head: number;
  readonly trace: Trace | undefined;
}

const joinsAndLeaves = viewOf({
  hasJoinLeave: true,
  filter: { key: "nothing", weight: 0, passes: () => false },
});

/** Readers served between two checks of the clock. */
const readersPerCheck = 32;

export class Delivery {
  readonly #options: DeliveryOptions;
  /** Channels to walk, each with the `next` of its ring up to which all readers were offered entries. */
  readonly #dirty = new Map<Channel, number>();
  readonly #walks = new Map<Channel, Walk>();
  /** Readers that lag and are ready for more. */
  readonly #behind = new Set<Reader>();
  /** Readers whose log could not be reached. */
  readonly #stalled = new Set<Reader>();
  #unflushed: Reader[] = [];
  #isScheduled = false;
  #turned: Promise<void> | undefined;
  #onTurned: (() => void) | undefined;
  /** Channels whose batches were built in this turn. */
  #batched: Channel[] = [];
  #lastReported: unknown;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Pending work: channels to walk, readers to catch up, readers to flush. All zero when idle. */
  get pending(): { readonly channels: number; readonly behind: number; readonly unflushed: number } {
    return { channels: this.#dirty.size, behind: this.#behind.size, unflushed: this.#unflushed.length };
  }

  /** The channel's ring has grown by so many entries. O(1). */
  markDirty(channel: Channel, added = 1): void {
    if (this.#dirty.has(channel)) return;
    this.#dirty.set(channel, channel.ring.next - added);
    this.#wake();
  }

  /** Whether some readers of the channel have not been offered all of its entries. */
  isDirty(channel: Channel): boolean {
    return this.#dirty.has(channel);
  }

  /** How many entries have not been offered to all readers of the channel. */
  backlogOf(channel: Channel): number {
    const offered = this.#dirty.get(channel);
    return offered === undefined ? 0 : channel.ring.next - offered;
  }

  /** Serves a reader that is ready again, or has a lagging subscription. */
  resume(reader: Reader): void {
    this.#behind.add(reader);
    this.#wake();
  }

  /** Reads again for readers whose log could not be reached. */
  retryReads(): void {
    for (const reader of this.#stalled) this.resume(reader);
    this.#stalled.clear();
  }

  /** Flushes the reader at the end of this turn. Must be called only once until it is flushed. */
  flushLater(reader: Reader): void {
    this.#unflushed.push(reader);
    this.#wake();
  }

  /** Resolves after the next turn. */
  nextTurn(): Promise<void> {
    this.#turned ??= new Promise((resolve) => {
      this.#onTurned = resolve;
    });
    this.#wake();
    return this.#turned;
  }

  /** Takes publications read from the log; those that no event has brought yet go to every reader. */
  appendFromLog(channel: Channel, publications: readonly Publication[], epoch: string): void {
    const added = channel.appendAll(publications, epoch);
    if (added > 0) this.markDirty(channel, added);
  }

  #wake(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.schedule(() => this.#turn());
  }

  #turn(): void {
    const { now, meters } = this.#options;
    const startedAt = now();
    this.#walkDirty();
    this.#walkBehind();
    this.#flush();
    this.#dropBatches();
    meters?.deliveryTurns.observeMs(now() - startedAt);
    this.#isScheduled = false;
    this.#turned = undefined;
    this.#onTurned?.();
    this.#onTurned = undefined;
    if (this.#dirty.size > 0 || this.#behind.size > 0 || this.#unflushed.length > 0) this.#wake();
  }

  #walkDirty(): void {
    const { now, sliceMs } = this.#options;
    const end = now() + sliceMs;
    // Channels that become dirty meanwhile, or must be walked again, come last and wait for the next turn.
    let left = this.#dirty.size;
    for (const [channel, offered] of this.#dirty) {
      if (left-- === 0) return;
      this.#dirty.delete(channel);
      this.#walk(channel, offered, end);
      if (now() >= end) return;
    }
  }

  /** Marks the channel dirty again when time runs out, or entries came while an earlier slice ran. */
  #walk(channel: Channel, offered: number, end: number): void {
    const walk = this.#takeWalk(channel, offered);
    let count = 0;
    for (let step = walk.readers.next(); !step.done; step = walk.readers.next()) {
      this.#deliverSafely(step.value);
      if (++count % readersPerCheck === 0 && this.#options.now() >= end) {
        this.#walks.set(channel, walk);
        this.#dirty.set(channel, offered);
        return;
      }
    }
    walk.trace?.end({ readers: channel.subscriptions.size });
    if (walk.head !== channel.ring.next) this.#dirty.set(channel, walk.head);
  }

  #takeWalk(channel: Channel, offered: number): Walk {
    const walk = this.#walks.size === 0 ? undefined : this.#walks.get(channel);
    if (walk === undefined) {
      const { meters } = this.#options;
      const trace = meters?.traces.sees("deliver")
        ? meters.traces.beginDelivery(...deliveryOf(channel, offered))
        : undefined;
      return { readers: channel.subscriptions.values(), head: channel.ring.next, trace };
    }
    this.#walks.delete(channel);
    return walk;
  }

  #walkBehind(): void {
    if (this.#behind.size === 0) return;
    const { now, sliceMs } = this.#options;
    const end = now() + sliceMs;
    let count = 0;
    for (const reader of [...this.#behind]) {
      this.#behind.delete(reader);
      for (const subscription of reader.subscriptions) this.#deliverSafely(subscription);
      if (++count % readersPerCheck === 0 && now() >= end) return;
    }
  }

  #flush(): void {
    const { now, sliceMs } = this.#options;
    const end = now() + sliceMs;
    const readers = this.#unflushed;
    for (let i = 0; i < readers.length; i++) {
      this.#flushReader(readers[i] as Reader);
      if ((i + 1) % readersPerCheck === 0 && now() >= end) {
        this.#unflushed = readers.slice(i + 1);
        return;
      }
    }
    // Readers that get something during the flush are appended to the same array, so all are flushed.
    this.#unflushed = [];
  }

  #flushReader(reader: Reader): void {
    try {
      reader.flush();
    } catch (error) {
      this.#options.onError(error, { stage: "writing to a reader" });
    }
  }

  /** The failure of one reader must not affect the others. */
  #deliverSafely(subscription: Subscription): void {
    try {
      this.#deliver(subscription);
    } catch (error) {
      this.#giveUp(subscription, error);
    }
  }

  /** Batches are shared within a turn; otherwise those of a quiet channel would stay forever. */
  #dropBatches(): void {
    if (this.#batched.length === 0) return;
    for (const channel of this.#batched) channel.batches.clear();
    this.#batched = [];
  }

  #deliver(subscription: Subscription): void {
    if (!subscription.isBehind || !subscription.isFollowing) return;
    const { channel, reader } = subscription;
    if (!reader.isReady) return;
    if (subscription.isAhead && !this.#passOver(subscription)) return;
    const { cursor } = subscription;
    if (cursor < channel.ring.first) {
      this.#catchUp(subscription);
      return;
    }
    if (channel.batches.isEmpty) this.#batched.push(channel);
    this.#take(subscription, channel.batches.get(cursor, subscription.view, reader.encoding));
  }

  /**
   * Publications that a reader had before it came to this node. Joins and leaves among them are news to it.
   * @returns whether there are others after them
   */
  #passOver(subscription: Subscription): boolean {
    const { channel, reader, offset, cursor, view } = subscription;
    if (channel.head > offset) {
      subscription.meet(channel.cursorAfter(offset));
      return true;
    }
    if (!view.hasJoinLeave || cursor < channel.ring.first) {
      subscription.advance(channel.ring.next, offset, false);
      return false;
    }
    if (channel.batches.isEmpty) this.#batched.push(channel);
    const { framed, cursor: end } = channel.batches.get(cursor, joinsAndLeaves, reader.encoding);
    subscription.advance(end, offset, false);
    if (framed) reader.push(framed);
    if (subscription.isBehind) this.resume(reader);
    return false;
  }

  #take(subscription: Subscription, { framed, cursor, offset, publications }: Batch): void {
    const { reader, channel } = subscription;
    subscription.advance(cursor, offset, publications > 0);
    channel.meter.publicationsDelivered(publications);
    if (framed) reader.push(framed);
    if (subscription.isBehind) this.resume(reader);
  }

  /** For a subscription whose cursor lies before the ring. */
  #catchUp(subscription: Subscription): void {
    const { channel, reader } = subscription;
    const { newest } = channel;
    if (newest === undefined || subscription.offset < newest.from) {
      this.#readLog(subscription);
      return;
    }
    this.#take(subscription, batchOfNewest(channel, newest, subscription, reader.encoding));
  }

  #readLog(subscription: Subscription): void {
    const { channel, reader } = subscription;
    subscription.startReading();
    reader.fellBehind?.(true);
    this.#options.logReader.read(channel, subscription.offset).then(
      (page) => {
        subscription.stopReading();
        if (!subscription.isEnded) this.#takePageSafely(subscription, page);
      },
      (error: unknown) => {
        subscription.stopReading();
        if (hasCode(error, "HF_BROKER_UNAVAILABLE")) {
          this.#stalled.add(reader);
          return;
        }
        this.#reportOnce(error, `reading the log of ${channel.name}`);
        if (!subscription.isEnded) reader.onGap(subscription, "the log cannot be read");
      },
    );
  }

  #takePageSafely(subscription: Subscription, page: LogPage): void {
    try {
      this.#takePage(subscription, page);
    } catch (error) {
      this.#giveUp(subscription, error);
    }
  }

  #takePage(subscription: Subscription, page: LogPage): void {
    const { channel, reader } = subscription;
    if (!page.isComplete || page.epoch !== channel.epoch) {
      reader.onGap(subscription, page.isComplete ? "the channel's log has started afresh" : page.reason);
      return;
    }
    this.appendFromLog(channel, page.publications, page.epoch);
    // A reader that has filled up since then reads from the same offset again once it drains.
    if (!reader.isReady) return;
    const { offset } = page.publications.at(-1) ?? subscription;
    const framed = page.framedFor(reader.encoding, subscription.view);
    if (framed) reader.push(framed);
    subscription.advance(channel.cursorAfter(offset), offset, page.publications.length > 0);
    if (framed) channel.meter.publicationsDelivered(page.publications.length);
    if (subscription.isBehind) this.resume(reader);
  }

  #giveUp(subscription: Subscription, error: unknown): void {
    this.#options.onError(error, { stage: `delivering ${subscription.channel.name}` });
    subscription.reader.onGap(subscription, "delivery failed");
  }

  /** Readers that share a read share its failure. */
  #reportOnce(error: unknown, stage: string): void {
    if (error === this.#lastReported) return;
    this.#lastReported = error;
    this.#options.onError(error, { stage });
  }
}

/** What a walk offers: the channel, and its publications. */
function deliveryOf(channel: Channel, offered: number) {
  const { ring, name, meter } = channel;
  const publications: Publication[] = [];
  for (let sequence = Math.max(offered, ring.first); sequence < ring.next; sequence++) {
    const entry = ring.at(sequence);
    if (entry.kind === "pub") publications.push(entry.publication);
  }
  return [{ channel: name, pattern: meter.pattern }, publications] as const;
}
