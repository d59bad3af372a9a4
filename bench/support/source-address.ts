/**
 * Source addresses of many connections. One address has only so many ports for outgoing connections to one port, and
 * long before they are used up the system takes its time to find one that is free: 10,000 connections from one address
 * took between 3 and 28 s to be made, and 0.8 s from addresses with 500 each.
 */

const connectionsPerAddress = 500;
const lastOctets = 250;

/**
 * @param index of the connection, from 0
 * @param generation how often it has been made before: where a server was killed, the addresses and ports of its last
 *   connections wait a minute, and a new one from the same could get no answer while nobody listens
 */
export function sourceOf(index: number, generation = 0): { readonly localAddress?: string } {
  const block = Math.floor(index / connectionsPerAddress);
  if (block === 0 && generation === 0) return {};
  const network = `127.${generation % lastOctets}.${Math.floor(block / lastOctets)}`;
  return { localAddress: `${network}.${1 + (block % lastOctets)}` };
}
