/** A rate limit that allows bursts: so many tokens a second, up to a full bucket. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAt = now;
  }

  /**
   * Takes one token, on credit where there is none.
   * @returns `ok`; `empty` when the limit is reached; `overdrawn` when the credit is as large as a full bucket
   */
  take(now: number): "ok" | "empty" | "overdrawn" {
    if (this.#tokens < this.#burst) {
      const earned = (Math.max(0, now - this.#filledAt) * this.#perSecond) / 1000;
      this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    }
    this.#filledAt = now;
    this.#tokens -= 1;
    if (this.#tokens >= 0) return "ok";
    return this.#tokens < -this.#burst ? "overdrawn" : "empty";
  }
}
