/**
 * How many connections may come from one address, and how fast. Who has a whole IPv6 network is one peer. Nothing is kept
 * of those that are gone but what their rate has to remember, which is bounded.
 */

import { isLoopbackAddress, toPeerKey } from "../requests/addresses.js";
import { type HttpRefusal, refuse } from "../requests/refusals.js";
import { TokenBuckets } from "../sessions/work.js";
import type { Clock } from "../time/clock.js";

/** Bounds of one address; IPv6 addresses with the same first 64 bits are one. */
export interface AddressLimits {
  /** Connections from one address; further ones get 503 before they are opened; `null` for no bound. @default 2,000 */
  readonly maxAddressConnections: number | null;
  /** Connections that may be opened from one address a second; 429 beyond; `null` for no bound. @default 100 */
  readonly addressConnectionsPerSecond: number | null;
  /** Connections that may be opened at once before that rate counts. @default 2,000 */
  readonly addressConnectionBurst: number;
  /** Requests of one address that may wait for publications; further ones get 503; `null` for no bound. @default 2,000 */
  readonly maxAddressWaitingRequests: number | null;
}

export const defaultAddressLimits: AddressLimits = Object.freeze({
  maxAddressConnections: 2000,
  addressConnectionsPerSecond: 100,
  // As many as may be there, so that all can come back at once.
  addressConnectionBurst: 2000,
  maxAddressWaitingRequests: 2000,
});

/** The connections of one address, as each of them holds it. */
export interface AddressPlace {
  readonly key: string;
  count: number;
}

export interface AddressLimitsContext {
  readonly limits: AddressLimits;
  readonly clock: Clock;
  /**
   * Whether loopback addresses count: without a trusted proxy, what comes from there is this machine's own, or a proxy
   * that nobody told of, and then it is everybody.
   */
  readonly countsLoopback: boolean;
}

/** How long a client that is refused for the number of connections should wait. */
const retryAfterSeconds = "5";

export class AddressCounts {
  readonly #context: AddressLimitsContext;
  readonly #places = new Map<string, AddressPlace>();
  readonly #opened: TokenBuckets | undefined;

  constructor(context: AddressLimitsContext) {
    this.#context = context;
    const { addressConnectionsPerSecond: perSecond, addressConnectionBurst: burst } = context.limits;
    this.#opened = perSecond === null ? undefined : new TokenBuckets({ perSecond, burst });
  }

  /** Addresses that something is kept of. */
  get size(): number {
    return this.#places.size + (this.#opened?.size ?? 0);
  }

  /** Whether a connection may be opened. Asking counts toward the rate. */
  findRefusal(address: string): HttpRefusal | undefined {
    if (!this.#counts(address)) return undefined;
    const { limits, clock } = this.#context;
    const key = toPeerKey(address);
    const waitMs = this.#opened?.take(key, clock.elapsed()) ?? 0;
    if (waitMs > 0)
      // RFC 6585 §4.
      return refuse(
        429,
        `From one address, ${limits.addressConnectionsPerSecond} connections a second may be opened, ${limits.addressConnectionBurst} at once.${advice}`,
        { "Retry-After": String(Math.ceil(waitMs / 1000)) },
      );
    const { maxAddressConnections } = limits;
    if (maxAddressConnections === null || (this.#places.get(key)?.count ?? 0) < maxAddressConnections)
      return undefined;
    return refuse(503, `From one address, ${maxAddressConnections} connections may be open.${advice}`, {
      "Retry-After": retryAfterSeconds,
    });
  }

  /** A connection has been opened. @returns what to give back when it ends; nothing where it does not count */
  enter(address: string): AddressPlace | undefined {
    if (this.#context.limits.maxAddressConnections === null || !this.#counts(address)) return undefined;
    const key = toPeerKey(address);
    let place = this.#places.get(key);
    if (place === undefined) {
      place = { key, count: 0 };
      this.#places.set(key, place);
    }
    place.count++;
    return place;
  }

  leave(place: AddressPlace | undefined): void {
    if (place === undefined || --place.count > 0) return;
    this.#places.delete(place.key);
  }

  #counts(address: string): boolean {
    // Empty once the socket is gone, and then nothing is opened anyway.
    return address !== "" && (this.#context.countsLoopback || !isLoopbackAddress(address));
  }
}

const advice = " Where these come through a proxy, name it in trustedProxies.";
