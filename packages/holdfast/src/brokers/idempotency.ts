/** How brokers identify idempotency keys, and how long they remember them. */

/** By a monotonic clock. */
export const idempotencyWindowMs = 5 * 60 * 1000;

/** A unique name for a sender's key. No sender can choose a key that gives the name of another sender's. */
export function nameOfKey(sender: string, key: string): string {
  // The length keeps parts of the key from passing as parts of the sender.
  return `${sender.length} ${sender}${key}`;
}
