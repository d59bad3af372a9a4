/**
 * Who sent a request: the peer of the socket, or the client that a trusted proxy names in `X-Forwarded-For` and
 * `X-Forwarded-Host`, or in `Forwarded` (RFC 7239); and the key that peer is counted by. Anybody can write these fields, so
 * no proxy is trusted unless the server's owner lists it. Addresses as text have one canonical form each.
 */

import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";
import { HoldfastError } from "../errors.js";

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

/** What is read of a request. */
export interface ForwardedRequest {
  readonly remoteAddress: string | undefined;
  /** Host and port as received. */
  readonly host: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

export interface RequestSource {
  /** IPv4-mapped addresses as IPv4; empty if the socket is gone, and for a peer on a Unix socket. */
  readonly address: string;
  /** Host and port as the client named them. */
  readonly host: string | undefined;
  /** Whether a trusted proxy said so. */
  readonly isForwarded: boolean;
}

/** One step of a request's way. Undefined address: hidden, or not an address. */
interface Hop {
  readonly address: string | undefined;
  /** Host and port as the previous step named them. */
  readonly host?: string | undefined;
}

/** RFC 1122 §3.2.1.3, RFC 4291 §2.5.3. */
const loopback = ["127.0.0.0/8", "::1/128"];
/** RFC 1918, RFC 6598, RFC 3927, and RFC 4193, RFC 4291 §2.5.6. */
const privateNetworks = [
  ...loopback,
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "fc00::/7",
  "fe80::/10",
];
const keywords: Readonly<Record<string, readonly string[]>> = { loopback, private: privateNetworks };
/** Peers on a Unix socket: only those who may open its file can connect. */
const unixSocket = "unix";

export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;
  readonly #trustsUnixSocket: boolean;

  /**
   * @param trusted addresses, networks such as `10.0.0.0/8`, or the keywords `loopback`, `private` and `unix`
   * @throws HF_OPTION_INVALID naming the first entry that is none of these
   */
  constructor(trusted: readonly string[]) {
    this.#isEmpty = trusted.length === 0;
    this.#trustsUnixSocket = trusted.includes(unixSocket);
    for (const entry of trusted.filter((each) => each !== unixSocket))
      for (const network of networksOf(entry) ?? [entry]) this.#add(network);
  }

  /** @param address as returned by `parseAddress`; empty for a peer on a Unix socket */
  trusts(address: string): boolean {
    // Sockets that are gone have no address either, but nobody is answered there.
    if (address === "") return this.#trustsUnixSocket;
    const version = isIP(address);
    return version !== 0 && this.#list.check(address, version === 4 ? "ipv4" : "ipv6");
  }

  sourceOf({ remoteAddress = "", host, headers }: ForwardedRequest): RequestSource {
    const peer = parseAddress(remoteAddress) ?? remoteAddress;
    const direct = { address: peer, host, isForwarded: false };
    if (this.#isEmpty || !this.trusts(peer)) return direct;
    const ways = [readXForwarded(headers), readForwarded(headers)].filter((way) => way !== undefined);
    const clients = ways.map((way) => this.#clientOf(way));
    const [client, other] = clients;
    if (client?.address === undefined) return direct;
    // A proxy writes one of the two fields and passes the other on as it came; there is no telling which.
    if (clients.length > 1 && other?.address !== client.address) return direct;
    return { address: client.address, host: client.host || host, isForwarded: true };
  }

  /**
   * The key an address is counted by; empty if it does not identify a single peer. Without a trusted proxy, loopback addresses
   * are clients on this machine, or a proxy that is not listed and speaks for everybody.
   * @param address of a `RequestSource`
   */
  peerKeyOf(address: string): string {
    return this.#isEmpty && isLoopbackAddress(address) ? "" : toPeerKey(address);
  }

  /** The key of a TCP connection; undefined if it is not counted, such as a trusted proxy's, which carries many clients. */
  socketKeyOf(remoteAddress: string): string | undefined {
    const address = parseAddress(remoteAddress) ?? remoteAddress;
    return this.trusts(address) ? undefined : this.peerKeyOf(address) || undefined;
  }

  /** The key of a request; `isShared` if its connection is a trusted proxy's. */
  requestPeerOf(request: ForwardedRequest): { readonly key: string | undefined; readonly isShared: boolean } {
    const { address, isForwarded } = this.sourceOf(request);
    // A proxy that does not name its client may be speaking for everybody.
    const isShared = isForwarded || this.trusts(address);
    return { key: isShared && !isForwarded ? undefined : this.peerKeyOf(address) || undefined, isShared };
  }

  /** From the nearest step on, the first that is not a trusted proxy; if all are, the farthest. */
  #clientOf(way: readonly Hop[]): Hop | undefined {
    for (let i = way.length - 1; i > 0; i--) {
      const hop = way[i] as Hop;
      if (hop.address === undefined || !this.trusts(hop.address)) return hop;
    }
    return way[0];
  }

  #add(network: unknown): void {
    const [text = "", bits, ...rest] = typeof network === "string" ? network.split("/") : [];
    const address = parseAddress(text);
    const maxBits = isIPv4(text) ? 32 : 128;
    const isPlain = address !== undefined && rest.length === 0 && !text.includes("%");
    if (!isPlain || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= maxBits)))
      throw invalidEntry(network);
    // A network of IPv4-mapped addresses remains an IPv6 network.
    if (bits === undefined) this.#list.addAddress(address, isIPv4(address) ? "ipv4" : "ipv6");
    else this.#list.addSubnet(text, Number(bits), maxBits === 32 ? "ipv4" : "ipv6");
  }
}

function networksOf(keyword: string): readonly string[] | undefined {
  return Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined;
}

function invalidEntry(given: unknown): HoldfastError {
  return new HoldfastError(
    "HF_OPTION_INVALID",
    `trustedProxies must be a list of addresses, networks such as 10.0.0.0/8, or the words loopback, private and unix, but contains ${JSON.stringify(given)}`,
    { details: { option: "trustedProxies" } },
  );
}

/** @returns the steps, farthest first; undefined without the field; empty if the field is malformed */
function readForwarded({ forwarded }: IncomingHttpHeaders): readonly Hop[] | undefined {
  return forwarded === undefined ? undefined : (parseForwarded(forwarded) ?? []);
}

/** The same for `X-Forwarded-For`, with `X-Forwarded-Host` as the host of every step. */
function readXForwarded(headers: IncomingHttpHeaders): readonly Hop[] | undefined {
  const addresses = headers["x-forwarded-for"];
  if (addresses === undefined) return undefined;
  const hosts = headers["x-forwarded-host"];
  const host = typeof hosts === "string" ? hosts.split(",", 1)[0]?.trim() : undefined;
  return String(addresses)
    .split(",")
    .map((node) => ({ address: parseNode(node.trim()), host }));
}

/** An address as these fields write it: plain, in brackets, or with a port (RFC 7239 §6), for which IPv6 needs brackets. */
function parseNode(text: string): string | undefined {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text);
  if (bracketed) return text.includes(":") ? parseAddress(bracketed[1] as string) : undefined;
  const withPort = /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(text);
  return parseAddress(withPort ? (withPort[1] as string) : text);
}

/** RFC 7239 §4: pairs separated by semicolons, steps by commas, values as tokens or quoted. */
const pair = /[ \t]*(?:([\w!#$%&'*+.^`|~-]+)=([\w!#$%&'*+.^`|~:[\]-]+|"(?:[^"\\]|\\.)*")[ \t]*)?([;,]|$)/y;

function parseForwarded(text: string): readonly Hop[] | undefined {
  const hops: Hop[] = [];
  let fields: Record<string, string> = {};
  pair.lastIndex = 0;
  while (pair.lastIndex <= text.length) {
    const match = pair.exec(text);
    if (match === null) return undefined;
    const [, name, value = "", end] = match;
    const field = name?.toLowerCase();
    // RFC 7239 §4: each parameter may occur once per step.
    if (field !== undefined && Object.hasOwn(fields, field)) return undefined;
    if (field !== undefined) fields[field] = unquote(value);
    if (end === ";") continue;
    hops.push({ address: parseNode(fields.for ?? ""), host: fields.host });
    if (end === "") return hops;
    fields = {};
  }
  return undefined;
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
}
