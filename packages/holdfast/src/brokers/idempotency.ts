/** How brokers tell idempotency keys apart, and how long they know them. */

/** By a clock that is never set. */
export const idempotencyWindowMs = 5 * 60 * 1000;

/** One text for a sender's key. No sender can choose a key that leads to the text of another one's. */
export function nameOfKey(sender: string, key: string): string {
  // With its length, so that nothing of the key can pass for a part of the sender.
  return `${sender.length} ${sender}${key}`;
}
