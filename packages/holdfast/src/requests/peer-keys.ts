/** What the peers of connections and requests are counted by. */
import { parseAddress } from "./addresses.js";
import type { ForwardedRequest, TrustedProxies } from "./trusted-proxies.js";

export class PeerKeys {
  readonly #proxies: TrustedProxies;

  constructor(proxies: TrustedProxies) {
    this.#proxies = proxies;
  }

  /** Of a TCP connection; undefined where it does not count, as those of trusted proxies, which carry requests of many. */
  ofSocket(remoteAddress: string): string | undefined {
    const address = parseAddress(remoteAddress) ?? remoteAddress;
    return this.#proxies.trusts(address) ? undefined : this.#keyOf(address);
  }

  /** Of a request; `isShared` where its connection is a trusted proxy's. */
  ofRequest(request: ForwardedRequest): { readonly key: string | undefined; readonly isShared: boolean } {
    const { address, isForwarded } = this.#proxies.sourceOf(request);
    // A proxy that does not say whom it speaks for may speak for everybody.
    const isShared = isForwarded || this.#proxies.trusts(address);
    return { key: isShared && !isForwarded ? undefined : this.#keyOf(address), isShared };
  }

  #keyOf(address: string): string | undefined {
    // Empty once the socket is gone, and where the address does not count.
    return this.#proxies.peerKeyOf(address) || undefined;
  }
}
