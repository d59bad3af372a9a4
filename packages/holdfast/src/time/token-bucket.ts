/** A rate limit that allows bursts: so many tokens a second, up to a full bucket. */
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

  /** Takes one token where there is one, and nothing on credit. */
  tryTake(now: number): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
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

  /** Whether nothing is left of what was taken, so that a new bucket would be the same. */
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
