/** The clock of one node: another time than that of others, and timers that wait while its process is stopped. */
import type { Clock } from "../../../../src/time/clock.js";

export class NodeClock implements Clock {
  readonly #clock: Clock;
  readonly #aheadMs: number;
  #waiting: (() => void)[] | undefined;

  constructor(clock: Clock, aheadMs: number) {
    this.#clock = clock;
    this.#aheadMs = aheadMs;
  }

  now(): number {
    return this.#clock.now() + this.#aheadMs;
  }

  elapsed(): number {
    return this.#clock.elapsed() + this.#aheadMs;
  }

  setTimer(callback: (asOf: number) => void, delayMs: number): () => void {
    let isCancelled = false;
    const run = () => {
      if (isCancelled) return;
      if (this.#waiting) this.#waiting.push(run);
      else callback(this.elapsed());
    };
    const cancel = this.#clock.setTimer(run, delayMs);
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  pause(): void {
    this.#waiting = [];
  }

  resume(): void {
    const due = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const run of due) run();
  }
}
