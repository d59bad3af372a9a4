/** Rate limits with bursts: the token bucket, token buckets by key, and the rate at which a peer's input is read. */
import type { Clock } from "./clock.js";

/** Refills at a rate, up to a full bucket. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;

  /** @param now monotonic milliseconds, as in all methods */
  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAt = now;
  }

  /**
   * Takes tokens, on credit if there are too few.
   * @returns `ok`; `empty` if the limit is reached; `overdrawn` if the credit exceeds a full bucket
   */
  take(now: number, count = 1): "ok" | "empty" | "overdrawn" {
    this.#fill(now);
    this.#tokens -= count;
    if (this.#tokens >= 0) return "ok";
    return this.#tokens < -this.#burst ? "overdrawn" : "empty";
  }

  /** Takes one token if there is one, without credit. */
  tryTake(now: number): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Gives back one token that was taken. */
  giveBack(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + 1);
  }

  has(tokens: number, now: number): boolean {
    this.#fill(now);
    return this.#tokens >= tokens;
  }

  /** Milliseconds until there is a token; 0 if there is one. */
  waitMs(now: number): number {
    this.#fill(now);
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) * 1000) / this.#perSecond;
  }

  /** Whether the bucket is full, like a new one. */
  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.#burst;
  }

  #fill(now: number): void {
    if (this.#tokens < this.#burst) {
      const earned = (Math.max(0, now - this.#filledAt) * this.#perSecond) / 1000;
      this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    }
    this.#filledAt = now;
  }
}

export interface TokenBucketsOptions {
  readonly perSecond: number;
  readonly burst: number;
  /** Buckets that are not held. @default 20,000 */
  readonly maxIdle?: number;
}

interface HeldBucket {
  readonly bucket: TokenBucket;
  holders: number;
}

const defaultMaxIdle = 20_000;

/**
 * Token buckets by key, shared by several connections, such as those of a user or an address. A bucket stays while it is held, and
 * after that until it is full, as a new one would be. There is no timer: each release checks the oldest idle ones. Beyond a bound,
 * those released first are dropped.
 */
export class TokenBuckets {
  readonly #options: TokenBucketsOptions;
  readonly #held = new Map<string, HeldBucket>();
  /** In the order in which they were released. */
  readonly #idle = new Map<string, TokenBucket>();

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#held.size + this.#idle.size;
  }

  /** Holds the bucket of a key until the matching `release`. */
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
    // Without credit, each is full within the time that an empty one takes, so the oldest are full first.
    for (const [oldest, each] of this.#idle) {
      if (this.#idle.size <= maxIdle && !each.isFull(now)) return;
      this.#idle.delete(oldest);
    }
  }
}

/** Reads from the peer, except while the rate `isThrottled`. */
export interface InputOwner {
  /** Excess input is paid off: reading may resume. */
  inputCaughtUp(): void;
}

export interface InputRateOptions {
  readonly perSecond: number;
  /** Bytes that may come at once before the rate applies. */
  readonly burst: number;
  readonly clock: Clock;
}

/** Longest wait before the bucket is checked again. */
const maxWaitMs = 60_000;

/**
 * Bounds the rate of a peer's input. Beyond the rate, reading stops until the excess is paid off, so that flow control slows the peer
 * (RFC 9293 §3.8.6, the window) without an error.
 */
export class InputRate {
  readonly #owner: InputOwner;
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  #cancel: (() => void) | undefined;
  #wasThrottled = false;

  constructor(owner: InputOwner, { perSecond, burst, clock }: InputRateOptions) {
    this.#owner = owner;
    this.#clock = clock;
    this.#bucket = new TokenBucket(perSecond, burst, clock.elapsed());
  }

  /** Whether reading must pause. */
  get isThrottled(): boolean {
    return this.#cancel !== undefined;
  }

  /** Whether reading was stopped since the last call, so that an answer may be unread. Resets it. */
  consumeThrottled(): boolean {
    const wasThrottled = this.#wasThrottled;
    this.#wasThrottled = this.isThrottled;
    return wasThrottled;
  }

  /** Counts input; the last of it may exceed the rate. */
  receive(bytes: number): void {
    const now = this.#clock.elapsed();
    if (this.#bucket.take(now, bytes) === "ok" || this.isThrottled) return;
    this.#wasThrottled = true;
    this.#wait(now);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wait(now: number): void {
    this.#cancel = this.#clock.setTimer(
      () => {
        this.#cancel = undefined;
        const later = this.#clock.elapsed();
        // Input that was already read may have come meanwhile.
        if (this.#bucket.waitMs(later) > 0) this.#wait(later);
        else this.#owner.inputCaughtUp();
      },
      Math.min(maxWaitMs, Math.max(1, Math.ceil(this.#bucket.waitMs(now)))),
    );
  }
}
