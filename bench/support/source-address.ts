/** Source addresses of many connections, because one address has only so many ports for outgoing ones to one port. */

/** Fewer than a system has. */
const connectionsPerAddress = 20_000;

/** @param index of the connection, from 0 */
export function sourceOf(index: number): { readonly localAddress?: string } {
  const block = Math.floor(index / connectionsPerAddress);
  return block === 0 ? {} : { localAddress: `127.0.0.${1 + (block % 250)}` };
}
