/**
 * Schedules the costly work of all clients, and defines what requests cost, for commands and plain HTTP alike. Each user,
 * connection or address has an account that is charged; costly work waits for its turn, so that no turn of the event loop takes
 * long; while the loop lags, clients that have used their share are refused.
 */
import type { Clock } from "../time/clock.js";
import { TokenBucket, TokenBuckets } from "../time/token-bucket.js";
import type { Command } from "../wire/messages.js";
import type { SessionLimits } from "./context.js";

export interface WorkOptions {
  readonly clock: Clock;
  /** Runs the callback once, after the events of this turn; `setImmediate` in a server. */
  readonly schedule: (run: () => void) => void;
  /** Units a second of one account; `null` for no limit. */
  readonly perSecond: number | null;
  readonly burst: number;
  /** The current lag of the event loop. */
  readonly lagMs: () => number;
  /** `null` for never. */
  readonly shedAboveLagMs: number | null;
}

/** Units that may begin in one turn of the event loop: about four milliseconds. The last operation may exceed them. */
const unitsPerTurn = 40;
/** When a refused client may retry. */
export const retryAfterMs = 1000;

export const busyText = `the server is busy; try again in ${retryAfterMs} ms`;

/** What one account may spend. Debts are paid off before costly work begins. */
export interface WorkAccount {
  charge(units: number): void;
  /** Milliseconds until it is out of debt; 0 if it is. */
  waitMs(): number;
  /** Whether it has spent so little that it is served even while the event loop lags. */
  readonly isWithinShare: boolean;
  /** The account is no longer needed. */
  release(): void;
}

const unbounded: WorkAccount = Object.freeze({
  charge() {},
  waitMs: () => 0,
  isWithinShare: false,
  release() {},
});

export class Work {
  readonly #options: WorkOptions;
  readonly #buckets: TokenBuckets | undefined;
  /** Waiting operations in order, with their estimated cost. */
  readonly #waiting = new Map<() => void, number>();
  #left = unitsPerTurn;
  #isScheduled = false;

  constructor(options: WorkOptions) {
    this.#options = options;
    const { perSecond, burst } = options;
    this.#buckets = perSecond === null ? undefined : new TokenBuckets({ perSecond, burst });
  }

  /** Operations waiting for their turn. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Accounts that are held, or in debt. */
  get accounts(): number {
    return this.#buckets?.size ?? 0;
  }

  /** Whether the event loop lags so much that work should be refused. */
  get isLagging(): boolean {
    const { lagMs, shedAboveLagMs } = this.#options;
    return shedAboveLagMs !== null && lagMs() > shedAboveLagMs;
  }

  /** @param key identifies a shared account; undefined for one that is not shared */
  account(key: string | undefined): WorkAccount {
    const { clock, perSecond, burst } = this.#options;
    const buckets = this.#buckets;
    if (perSecond === null || buckets === undefined) return unbounded;
    const now = clock.elapsed();
    const bucket = key === undefined ? new TokenBucket(perSecond, burst, now) : buckets.hold(key, now);
    const release = key === undefined ? () => {} : () => buckets.release(key, clock.elapsed());
    return new BucketAccount(this, clock, bucket, burst / 2, release);
  }

  /**
   * Requests a turn.
   * @param run called when the turn comes, unless that is now
   * @returns whether the work may begin at once
   */
  tryBegin(units: number, run: () => void): boolean {
    if (this.#waiting.size === 0 && this.#left > 0) {
      this.spend(units);
      return true;
    }
    this.#waiting.set(run, units);
    this.#wake();
    return false;
  }

  /** Cancels a requested turn. */
  cancel(run: () => void): void {
    this.#waiting.delete(run);
  }

  /** Resolves when the turn comes. */
  async turn(units: number): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.tryBegin(units, resolve)) resolve();
    });
  }

  /** Work that is charged afterwards also leaves less for others in this turn. */
  spend(units: number): void {
    this.#left -= units;
    this.#wake();
  }

  #wake(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.schedule(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    this.#left = unitsPerTurn;
    for (const [run, units] of this.#waiting) {
      if (this.#left <= 0) break;
      this.#waiting.delete(run);
      this.#left -= units;
      run();
    }
    // What is left of a turn is not kept for the next.
    if (this.#left < unitsPerTurn) this.#wake();
  }
}

/** One for each connection, so it is small. */
class BucketAccount implements WorkAccount {
  readonly #work: Work;
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  readonly #share: number;
  readonly #release: () => void;

  constructor(work: Work, clock: Clock, bucket: TokenBucket, share: number, release: () => void) {
    this.#work = work;
    this.#clock = clock;
    this.#bucket = bucket;
    this.#share = share;
    this.#release = release;
  }

  charge(units: number): void {
    if (units <= 0) return;
    this.#bucket.take(this.#clock.elapsed(), units);
    this.#work.spend(units);
  }

  waitMs(): number {
    return this.#bucket.waitMs(this.#clock.elapsed());
  }

  get isWithinShare(): boolean {
    return this.#bucket.has(this.#share, this.#clock.elapsed());
  }

  release(): void {
    this.#release();
  }
}

/** A work unit is about a tenth of a millisecond of CPU time. Cheap commands cost none; the command rate bounds their number. */
export const unitsPerMs = 10;
/** Input and answers up to this size are free. */
const cheapBytes = 1024;
/** Bytes of an answer that are read, assembled and written in about a unit, or compressed or expanded. */
const bytesPerUnit = 2048;
const inputBytesPerUnit = 4096;
const entriesPerUnit = 5;
/** The cost of an invalid token to its address: more than checking it takes, since no client needs many tries. */
export const costOfBadToken = 20;
/** Shorter times are not charged: even commands that only wait take that long. */
const cheapMs = 1;

/** @param bytes of a message from a client, which is parsed in any case; JSON of many small parts costs most */
export function costOfInput(bytes: number): number {
  return bytes <= cheapBytes ? 0 : bytes / inputBytesPerUnit;
}

/** @param bytes of an answer for this client alone */
export function costOfAnswer(bytes: number): number {
  return bytes <= cheapBytes ? 0 : bytes / bytesPerUnit;
}

/** The cost of an answer that is shared, and only written again. */
export function costOfSharedAnswer(bytes: number): number {
  return costOfAnswer(bytes) / 8;
}

/** @param ms for which nothing else could run, such as in schemas and hooks of the application */
export function costOfTime(ms: number): number {
  return ms < cheapMs ? 0 : ms * unitsPerMs;
}

/** The cost of a new tags filter, by its weight. */
export function costOfFilter(weight: number): number {
  return weight / 8;
}

/** The estimated cost of a read, before it is known how much there is. At least one. */
export function estimateOfEntries(entries: number): number {
  return Math.max(1, entries / entriesPerUnit);
}

type Kept = Pick<SessionLimits, "maxHistoryEntries">;

/** The estimated cost of a command; 0 for a cheap one, which need not wait for its turn. */
export function estimateOf(command: Command, { maxHistoryEntries }: Kept): number {
  switch (command.method) {
    case "history": {
      const { limit } = command.params;
      return estimateOfEntries(limit < 0 ? maxHistoryEntries : Math.min(limit, maxHistoryEntries));
    }
    case "presence":
    case "presence_stats":
      return estimateOfEntries(100);
    case "subscribe":
      return command.params.recover || command.params.map !== undefined ? estimateOfEntries(50) : 0;
    default:
      return 0;
  }
}
