/** Has keys of maps removed when their time is over. Every node that follows a map does it; the first one removes them. */
import type { Clock } from "../../time/clock.js";

const intervalMs = 250;
/** If more keys have expired than are removed at once. */
const busyDelayMs = 10;
/** At once. */
const maxPending = 64;

export class KeySweeper {
  readonly #clock: Pick<Clock, "elapsed" | "setTimer">;
  readonly #expire: (channel: string) => Promise<number>;
  /** When the first key expires, by the monotonic clock. */
  readonly #due = new Map<string, number>();
  #pending = 0;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;

  /** @param expire removes expired keys; resolves with the milliseconds until the next, or -1 */
  constructor(clock: Pick<Clock, "elapsed" | "setTimer">, expire: (channel: string) => Promise<number>) {
    this.#clock = clock;
    this.#expire = expire;
  }

  get size(): number {
    return this.#due.size;
  }

  /** @param inMs until a key of the channel expires; negative for none */
  expect(channel: string, inMs: number): void {
    if (inMs < 0 || this.#isClosed) return;
    const dueAt = this.#clock.elapsed() + inMs;
    const known = this.#due.get(channel);
    if (known === undefined || known > dueAt) this.#due.set(channel, dueAt);
    this.#schedule();
  }

  forget(channel: string): void {
    this.#due.delete(channel);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#due.clear();
  }

  #schedule(): void {
    if (this.#due.size === 0 || this.#isClosed) return;
    this.#cancelTimer ??= this.#clock.setTimer(() => {
      this.#cancelTimer = undefined;
      this.#sweep(this.#clock.elapsed());
      this.#schedule();
    }, intervalMs);
  }

  #sweep(now: number): void {
    for (const [channel, dueAt] of this.#due) {
      if (this.#pending >= maxPending) return;
      if (dueAt > now) continue;
      this.#due.delete(channel);
      this.#pending++;
      void this.#expire(channel)
        // Unreachable: the check of heads after the reconnect tells when the next key expires.
        .catch(() => -1)
        .then((nextMs) => {
          this.#pending--;
          this.expect(channel, nextMs === 0 ? busyDelayMs : nextMs);
        });
    }
  }
}
