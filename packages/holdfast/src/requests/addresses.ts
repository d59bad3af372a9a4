/** IP addresses as texts: one form for each, and what counts as one peer. */
import { isIP, isIPv4, isIPv6 } from "node:net";

/**
 * @returns the address without brackets of a host and without a zone (RFC 4007 §11), IPv4-mapped IPv6 (RFC 4291 §2.5.5.2)
 * as the IPv4 that it is; undefined where it is none
 */
export function parseAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const withoutZone = text.split("%", 1)[0] as string;
  if (!isIPv6(withoutZone)) return undefined;
  return mappedIPv4(withoutZone) ?? withoutZone;
}

/**
 * What a peer is counted by: its IPv4 address, or the first 64 bits of its IPv6 address, for the rest is the peer's own to
 * choose (RFC 4291 §2.5.1).
 * @param address as `parseAddress` gives it
 */
export function toPeerKey(address: string): string {
  if (isIP(address) !== 6) return address;
  return `${toGroups(address).slice(0, 4).join(":")}::/64`;
}

/** @param address as `parseAddress` gives it */
export function isLoopbackAddress(address: string): boolean {
  if (isIPv4(address)) return address.startsWith("127.");
  return isIPv6(address) && toGroups(address).join(":") === "0:0:0:0:0:0:0:1";
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

/** RFC 4291 §2.2: the last 32 bits may stand as an IPv4 address. */
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
