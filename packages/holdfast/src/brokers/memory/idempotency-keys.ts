/** Idempotency keys of the last five minutes, with the results of their publishes. How many there may be is the broker's quota. */

import type { PublishResult } from "../../channels/log.js";
import { idempotencyWindowMs } from "../idempotency.js";

interface Known {
  readonly result: PublishResult;
  readonly expiresAt: number;
}

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
