/**
 * Whom a request comes from: the peer at the other end of the socket, or, where that is a proxy that is trusted, whom it
 * speaks for. Nobody is trusted unless the server's owner says so, since anybody can write these fields.
 */
import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP, isIPv4 } from "node:net";
import { HoldfastError } from "../errors.js";
import { isLoopbackAddress, parseAddress, toPeerKey } from "./addresses.js";
import { type Hop, readForwarded, readXForwarded } from "./forwarded.js";

/** What is asked of a request. */
export interface ForwardedRequest {
  readonly remoteAddress: string | undefined;
  /** Host and port as they came. */
  readonly host: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

export interface RequestSource {
  /** IPv4-mapped addresses as IPv4; empty once the socket is gone, and for a peer on a Unix socket. */
  readonly address: string;
  /** Host and port as the client named them. */
  readonly host: string | undefined;
  /** Whether a proxy that is trusted says so. */
  readonly isForwarded: boolean;
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
const words: Readonly<Record<string, readonly string[]>> = { loopback, private: privateNetworks };
/** Peers on a Unix socket: what stands there is who may open its file. */
const unixSocket = "unix";

export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;
  readonly #trustsUnixSocket: boolean;

  /**
   * @param trusted addresses, networks such as `10.0.0.0/8`, or the words `loopback`, `private` and `unix`
   * @throws HF_OPTION_INVALID naming what is none of these
   */
  constructor(trusted: readonly string[]) {
    this.#isEmpty = trusted.length === 0;
    this.#trustsUnixSocket = trusted.includes(unixSocket);
    for (const each of trusted.filter((word) => word !== unixSocket))
      for (const network of wordOf(each) ?? [each]) this.#add(network);
  }

  /** Whether nobody is. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** What an address is counted by. Where no proxy is named, what comes from this machine is its own, or everybody: empty. */
  peerKeyOf(address: string): string {
    return this.#isEmpty && isLoopbackAddress(address) ? "" : toPeerKey(address);
  }

  sourceOf({ remoteAddress = "", host, headers }: ForwardedRequest): RequestSource {
    const peer = parseAddress(remoteAddress) ?? remoteAddress;
    const direct = { address: peer, host, isForwarded: false };
    if (this.#isEmpty || !this.trusts(peer)) return direct;
    const ways = [readXForwarded(headers), readForwarded(headers)].filter((way) => way !== undefined);
    const clients = ways.map((way) => this.#clientOf(way));
    const [client, other] = clients;
    if (client?.address === undefined) return direct;
    // A proxy writes one of the two, and lets the other one pass as it came: which is which can't be known here.
    if (clients.length > 1 && other?.address !== client.address) return direct;
    return { address: client.address, host: client.host || host, isForwarded: true };
  }

  /** From the nearest step on, the first whom no trusted proxy is; where all are, the farthest. */
  #clientOf(way: readonly Hop[]): Hop | undefined {
    for (let i = way.length - 1; i > 0; i--) {
      const hop = way[i] as Hop;
      if (hop.address === undefined || !this.trusts(hop.address)) return hop;
    }
    return way[0];
  }

  /** @param address as `parseAddress` gives it; empty for a peer on a Unix socket */
  trusts(address: string): boolean {
    // Sockets that are gone have no address either, and nobody is answered there.
    if (address === "") return this.#trustsUnixSocket;
    const version = isIP(address);
    return version !== 0 && this.#list.check(address, version === 4 ? "ipv4" : "ipv6");
  }

  #add(network: unknown): void {
    const [text = "", bits, ...rest] = typeof network === "string" ? network.split("/") : [];
    const address = parseAddress(text);
    const most = isIPv4(text) ? 32 : 128;
    const isPlain = address !== undefined && rest.length === 0 && !text.includes("%");
    if (!isPlain || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most)))
      refuse(network);
    // A network of mapped addresses stays one of IPv6.
    if (bits === undefined) this.#list.addAddress(address, isIPv4(address) ? "ipv4" : "ipv6");
    else this.#list.addSubnet(text, Number(bits), most === 32 ? "ipv4" : "ipv6");
  }
}

function wordOf(text: string): readonly string[] | undefined {
  return Object.hasOwn(words, text) ? words[text] : undefined;
}

function refuse(given: unknown): never {
  throw new HoldfastError(
    "HF_OPTION_INVALID",
    `trustedProxies must be a list of addresses, networks such as 10.0.0.0/8, or the words loopback, private and unix, but has ${JSON.stringify(given)}`,
    { details: { option: "trustedProxies" } },
  );
}
