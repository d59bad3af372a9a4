/**
 * Brings readers to the head of their channels. Publishing only marks a channel; once per turn of the event loop the
 * marked channels are walked, each reader gets what lies between its cursor and the head, and every reader that got
 * something is flushed once. Walking and flushing go on in a later turn when they take longer than a slice.
 */
import type { Publication } from "../wire/messages.js";
import { type Batch, batchOfNewest } from "./batches.js";
import type { Channel } from "./channel.js";
import type { LogPage, LogReader } from "./log-reader.js";
import type { Reader } from "./reader.js";
import type { Subscription } from "./subscription.js";

export interface DeliveryOptions {
  readonly logReader: LogReader;
  /** Runs the callback once, after the events of this turn; `setImmediate` in a server. */
  readonly schedule: (run: () => void) => void;
  /** Milliseconds with fractions, monotonic. */
  readonly now: () => number;
  /** Longest time to walk, and again to flush, before other work gets its turn. */
  readonly sliceMs: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** Readers handled between two looks at the clock. */
const readersPerCheck = 32;

export class Delivery {
  readonly #options: DeliveryOptions;
  #dirty: Channel[] = [];
  /** Readers with something left to read that do take it. */
  readonly #behind = new Set<Reader>();
  #touched: Reader[] = [];
  /** Channels whose batches were built in this turn. */
  #batched: Channel[] = [];
  #isScheduled = false;
  #turned: Promise<void> | undefined;
  #onTurned: (() => void) | undefined;
  #lastReported: unknown;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Work that waits: channels, readers to catch up, readers to flush. All zero when nothing is going on. */
  get pending(): { readonly channels: number; readonly behind: number; readonly touched: number } {
    return { channels: this.#dirty.length, behind: this.#behind.size, touched: this.#touched.length };
  }

  /** The channel's ring has grown. O(1). */
  markDirty(channel: Channel): void {
    if (channel.isDirty) return;
    channel.isDirty = true;
    this.#dirty.push(channel);
    this.#wake();
  }

  /** The channel's log was read; what events have not brought yet goes to everybody. */
  learn(channel: Channel, publications: readonly Publication[], epoch: string): void {
    if (channel.learn(publications, epoch)) this.markDirty(channel);
  }

  /** The reader has something to flush at the end of this turn. To be called once until it is flushed. */
  touch(reader: Reader): void {
    this.#touched.push(reader);
    this.#wake();
  }

  /** The reader takes more again, or has a subscription that lags. */
  resume(reader: Reader): void {
    this.#behind.add(reader);
    this.#wake();
  }

  /** Resolves after the next turn of delivering. */
  nextTurn(): Promise<void> {
    this.#turned ??= new Promise((resolve) => {
      this.#onTurned = resolve;
    });
    this.#wake();
    return this.#turned;
  }

  #wake(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.schedule(() => this.#turn());
  }

  #turn(): void {
    this.#walkDirty();
    this.#walkBehind();
    this.#flush();
    // Batches are for the readers of one turn; kept any longer, those of a quiet channel would stay for good.
    for (const channel of this.#batched) channel.batches.clear();
    this.#batched = [];
    this.#isScheduled = false;
    this.#turned = undefined;
    this.#onTurned?.();
    this.#onTurned = undefined;
    if (this.#dirty.length > 0 || this.#behind.size > 0 || this.#touched.length > 0) this.#wake();
  }

  #walkDirty(): void {
    const { now, sliceMs } = this.#options;
    const end = now() + sliceMs;
    const queue = this.#dirty;
    this.#dirty = [];
    for (let i = 0; i < queue.length; i++) {
      const channel = queue[i] as Channel;
      channel.isDirty = false;
      if (!this.#walk(channel, end)) this.#requeue(channel);
      if (now() < end) continue;
      this.#dirty = queue.slice(i + 1).concat(this.#dirty);
      return;
    }
  }

  /** @returns false when the channel needs another look: time ran out, or entries came while an earlier slice ran */
  #walk(channel: Channel, end: number): boolean {
    const walk = channel.walk ?? { readers: channel.subscriptions.values(), head: channel.ring.next };
    channel.walk = undefined;
    let count = 0;
    for (let step = walk.readers.next(); !step.done; step = walk.readers.next()) {
      this.#deliver(step.value);
      if (++count % readersPerCheck === 0 && this.#options.now() >= end) {
        channel.walk = walk;
        return false;
      }
    }
    channel.walkedTo = walk.head;
    return walk.head === channel.ring.next;
  }

  #requeue(channel: Channel): void {
    channel.isDirty = true;
    this.#dirty.push(channel);
  }

  #walkBehind(): void {
    const { now, sliceMs } = this.#options;
    const end = now() + sliceMs;
    let count = 0;
    for (const reader of [...this.#behind]) {
      this.#behind.delete(reader);
      for (const subscription of reader.subscriptions) this.#deliver(subscription);
      if (++count % readersPerCheck === 0 && now() >= end) return;
    }
  }

  #flush(): void {
    const { now, sliceMs } = this.#options;
    const end = now() + sliceMs;
    const touched = this.#touched;
    for (let i = 0; i < touched.length; i++) {
      this.#flushReader(touched[i] as Reader);
      if ((i + 1) % readersPerCheck === 0 && now() >= end) {
        this.#touched = touched.slice(i + 1);
        return;
      }
    }
    // Readers touched while flushing stand at the end of the same array, so all are done.
    this.#touched = [];
  }

  #flushReader(reader: Reader): void {
    try {
      reader.flush();
    } catch (error) {
      this.#options.onError(error, { stage: "writing to a reader" });
    }
  }

  /** One reader's trouble must not keep the others from theirs. */
  #deliver(subscription: Subscription): void {
    try {
      this.#deliverTo(subscription);
    } catch (error) {
      this.#options.onError(error, { stage: `delivering ${subscription.channel.name}` });
      subscription.reader.lose(subscription);
    }
  }

  #deliverTo(subscription: Subscription): void {
    const { channel, reader } = subscription;
    if (subscription.cursor === channel.ring.next || subscription.isReading || subscription.isEnded) return;
    if (!reader.isReady) return;
    if (subscription.cursor < channel.ring.first) {
      this.#catchUp(subscription);
      return;
    }
    if (channel.batches.isEmpty) this.#batched.push(channel);
    this.#take(subscription, channel.batches.get(subscription.cursor, subscription.view, reader.encoding));
  }

  #take(subscription: Subscription, { framed, cursor, offset, hasPublication }: Batch): void {
    const { channel, reader } = subscription;
    subscription.cursor = cursor;
    subscription.offset = offset;
    subscription.noteDelivered(hasPublication);
    if (framed) reader.push(framed);
    if (cursor !== channel.ring.next) this.#behind.add(reader);
  }

  /** The ring has moved on past the subscription's cursor. */
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
    subscription.isReading = true;
    this.#options.logReader.read(channel, subscription.offset).then(
      (page) => {
        subscription.isReading = false;
        if (!subscription.isEnded) this.#takePageSafely(subscription, page);
      },
      (error: unknown) => {
        subscription.isReading = false;
        this.#reportOnce(error, `reading the log of ${channel.name}`);
        if (!subscription.isEnded) reader.lose(subscription);
      },
    );
  }

  #takePageSafely(subscription: Subscription, page: LogPage): void {
    try {
      this.#takePage(subscription, page);
    } catch (error) {
      this.#options.onError(error, { stage: `delivering ${subscription.channel.name}` });
      subscription.reader.lose(subscription);
    }
  }

  /** Readers that share a read share its failure. */
  #reportOnce(error: unknown, stage: string): void {
    if (error === this.#lastReported) return;
    this.#lastReported = error;
    this.#options.onError(error, { stage });
  }

  #takePage(subscription: Subscription, page: LogPage): void {
    const { channel, reader } = subscription;
    if (!page.isComplete || page.epoch !== channel.epoch) {
      reader.lose(subscription);
      return;
    }
    this.learn(channel, page.publications, page.epoch);
    // A reader that has filled up since then reads again from the same place once it drains.
    if (!reader.isReady) return;
    const last = page.publications.at(-1);
    if (last) {
      const framed = page.framedFor(reader.encoding, subscription.view);
      if (framed) reader.push(framed);
      subscription.offset = last.offset;
      subscription.noteDelivered(true);
    }
    subscription.cursor = channel.cursorAfter(subscription.offset);
    if (subscription.cursor !== channel.ring.next) this.resume(reader);
  }
}
