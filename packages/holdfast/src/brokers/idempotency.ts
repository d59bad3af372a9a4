/** How brokers identify idempotency keys, how long they remember them, and those that are remembered in memory. */
import type { PublishResult } from "../channels/log.js";

/** By a monotonic clock. */
export const idempotencyWindowMs = 5 * 60 * 1000;

/** A unique name for a sender's key. No sender can choose a key that gives the name of another sender's. */
export function nameOfKey(sender: string, key: string): string {
  // The length keeps parts of the key from passing as parts of the sender.
  return `${sender.length} ${sender}${key}`;
}

interface Known {
  readonly result: PublishResult;
  readonly expiresAt: number;
}

/** Keys with the results of their publishes. How many there may be is the broker's quota. */
export class IdempotencyKeys {
  /** In order of expiry. */
  readonly #keys = new Map<string, Known>();

  get size(): number {
    return this.#keys.size;
  }

  /**
   * The result of the first publish with the key.
   * @param name as `nameOfKey` gives it
   */
  find(channel: string, name: string, now: number): PublishResult | undefined {
    this.expire(now);
    const known = this.#keys.get(`${channel}\0${name}`);
    return known && { ...known.result, isDuplicate: true };
  }

  put(channel: string, name: string, result: PublishResult, now: number): void {
    this.#keys.set(`${channel}\0${name}`, { result, expiresAt: now + idempotencyWindowMs });
  }

  expire(now: number): void {
    for (const [key, { expiresAt }] of this.#keys) {
      if (expiresAt > now) return;
      this.#keys.delete(key);
    }
  }
}
