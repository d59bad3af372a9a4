/**
 * How late the event loop is: how long something that was due had to wait for its turn. Measured ten times a second for
 * as long as it is asked for; a lag that is over fades within a second.
 */
import type { Clock } from "./clock.js";

const intervalMs = 100;
/** Measurements without having been asked for, after which there are no more. */
const maxUnasked = 10;

/** Measures how late the event loop is. */
export class LoopLag {
  readonly #clock: Clock;
  #lagMs = 0;
  #isMeasuring = false;
  #unasked = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds; 0 where it was not asked for recently. */
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
