/**
 * The lag of the event loop: how long a due timer waited for its turn. Measured ten times a second while somebody asks for it; a
 * past lag fades within a second.
 */
import type { Clock } from "./clock.js";

const intervalMs = 100;
/** Measurements that nobody asked for, after which measuring stops. */
const maxUnasked = 10;

/** Measures the lag of the event loop. */
export class LoopLag {
  readonly #clock: Clock;
  #lagMs = 0;
  #isMeasuring = false;
  #unasked = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds; 0 if it was not asked for recently. */
  get lagMs(): number {
    this.#unasked = 0;
    if (!this.#isMeasuring) this.#measure();
    return this.#lagMs;
  }

  #measure(): void {
    this.#isMeasuring = true;
    const dueAt = this.#clock.elapsed() + intervalMs;
    this.#clock.setTimer((asOf) => {
      this.#lagMs = Math.max(asOf - dueAt, this.#lagMs / 2);
      if (this.#unasked++ < maxUnasked) this.#measure();
      else {
        this.#isMeasuring = false;
        this.#lagMs = 0;
      }
    }, intervalMs);
  }
}
