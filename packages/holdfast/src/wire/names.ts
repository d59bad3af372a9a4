/** Which texts may name a channel, and which may be a key or an idempotency key of a publication. */

export const maxChannelNameBytes = 255;

/** Printable ASCII, as the protocol's reference server has it. */
const printableAscii = /^[\x20-\x7e]+$/;

/** @returns what is wrong with the name, or undefined where it is accepted */
export function findChannelNameFault(name: string): string | undefined {
  if (name === "") return "a channel name must not be empty";
  if (name.length > maxChannelNameBytes)
    return `a channel name may have ${maxChannelNameBytes} characters, not ${name.length}`;
  if (!printableAscii.test(name)) return "a channel name must consist of printable ASCII characters";
  return undefined;
}

/** Of a publication's key, and of an idempotency key. */
export const maxKeyCharacters = 255;

/** @returns what is wrong with the key, or undefined where it is accepted */
export function findKeyFault(name: string, key: string): string | undefined {
  if (key.length === 0 || key.length > maxKeyCharacters)
    return `${name} must have 1 to ${maxKeyCharacters} characters, not ${key.length}`;
  // Halves of a character have no bytes of their own: where texts are stored as bytes, they would all be one.
  return /\p{Surrogate}/u.test(key) ? `${name} must have no half of a surrogate pair` : undefined;
}
