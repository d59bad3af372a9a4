/** A clock that stands still until a test moves it. */
import type { Clock } from "../../src/time/clock.js";

interface Timer {
  readonly callback: (asOf: number) => void;
  readonly at: number;
}

export class FakeClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  elapsed(): number {
    return this.#now;
  }

  setTimer(callback: (asOf: number) => void, delayMs: number): () => void {
    const timer = { callback, at: this.#now + delayMs };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Moves time on, running what comes due in its order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.callback(this.#now);
    }
    this.#now = end;
  }

  /** Time goes on, but nothing runs: what comes due meanwhile is late. */
  stop(ms: number): void {
    this.#now += ms;
  }
}

/** Lets promises that are settled already run what waits for them. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
