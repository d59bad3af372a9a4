/** Which texts may name a channel. */

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
