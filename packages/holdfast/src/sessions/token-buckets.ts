/**
 * Token buckets by key, for what several connections share: those of a user, those from an address. A bucket that is held
 * stays; one that nobody holds stays only until it is full, which a new one would be, too. Without a timer: each time one
 * is let go of, the oldest others are looked at. Beyond a bound, those that were let go of first are dropped.
 */
import { TokenBucket } from "../time/token-bucket.js";

export interface TokenBucketsOptions {
  readonly perSecond: number;
  readonly burst: number;
  /** Buckets that nobody holds. @default 20,000 */
  readonly maxIdle?: number;
}

interface Entry {
  readonly bucket: TokenBucket;
  holders: number;
}

const defaultMaxIdle = 20_000;

export class TokenBuckets {
  readonly #options: TokenBucketsOptions;
  readonly #held = new Map<string, Entry>();
  /** In the order in which they were let go of. */
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
   * Takes one token of a key that nobody needs to hold.
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
