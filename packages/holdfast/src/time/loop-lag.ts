/**
 * How late the event loop is: how long something that was due had to wait for its turn. Looked at ten times a second for
 * as long as somebody asks; a lag that is over fades within a second.
 */
import type { Clock } from "./clock.js";

const intervalMs = 100;
/** Looks without anybody having asked, after which there are no more. */
const maxUnasked = 10;

export class LoopLag {
  readonly #clock: Clock;
  #lagMs = 0;
  #isLooking = false;
  #unasked = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds; 0 where it was not asked for lately. */
  get lagMs(): number {
    this.#unasked = 0;
    if (!this.#isLooking) this.#look();
    return this.#lagMs;
  }

  #look(): void {
    this.#isLooking = true;
    const dueAt = this.#clock.elapsed() + intervalMs;
    this.#clock.setTimer((asOf) => {
      this.#lagMs = Math.max(asOf - dueAt, this.#lagMs / 2);
      if (this.#unasked++ < maxUnasked) this.#look();
      else {
        this.#isLooking = false;
        this.#lagMs = 0;
      }
    }, intervalMs);
  }
}
