/** What channel names, keys and idempotency keys may consist of. */

export const maxChannelNameBytes = 255;

/** Printable ASCII, as in the protocol's reference server. */
const printableAscii = /^[\x20-\x7e]+$/;

/** @returns what is wrong with the name, or undefined if it is valid */
export function findChannelNameFault(name: string): string | undefined {
  if (name === "") return "a channel name must not be empty";
  if (name.length > maxChannelNameBytes)
    return `a channel name may have up to ${maxChannelNameBytes} characters, not ${name.length}`;
  if (!printableAscii.test(name)) return "a channel name must consist of printable ASCII characters";
  return undefined;
}

/** Of a key and of an idempotency key. */
export const maxKeyCharacters = 255;

/** @returns what is wrong with the key, or undefined if it is valid */
export function findKeyFault(name: string, key: string): string | undefined {
  if (key.length === 0 || key.length > maxKeyCharacters)
    return `${name} must have 1 to ${maxKeyCharacters} characters, not ${key.length}`;
  // A lone surrogate has no UTF-8 encoding: stored as bytes, all of them would become the same key.
  return /\p{Surrogate}/u.test(key) ? `${name} must not contain a lone surrogate` : undefined;
}
