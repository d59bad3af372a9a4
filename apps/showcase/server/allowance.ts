/** How often each may do something: so many at once, and then one in a while. Bounded in how many it remembers. */
export interface AllowanceOptions {
  /** As many at once. */
  readonly burst: number;
  /** After which there is one more. */
  readonly everyMs: number;
  /** Those that were seen last are remembered. @default 10,000 */
  readonly maxRemembered?: number;
}

export class Allowance {
  readonly #options: AllowanceOptions;
  /** When each will have all again, the ones seen last at the end. */
  readonly #fullAt = new Map<string, number>();

  constructor(options: AllowanceOptions) {
    this.#options = options;
  }

  get remembered(): number {
    return this.#fullAt.size;
  }

  /** @returns 0 where it may be done now, or the milliseconds until then */
  take(key: string, now: number): number {
    const { burst, everyMs, maxRemembered = 10_000 } = this.#options;
    // A clock that is set back owes nobody more than all of it.
    const missing = Math.min(Math.max(0, (this.#fullAt.get(key) ?? now) - now), burst * everyMs);
    const waitMs = missing - (burst - 1) * everyMs;
    if (waitMs > 0) return waitMs;
    this.#fullAt.delete(key);
    this.#fullAt.set(key, now + missing + everyMs);
    for (const [oldest, fullAt] of this.#fullAt) {
      if (fullAt > now && this.#fullAt.size <= maxRemembered) break;
      this.#fullAt.delete(oldest);
    }
    return 0;
  }
}
