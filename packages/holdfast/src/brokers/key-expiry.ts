/** Expires the keys of maps, for every broker: all maps with expiring keys share one timer. */
import type { Clock } from "../time/clock.js";

const intervalMs = 1000;
/** If more keys have expired than are removed at once. */
const busyIntervalMs = 10;

/** What a map has left after a round: no keys that expire, keys that expire later, or more expired keys. */
export type ExpiryRound = "none" | "later" | "more";

export class KeyExpiry<M> {
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #expire: (map: M) => ExpiryRound;
  readonly #maps = new Set<M>();
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(clock: Pick<Clock, "setTimer">, expire: (map: M) => ExpiryRound) {
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
      if (left === "none") this.#maps.delete(map);
      if (left === "more") isMore = true;
    }
    if (this.#maps.size === 0 || this.#isStopped) return;
    // A map may have been added again meanwhile, which schedules the longer interval.
    this.#cancel();
    this.#schedule(isMore ? busyIntervalMs : intervalMs);
  }
}
