/** Bounds of the texts that publications are told apart by. */

/** Of a publication's key, and of an idempotency key. */
export const maxKeyCharacters = 255;

/** @returns what is wrong with the key, or undefined where it is accepted */
export function findKeyFault(name: string, key: string): string | undefined {
  if (key.length > 0 && key.length <= maxKeyCharacters) return undefined;
  return `${name} must have 1 to ${maxKeyCharacters} characters, not ${key.length}`;
}
