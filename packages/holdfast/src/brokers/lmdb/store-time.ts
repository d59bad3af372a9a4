/**
 * The time by which a store remembers idempotency keys: it begins at the wall clock's, and grows with the server's running,
 * whatever the wall clock is set to meanwhile. What passes between two runs does not count, since nothing could tell it from
 * a step of the clock; so a key is never forgotten early, and for as much later as the server was away.
 */
import type { Clock } from "../../time/clock.js";

export class StoreTime {
  readonly #clock: Pick<Clock, "elapsed">;
  #offset: number;

  /** @param start where the last run has ended; the wall clock's time for a new store. In milliseconds */
  constructor(clock: Pick<Clock, "elapsed">, start: number) {
    this.#clock = clock;
    this.#offset = start - clock.elapsed();
  }

  now(): number {
    return Math.floor(this.#offset + this.#clock.elapsed());
  }

  /** The store knows of that time. */
  advanceTo(time: number): void {
    this.#offset = Math.max(this.#offset, time - this.#clock.elapsed());
  }
}
