/**
 * Calls back at an even pace while there is something to watch, which ages by these ticks: however long the process stood
 * still, that is one tick.
 */
import type { Clock } from "../time/clock.js";

export interface TicksOptions {
  readonly clock: Clock;
  readonly tickMs: number;
  /** @returns whether there is still something to watch */
  readonly onTick: () => boolean;
}

const maxTickMs = 1000;

/** How often to look at what must end after one of these times. */
export function tickFor(...timesMs: readonly number[]): number {
  return Math.max(1, Math.min(maxTickMs, ...timesMs.map((timeMs) => Math.floor(timeMs / 4))));
}

export class Ticks {
  readonly #options: TicksOptions;
  #isRunning = false;

  constructor(options: TicksOptions) {
    this.#options = options;
  }

  /** There is something to watch. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#wait();
  }

  #wait(): void {
    const { clock, tickMs, onTick } = this.#options;
    clock.setTimer(() => {
      if (onTick()) this.#wait();
      else this.#isRunning = false;
    }, tickMs);
  }
}
