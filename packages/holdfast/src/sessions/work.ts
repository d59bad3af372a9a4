/**
 * Costly work of all clients. What a request costs is said here, for commands and for plain HTTP alike. Each user, connection
 * or address has an account that it is charged to; what begins takes its turn, so that no turn of the event loop takes long,
 * and while the loop lags nothing new is begun for those that have had their share.
 */
import type { Clock } from "../time/clock.js";
import { TokenBucket } from "../time/token-bucket.js";
import type { Command } from "../wire/messages.js";
import type { SessionLimits } from "./context.js";

export interface WorkOptions {
  readonly clock: Clock;
  /** Runs the callback once, after the events of this turn; `setImmediate` in a server. */
  readonly schedule: (run: () => void) => void;
  /** Units a second of one account, and at once; `null` for no bound. */
  readonly perSecond: number | null;
  readonly burst: number;
  /** Of the event loop at the moment. */
  readonly lagMs: () => number;
  /** `null` for never. */
  readonly shedAboveLagMs: number | null;
}

/** What is begun in one turn of the event loop: about four milliseconds. The last may go beyond. */
const unitsPerTurn = 40;
/** When a client that was refused may try again. */
export const retryAfterMs = 1000;

export const busyText = `the server is busy; try again in ${retryAfterMs} ms`;

/** What one account may spend. Debts are paid off before anything costly is begun. */
export interface WorkAccount {
  charge(units: number): void;
  /** Milliseconds until it is out of debt; 0 where it is. */
  waitMs(): number;
  /** Whether so little was spent that it is served also while the loop lags. */
  readonly isWithinShare: boolean;
  /** The account is not needed any longer. */
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
  /** In the order in which they came, with what they cost about. */
  readonly #waiting = new Map<() => void, number>();
  #left = unitsPerTurn;
  #isScheduled = false;

  constructor(options: WorkOptions) {
    this.#options = options;
    const { perSecond, burst } = options;
    this.#buckets = perSecond === null ? undefined : new TokenBuckets({ perSecond, burst });
  }

  /** Operations that wait for their turn. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Accounts that are held, or not paid off. */
  get accounts(): number {
    return this.#buckets?.size ?? 0;
  }

  /** Whether the event loop is so late that work should be refused. */
  get isLagging(): boolean {
    const { lagMs, shedAboveLagMs } = this.#options;
    return shedAboveLagMs !== null && lagMs() > shedAboveLagMs;
  }

  /** @param key whose it is, for all that share it; undefined for an account that is not shared */
  account(key: string | undefined): WorkAccount {
    const { clock, perSecond, burst } = this.#options;
    const buckets = this.#buckets;
    if (perSecond === null || buckets === undefined) return unbounded;
    const now = () => clock.elapsed();
    const bucket = key === undefined ? new TokenBucket(perSecond, burst, now()) : buckets.hold(key, now());
    return {
      charge: (units) => {
        if (units <= 0) return;
        bucket.take(now(), units);
        this.#spend(units);
      },
      waitMs: () => bucket.waitMs(now()),
      get isWithinShare() {
        return bucket.has(burst / 2, now());
      },
      release: () => void (key !== undefined && buckets.release(key, now())),
    };
  }

  /**
   * @param run is called when it is its turn, unless that is now
   * @returns whether it may begin at once
   */
  begins(units: number, run: () => void): boolean {
    if (this.#waiting.size === 0 && this.#left > 0) {
      this.#spend(units);
      return true;
    }
    this.#waiting.set(run, units);
    this.#wake();
    return false;
  }

  /** The turn is not needed any longer. */
  cancel(run: () => void): void {
    this.#waiting.delete(run);
  }

  /** Resolves when it is its turn. */
  async turn(units: number): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.begins(units, resolve)) resolve();
    });
  }

  /** Also what was charged afterwards leaves less for others in this turn. */
  #spend(units: number): void {
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

export interface TokenBucketsOptions {
  readonly perSecond: number;
  readonly burst: number;
  /** Buckets that are not held. @default 20,000 */
  readonly maxIdle?: number;
}

interface Entry {
  readonly bucket: TokenBucket;
  holders: number;
}

const defaultMaxIdle = 20_000;

/**
 * Token buckets by key, for what several connections share: those of a user, those from an address. A bucket that is held
 * stays; one that is not held stays only until it is full, as a new one would be. Without a timer: each time one is released,
 * the oldest others are looked at. Beyond a bound, those that were released first are dropped.
 */
export class TokenBuckets {
  readonly #options: TokenBucketsOptions;
  readonly #held = new Map<string, Entry>();
  /** In the order in which they were released. */
  readonly #idle = new Map<string, TokenBucket>();

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#held.size + this.#idle.size;
  }

  /** The bucket of a key, which stays until it has been let go of as often as it was held. */
  hold(key: string, now: number): TokenBucket {
    const held = this.#held.get(key);
    if (held) {
      held.holders++;
      return held.bucket;
    }
    const { perSecond, burst } = this.#options;
    const bucket = this.#idle.get(key) ?? new TokenBucket(perSecond, burst, now);
    this.#idle.delete(key);
    this.#held.set(key, { bucket, holders: 1 });
    return bucket;
  }

  release(key: string, now: number): void {
    const held = this.#held.get(key);
    if (held === undefined || --held.holders > 0) return;
    this.#held.delete(key);
    this.#keep(key, held.bucket, now);
  }

  /**
   * Takes one token of a key that is not held.
   * @returns 0, or the milliseconds until there is one
   */
  take(key: string, now: number): number {
    const bucket = this.hold(key, now);
    const waitMs = bucket.tryTake(now) ? 0 : bucket.waitMs(now);
    this.release(key, now);
    return waitMs;
  }

  #keep(key: string, bucket: TokenBucket, now: number): void {
    if (!bucket.isFull(now)) this.#idle.set(key, bucket);
    const { maxIdle = defaultMaxIdle } = this.#options;
    // Where nothing is taken on credit, each is full within the time that an empty one needs, and those in front come first.
    for (const [oldest, each] of this.#idle) {
      if (this.#idle.size <= maxIdle && !each.isFull(now)) return;
      this.#idle.delete(oldest);
    }
  }
}

/** A work unit is about a tenth of a millisecond of the server's time. Cheap commands, whose number the command rate bounds, cost none. */
export const unitsPerMs = 10;
/** An answer of so many bytes belongs to a cheap command. */
const cheapBytes = 1024;
/** Read, put together and written in about a unit; the same when they are compressed, or expanded. */
const bytesPerUnit = 2048;
const inputBytesPerUnit = 4096;
const entriesPerUnit = 5;
/** An invalid token, for its address: more than checking takes, since no client needs many tries. */
export const costOfBadToken = 20;
/** Less is not counted: commands that only wait take it, too. */
const cheapMs = 1;

/** @param bytes of a message that a client has sent, which is parsed whatever comes of it: JSON of many small parts costs most */
export function costOfInput(bytes: number): number {
  return bytes <= cheapBytes ? 0 : bytes / inputBytesPerUnit;
}

/** @param bytes of an answer that was made for this client alone */
export function costOfAnswer(bytes: number): number {
  return bytes <= cheapBytes ? 0 : bytes / bytesPerUnit;
}

/** An answer that was there already, and is only written once more. */
export function costOfSharedAnswer(bytes: number): number {
  return costOfAnswer(bytes) / 8;
}

/** @param ms for which nothing else could run: schemas and hooks of the application */
export function costOfTime(ms: number): number {
  return ms < cheapMs ? 0 : ms * unitsPerMs;
}

/** A tags filter that begins to be applied, by its weight. */
export function costOfFilter(weight: number): number {
  return weight / 8;
}

/** What a read will cost about, before it is known how much there is. At least one. */
export function estimateOfEntries(entries: number): number {
  return Math.max(1, entries / entriesPerUnit);
}

type Kept = Pick<SessionLimits, "maxHistoryEntries">;

/** What a command will cost about; 0 for a cheap one, which need not wait for its turn. */
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
