/** How often each of many may do something: some at once, and then so many a second. Remembers a bounded number of them. */

export interface AllowanceOptions {
  readonly perSecond: number;
  readonly burst: number;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Of those the longest ago are forgotten. @default 10,000 */
  readonly maxRemembered?: number;
}

interface Left {
  readonly count: number;
  readonly at: number;
}

export class Allowance {
  readonly #options: Required<AllowanceOptions>;
  /** Longest ago first. */
  readonly #left = new Map<string, Left>();

  constructor(options: AllowanceOptions) {
    this.#options = { maxRemembered: 10_000, ...options };
  }

  /** Uses one up. @returns false where there is none left */
  use(key: string): boolean {
    const { perSecond, burst, now, maxRemembered } = this.#options;
    const at = now();
    const before = this.#left.get(key) ?? { count: burst, at };
    const grown = Math.min(burst, before.count + (Math.max(0, at - before.at) / 1000) * perSecond);
    const isAllowed = grown >= 1;
    this.#left.delete(key);
    this.#left.set(key, { count: isAllowed ? grown - 1 : grown, at });
    if (this.#left.size > maxRemembered) this.#left.delete(this.#left.keys().next().value as string);
    return isAllowed;
  }
}
