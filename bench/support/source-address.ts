/** Source addresses of many connections, because one address has only so many ports for outgoing ones to one port. */

/** Fewer than a system has. */
const connectionsPerAddress = 20_000;

/**
 * @param index of the connection, from 0
 * @param generation how often it has been made before: where a server was killed, the addresses and ports of its last
 *   connections wait a minute, and a new one from the same could get no answer while nobody listens
 */
export function sourceOf(index: number, generation = 0): { readonly localAddress?: string } {
  const block = Math.floor(index / connectionsPerAddress) + generation;
  return block === 0 ? {} : { localAddress: `127.0.0.${1 + (block % 250)}` };
}
