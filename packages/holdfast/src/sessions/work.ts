/**
 * Costly work of all clients: each user, connection or address has an account that it is charged to, what begins takes
 * its turn, so that no turn of the event loop takes long, and while the loop lags nothing new is begun for those that
 * have had their share.
 */
import type { Clock } from "../time/clock.js";
import { TokenBucket } from "../time/token-bucket.js";
import { TokenBuckets } from "./token-buckets.js";

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
  /** Nobody needs it any more. */
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

  /** @param key whose it is, for all that share it; undefined for an account that nobody shares */
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

  /** Nobody waits for this turn any more. */
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
