/** Bounds of the texts that publications are told apart by. */

/** Of a publication's key, and of an idempotency key. */
export const maxKeyCharacters = 255;

/** @returns what is wrong with the key, or undefined where it is accepted */
export function findKeyFault(name: string, key: string): string | undefined {
  if (key.length === 0 || key.length > maxKeyCharacters)
    return `${name} must have 1 to ${maxKeyCharacters} characters, not ${key.length}`;
  // Halves of a character have no bytes of their own: where texts are stored as bytes, they would all be one.
  return /\p{Surrogate}/u.test(key) ? `${name} must have no half of a surrogate pair` : undefined;
}
