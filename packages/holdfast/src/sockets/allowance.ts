/** How often something may happen: a number at once, and more as time passes. */
import type { Clock } from "../time/clock.js";

export interface AllowanceRate {
  readonly burst: number;
  readonly perSecond: number;
}

export class Allowance {
  readonly #clock: Clock;
  readonly #rate: AllowanceRate;
  #left: number;
  #at: number;

  constructor(clock: Clock, rate: AllowanceRate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#left = rate.burst;
    this.#at = clock.elapsed();
  }

  /** @returns whether it may happen once more */
  take(): boolean {
    const now = this.#clock.elapsed();
    const { burst, perSecond } = this.#rate;
    this.#left = Math.min(burst, this.#left + ((now - this.#at) / 1000) * perSecond);
    this.#at = now;
    this.#left--;
    return this.#left >= 0;
  }

  giveBack(): void {
    this.#left = Math.min(this.#rate.burst, this.#left + 1);
  }
}
