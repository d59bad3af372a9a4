/** IP addresses as text: one canonical form for each, which of them are the same peer, and counts by peer. */
import { isIP, isIPv4, isIPv6 } from "node:net";

/**
 * @returns the address without its zone (RFC 4007 §11), IPv4-mapped IPv6 (RFC 4291 §2.5.5.2) as IPv4; undefined if the text
 * is not an address
 */
export function parseAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const withoutZone = text.split("%", 1)[0] as string;
  if (!isIPv6(withoutZone)) return undefined;
  return mappedIPv4(withoutZone) ?? withoutZone;
}

/**
 * The key a peer is counted by: its IPv4 address, or the /64 of its IPv6 address, since peers choose the rest themselves
 * (RFC 4291 §2.5.1).
 * @param address as returned by `parseAddress`
 */
export function toPeerKey(address: string): string {
  if (isIP(address) !== 6) return address;
  return `${toGroups(address).slice(0, 4).join(":")}::/64`;
}

/** @param address as returned by `parseAddress` */
export function isLoopbackAddress(address: string): boolean {
  if (isIPv4(address)) return address.startsWith("127.");
  return isIPv6(address) && toGroups(address).join(":") === "0:0:0:0:0:0:0:1";
}

/** How much one peer has open; each connection or request keeps a reference, to give back when it ends. */
export interface PeerPlace {
  readonly key: string;
  count: number;
}

/** Counts by peer key. Nothing is kept for peers that have nothing open. */
export class PeerCounts {
  readonly #places = new Map<string, PeerPlace>();

  /** Peers with something open. */
  get size(): number {
    return this.#places.size;
  }

  countOf(key: string): number {
    return this.#places.get(key)?.count ?? 0;
  }

  enter(key: string): PeerPlace {
    let place = this.#places.get(key);
    if (place === undefined) {
      place = { key, count: 0 };
      this.#places.set(key, place);
    }
    place.count++;
    return place;
  }

  leave(place: PeerPlace | undefined): void {
    if (place === undefined || --place.count > 0) return;
    this.#places.delete(place.key);
  }
}

function mappedIPv4(address: string): string | undefined {
  const groups = toGroups(address);
  if (groups.slice(0, 6).join(":") !== "0:0:0:0:0:ffff") return undefined;
  return toOctets(groups).join(".");
}

/** The eight groups of a valid IPv6 address, without leading zeros, in lower case. */
function toGroups(address: string): readonly string[] {
  const [before = "", after] = withoutDots(address).split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill("0");
  return [...head, ...zeros, ...tail].map((group) => Number.parseInt(group, 16).toString(16));
}

/** RFC 4291 §2.2: the last 32 bits may be written as an IPv4 address. */
function withoutDots(address: string): string {
  const last = address.lastIndexOf(":") + 1;
  const dotted = address.slice(last);
  if (!dotted.includes(".")) return address;
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split(".").map(Number);
  return `${address.slice(0, last)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function toOctets(groups: readonly string[]): readonly number[] {
  return groups.slice(6).flatMap((group) => {
    const bits = Number.parseInt(group, 16);
    return [bits >> 8, bits & 0xff];
  });
}
