/** Rate limits that allow bursts: a bucket of tokens, and the pace at which a peer is read. */
import type { Clock } from "./clock.js";

/** So many tokens a second, up to a full bucket. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;

  /** @param now milliseconds of a clock that is not set back, as in all methods */
  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAt = now;
  }

  /**
   * Takes tokens, on credit where there are too few.
   * @returns `ok`; `empty` when the limit is reached; `overdrawn` when the credit is as large as a full bucket
   */
  take(now: number, count = 1): "ok" | "empty" | "overdrawn" {
    this.#fill(now);
    this.#tokens -= count;
    if (this.#tokens >= 0) return "ok";
    return this.#tokens < -this.#burst ? "overdrawn" : "empty";
  }

  /** Takes one token where there is one, without credit. */
  tryTake(now: number): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Undoes having taken one token. */
  giveBack(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + 1);
  }

  has(tokens: number, now: number): boolean {
    this.#fill(now);
    return this.#tokens >= tokens;
  }

  /** Milliseconds until there is a token again; 0 where there is one. */
  waitMs(now: number): number {
    this.#fill(now);
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) * 1000) / this.#perSecond;
  }

  /** Whether the bucket is full again, so that a new one would be the same. */
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

/** Reads from the peer, and must not while `isThrottled`. */
export interface InputOwner {
  /** What had come too fast is paid off: reading may go on. */
  inputCaughtUp(): void;
}

export interface InputRateOptions {
  readonly perSecond: number;
  /** What may come at once before the rate counts. */
  readonly burst: number;
  readonly clock: Clock;
}

/** Longest wait before the bucket is checked again, whatever is left to pay. */
const maxWaitMs = 60_000;

/**
 * How fast a peer's input is read. Beyond its rate reading stops until what has come is paid off, so the peer is slowed by its
 * own connection (RFC 9293 §3.8.6, the window) and meets no error.
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

  /** Whether reading was stopped since the last call, so that an answer may lie unread. */
  consumeThrottled(): boolean {
    const wasThrottled = this.#wasThrottled;
    this.#wasThrottled = this.isThrottled;
    return wasThrottled;
  }

  /** So many bytes have come; the last of them may be beyond the rate. */
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
        // More may have come meanwhile that had been read already.
        if (this.#bucket.waitMs(later) > 0) this.#wait(later);
        else this.#owner.inputCaughtUp();
      },
      Math.min(maxWaitMs, Math.max(1, Math.ceil(this.#bucket.waitMs(now)))),
    );
  }
}
