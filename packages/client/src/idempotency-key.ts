/** Keys that no two publications share. */

/** 128 random bits; `crypto.randomUUID` is not there in pages that came over plain HTTP from another machine. */
export function createIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
