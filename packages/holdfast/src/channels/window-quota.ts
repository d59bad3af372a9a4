/** What each owner has used of a bound within a time that goes on, such as idempotency keys of the last five minutes. */
import { type Bound, type Owner, Quota } from "./quota.js";

const parts = 10;

/** Times are milliseconds of a clock that only moves forward. What is older than the window may count for a tenth longer. */
export class WindowQuota {
  readonly #quota: Quota;
  readonly #partMs: number;
  /** What was used in each part of the window, oldest first. */
  readonly #used = new Map<number, Map<string, number>>();

  constructor(bound: Bound, windowMs: number) {
    this.#quota = new Quota(bound);
    this.#partMs = windowMs / parts;
  }

  get all(): number {
    return this.#quota.all;
  }

  /** @throws HF_BROKER_FULL */
  take(owner: Owner, now: number): void {
    const part = Math.floor(now / this.#partMs);
    this.#expire(part);
    this.#quota.assertRoom(owner);
    this.#quota.add(owner);
    let used = this.#used.get(part);
    if (used === undefined) {
      used = new Map();
      this.#used.set(part, used);
    }
    const name = owner ?? "";
    used.set(name, (used.get(name) ?? 0) + 1);
  }

  #expire(now: number): void {
    for (const [part, used] of this.#used) {
      if (part + parts >= now) return;
      for (const [owner, count] of used) this.#quota.add(owner, -count);
      this.#used.delete(part);
    }
  }
}
