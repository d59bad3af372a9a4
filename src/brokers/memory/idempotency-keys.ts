/** Idempotency keys of the last five minutes and the positions that they led to. */
import { HoldfastError } from "../../errors.js";
import type { Position } from "../../wire/messages.js";

const windowMs = 5 * 60 * 1000;
/** A key that had to be forgotten early would break the promise, so publishes with new keys are refused beyond this. */
const maxKeys = 500_000;

export class IdempotencyKeys {
  /** In the order of their expiry. */
  readonly #keys = new Map<string, { readonly position: Position; readonly expiresAt: number }>();

  get size(): number {
    return this.#keys.size;
  }

  /** @throws HF_BROKER_FULL when the key is new and no further one can be remembered */
  find(channel: string, key: string, now: number): Position | undefined {
    this.expire(now);
    const known = this.#keys.get(`${channel}\0${key}`);
    if (known === undefined && this.#keys.size >= maxKeys)
      throw new HoldfastError(
        "HF_BROKER_FULL",
        `${maxKeys} idempotency keys of the last 5 minutes are remembered, and no more can be`,
      );
    return known?.position;
  }

  put(channel: string, key: string, position: Position, now: number): void {
    this.#keys.set(`${channel}\0${key}`, { position, expiresAt: now + windowMs });
  }

  expire(now: number): void {
    for (const [key, { expiresAt }] of this.#keys) {
      if (expiresAt > now) return;
      this.#keys.delete(key);
    }
  }
}
