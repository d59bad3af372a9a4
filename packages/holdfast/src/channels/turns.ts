/**
 * When readers are served. Once per turn of the event loop the channels that have something new are walked, then the readers that
 * are behind, and then every reader that got something is flushed once. Each of the three goes on in a later turn where it takes
 * longer than a slice, so that other work is not held up. What a reader is given is the delivery's (delivery.ts).
 */
import type { Channel, Subscription } from "./channel.js";
import type { Reader } from "./reader.js";

export interface TurnOptions {
  /** Runs the callback once, after the events of this turn; `setImmediate` in a server. */
  readonly schedule: (run: () => void) => void;
  /** Milliseconds with fractions, monotonic. */
  readonly now: () => number;
  /** Longest time to walk, and again to flush, before other work gets its turn. */
  readonly sliceMs: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** A walk over a channel's readers that was cut into slices. */
interface Walk {
  readonly readers: Iterator<Subscription>;
  /** End of the ring when it began. */
  readonly head: number;
}

/** Readers handled between two looks at the clock. */
const readersPerCheck = 32;

export abstract class Turns {
  readonly #options: TurnOptions;
  /** Channels to walk, with the end of the ring that all their readers were last offered. */
  readonly #dirty = new Map<Channel, number>();
  readonly #walks = new Map<Channel, Walk>();
  /** Readers with something left to read that do take it. */
  readonly #behind = new Set<Reader>();
  #unflushed: Reader[] = [];
  #isScheduled = false;
  #turned: Promise<void> | undefined;
  #onTurned: (() => void) | undefined;

  constructor(options: TurnOptions) {
    this.#options = options;
  }

  /** Brings a subscription on as far as it takes, in one go. Must not throw. */
  protected abstract deliver(subscription: Subscription): void;
  /** All that was scheduled for this turn is done or put off. */
  protected abstract endTurn(): void;

  /** Work that waits: channels, readers to catch up, readers to flush. All zero when nothing is going on. */
  get pending(): { readonly channels: number; readonly behind: number; readonly unflushed: number } {
    return { channels: this.#dirty.size, behind: this.#behind.size, unflushed: this.#unflushed.length };
  }

  /** The channel's ring has grown by so many entries. O(1). */
  markDirty(channel: Channel, added = 1): void {
    if (this.#dirty.has(channel)) return;
    this.#dirty.set(channel, channel.ring.next - added);
    this.#wake();
  }

  /** Whether the channel has entries that not all of its readers were offered. */
  isDirty(channel: Channel): boolean {
    return this.#dirty.has(channel);
  }

  /** How many entries of the channel not all of its readers were offered. */
  backlogOf(channel: Channel): number {
    const offered = this.#dirty.get(channel);
    return offered === undefined ? 0 : channel.ring.next - offered;
  }

  /** The reader takes more again, or has a subscription that lags. */
  resume(reader: Reader): void {
    this.#behind.add(reader);
    this.#wake();
  }

  /** The reader has something to flush at the end of this turn. To be called once until it is flushed. */
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

  #wake(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.schedule(() => this.#turn());
  }

  #turn(): void {
    this.#walkDirty();
    this.#walkBehind();
    this.#flush();
    this.endTurn();
    this.#isScheduled = false;
    this.#turned = undefined;
    this.#onTurned?.();
    this.#onTurned = undefined;
    if (this.#dirty.size > 0 || this.#behind.size > 0 || this.#unflushed.length > 0) this.#wake();
  }

  #walkDirty(): void {
    const { now, sliceMs } = this.#options;
    const end = now() + sliceMs;
    // What becomes dirty meanwhile, or has to be walked again, stands at the end and waits for the next turn.
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
    const walk = this.#takeWalk(channel);
    let count = 0;
    for (let step = walk.readers.next(); !step.done; step = walk.readers.next()) {
      this.deliver(step.value);
      if (++count % readersPerCheck === 0 && this.#options.now() >= end) {
        this.#walks.set(channel, walk);
        this.#dirty.set(channel, offered);
        return;
      }
    }
    if (walk.head !== channel.ring.next) this.#dirty.set(channel, walk.head);
  }

  #takeWalk(channel: Channel): Walk {
    const walk = this.#walks.size === 0 ? undefined : this.#walks.get(channel);
    if (walk === undefined) return { readers: channel.subscriptions.values(), head: channel.ring.next };
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
      for (const subscription of reader.subscriptions) this.deliver(subscription);
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
    // Readers with something new while flushing stand at the end of the same array, so all are done.
    this.#unflushed = [];
  }

  #flushReader(reader: Reader): void {
    try {
      reader.flush();
    } catch (error) {
      this.#options.onError(error, { stage: "writing to a reader" });
    }
  }
}
