/** Idempotency keys of the last five minutes, with the results of their publishes. */

import type { PublishResult } from "../../channels/log.js";
import { HoldfastError } from "../../errors.js";
import { idempotencyWindowMs } from "../idempotency.js";

/** Beyond this, publishes with new keys are refused, since forgetting a key early would break the guarantee. */
const maxKeys = 500_000;

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
   * @throws HF_BROKER_FULL if the key is new and no more can be remembered
   */
  find(channel: string, name: string, now: number): PublishResult | undefined {
    this.expire(now);
    const known = this.#keys.get(`${channel}\0${name}`);
    if (known === undefined && this.#keys.size >= maxKeys)
      throw new HoldfastError(
        "HF_BROKER_FULL",
        `${maxKeys} idempotency keys of the last 5 minutes are remembered, and no more can be`,
      );
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
