/**
 * How many connections may be open, whatever their transport: in all, and of each address, and how fast an address may open
 * them. Also the end of the server, which waits for all that are open. Whether a request may connect at all has been decided
 * before (requests/request-policy.ts).
 */
import type { LimitSettings } from "../options/limits.js";
import { PeerCounts, type PeerPlace } from "../requests/addresses.js";
import { type HttpRefusal, refuse, retryAfter } from "../requests/refusals.js";
import type { AdmittedRequest } from "../requests/request-policy.js";
import type { ConnectionRequest } from "../sessions/identity.js";
import type { Clock } from "../time/clock.js";
import { TokenBuckets } from "../time/token-bucket.js";

/** Limits of one address; IPv6 addresses are grouped by /64. */
export type AddressLimits = Pick<
  LimitSettings,
  | "maxAddressConnections"
  | "addressConnectionsPerSecond"
  | "addressConnectionBurst"
  | "maxAddressWaitingRequests"
>;

/** A connection, until its socket or response is gone. */
export interface AdmittedConnection {
  /** Undefined if its address is not counted. */
  readonly place: PeerPlace | undefined;
  /** Ends it without a reason; `leave` follows soon. */
  destroy(): void;
}

/** Who opens a connection. */
export interface Peer {
  /** The request that opens it. */
  readonly request: ConnectionRequest;
  /** Given back when the connection is gone. */
  readonly place: PeerPlace | undefined;
}

export interface AdmissionOptions {
  readonly clock: Clock;
  /** The key an address is counted by; empty if it is not counted. */
  readonly peerKeyOf: (address: string) => string;
  readonly addressLimits: AddressLimits;
  /** Open connections, closing ones included; `null` for no limit. */
  readonly maxConnections: number | null;
}

const fullRetryMs = 5000;
const closingRetryMs = 1000;
const proxyAdvice = "If they come through a proxy, list it in trustedProxies.";

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #open = new Set<AdmittedConnection>();
  readonly #addresses = new PeerCounts();
  readonly #opened: TokenBuckets | undefined;
  #isDraining = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    const { addressConnectionsPerSecond: perSecond, addressConnectionBurst: burst } = options.addressLimits;
    this.#opened = perSecond === null ? undefined : new TokenBuckets({ perSecond, burst });
  }

  /** Open connections, closing ones included. */
  get count(): number {
    return this.#open.size;
  }

  /** Addresses that something is kept for: their rate is bounded, too. */
  get addresses(): number {
    return this.#addresses.size + (this.#opened?.size ?? 0);
  }

  /** Whether a connection may be opened. Asking counts toward the address's rate. */
  findRefusal({ source }: AdmittedRequest): HttpRefusal | undefined {
    if (this.#isDraining) return this.findLateRefusal();
    return this.#findAddressRefusal(source.address) ?? this.findLateRefusal();
  }

  /** Checks again after a request took time: others may have connected meanwhile, or the server begun to close. */
  findLateRefusal(): HttpRefusal | undefined {
    const { maxConnections } = this.#options;
    if (this.#isDraining) return refuse(503, "The server is shutting down.", retryAfter(closingRetryMs));
    if (maxConnections !== null && this.#open.size >= maxConnections)
      return refuse(
        503,
        `The server has reached its limit of ${maxConnections} connections.`,
        retryAfter(fullRetryMs),
      );
    return undefined;
  }

  /** A connection is being opened; `add` follows in the same turn. */
  enter({ source, request }: AdmittedRequest): Peer {
    const { addressLimits, peerKeyOf } = this.#options;
    const key = addressLimits.maxAddressConnections === null ? "" : peerKeyOf(source.address);
    return { request, place: key === "" ? undefined : this.#addresses.enter(key) };
  }

  add(connection: AdmittedConnection): void {
    this.#open.add(connection);
  }

  /** The connection is gone. */
  leave(connection: AdmittedConnection): void {
    if (!this.#open.delete(connection)) return;
    this.#addresses.leave(connection.place);
    if (this.#open.size === 0) this.#onEmpty?.();
  }

  /** Admits no more, and resolves when all are gone; destroys those left after the timeout. Called once. */
  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true;
    if (this.#open.size === 0) return;
    const cancel = this.#options.clock.setTimer(() => {
      for (const connection of this.#open) connection.destroy();
    }, timeoutMs);
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    cancel();
  }

  #findAddressRefusal(address: string): HttpRefusal | undefined {
    const { addressLimits, clock, peerKeyOf } = this.#options;
    const { maxAddressConnections, addressConnectionsPerSecond, addressConnectionBurst } = addressLimits;
    const key = peerKeyOf(address);
    if (key === "") return undefined;
    const waitMs = this.#opened?.take(key, clock.elapsed()) ?? 0;
    if (waitMs > 0)
      // RFC 6585 §4.
      return refuse(
        429,
        `An address may open ${addressConnectionsPerSecond} connections per second, with bursts of ${addressConnectionBurst}. ${proxyAdvice}`,
        retryAfter(waitMs),
      );
    if (maxAddressConnections === null || this.#addresses.countOf(key) < maxAddressConnections)
      return undefined;
    return refuse(
      503,
      `An address may have ${maxAddressConnections} open connections. ${proxyAdvice}`,
      retryAfter(fullRetryMs),
    );
  }
}
