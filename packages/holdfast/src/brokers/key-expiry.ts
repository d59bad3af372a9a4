/** When keys of maps expire, for every broker: maps with keys that may expire, on one timer. */
import type { Clock } from "../time/clock.js";

const intervalMs = 1000;
/** Where more keys have expired than are removed at once. */
const busyIntervalMs = 10;

/** What is left of a map after its expired keys were removed. */
export type LeftKeys = "none that expire" | "some" | "more that have expired";

export class KeyExpiry<M> {
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #expire: (map: M) => LeftKeys;
  readonly #maps = new Set<M>();
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(clock: Pick<Clock, "setTimer">, expire: (map: M) => LeftKeys) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** The map has keys that expire. */
  add(map: M): void {
    if (this.#isStopped) return;
    this.#maps.add(map);
    this.#schedule(intervalMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
    this.#maps.clear();
  }

  #cancel(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer ??= this.#clock.setTimer(() => this.#expireAll(), delayMs);
  }

  #expireAll(): void {
    this.#cancelTimer = undefined;
    let isMore = false;
    for (const map of [...this.#maps]) {
      const left = this.#expire(map);
      if (left === "none that expire") this.#maps.delete(map);
      if (left === "more that have expired") isMore = true;
    }
    if (this.#maps.size === 0 || this.#isStopped) return;
    // A map may have come back meanwhile, and asked for the longer time.
    this.#cancel();
    this.#schedule(isMore ? busyIntervalMs : intervalMs);
  }
}
