/**
 * Who may open a connection, whatever its transport: bounds for all and for each address, origins of pages, and the end of
 * the server, which waits for all that are open.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { OpeningRequest } from "../sockets/opening-request.js";
import type { Clock } from "../time/clock.js";
import { type Rejection, reject } from "../websocket/index.js";
import { AddressCounts, type AddressLimits, type AddressPlace } from "./address-limits.js";
import { isLoopbackAddress } from "./addresses.js";
import { type AllowedOrigins, isOriginAllowed } from "./origins.js";
import type { RequestOrigin, TrustedProxies } from "./trusted-proxies.js";

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly allowedOrigins: AllowedOrigins;
  /** Whether the server listens on a loopback address only. */
  readonly isLocalOnly: () => boolean;
  readonly trustedProxies: TrustedProxies;
  readonly addressLimits: AddressLimits;
  /** Most connections, those that are closing included; `null` for no bound. */
  readonly maxConnections: number | null;
}

/** A connection, until its socket or response is gone. */
export interface Admitted {
  /** Where its address is counted. */
  readonly place: AddressPlace | undefined;
  /** Ends it without another word; it leaves soon after. */
  destroy(): void;
}

/** Whom a connection comes from. */
export interface Peer {
  /** As the socket has it, or a trusted proxy. */
  readonly address: string;
  /** Where its address is counted; given back once the connection is gone. */
  readonly place: AddressPlace | undefined;
}

export class Admission {
  readonly allowedOrigins: AllowedOrigins;
  readonly #options: AdmissionOptions;
  readonly #addresses: AddressCounts;
  readonly #open = new Set<Admitted>();
  #isDraining = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: AdmissionOptions) {
    const { addressLimits: limits, clock, trustedProxies, allowedOrigins } = options;
    this.#options = options;
    this.allowedOrigins = allowedOrigins;
    this.#addresses = new AddressCounts({ limits, clock, countsLoopback: !trustedProxies.isEmpty });
  }

  /** Connections that are open, those that are closing included. */
  get count(): number {
    return this.#open.size;
  }

  /** Whether a connection may be opened. Asking counts toward the address's rate. */
  findRefusal(request: OpeningRequest): Rejection | undefined {
    if (this.#isDraining) return this.findLateRefusal();
    const from = this.#options.trustedProxies.originOf(request);
    const refusal = this.#addresses.findRefusal(from.address) ?? this.#findFaultOfPage(request, from);
    return refusal ?? this.findLateRefusal();
  }

  /** Looks once more at a request that took a while: others may have come meanwhile, or the end. */
  findLateRefusal(): Rejection | undefined {
    const { maxConnections } = this.#options;
    if (this.#isDraining) return reject(503, "The server is being ended.", { "Retry-After": "1" });
    if (maxConnections !== null && this.#open.size >= maxConnections)
      return reject(503, `The server has its limit of ${maxConnections} connections.`, {
        "Retry-After": "5",
      });
    return undefined;
  }

  /** @returns a refusal of a page that may not send requests here */
  findFaultOfPage(request: OpeningRequest): Rejection | undefined {
    return this.#findFaultOfPage(request, this.#options.trustedProxies.originOf(request));
  }

  /** A connection is being opened: `add` follows in the same turn. */
  enter(request: OpeningRequest): Peer {
    const { address } = this.#options.trustedProxies.originOf(request);
    return { address, place: this.#addresses.enter(address) };
  }

  add(connection: Admitted): void {
    this.#open.add(connection);
  }

  /** The connection is gone. */
  leave(connection: Admitted): void {
    if (!this.#open.delete(connection)) return;
    this.#addresses.leave(connection.place);
    if (this.#open.size === 0) this.#onEmpty?.();
  }

  /** Takes no more, and resolves when all are gone; cuts those that are left after the time. Called once. */
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

  #findFaultOfPage({ headers }: OpeningRequest, from: RequestOrigin): Rejection | undefined {
    const { allowedOrigins: allowed, isLocalOnly } = this.#options;
    const { origin } = headers;
    if (origin === undefined && allowed !== "*" && isFromOtherSite(headers))
      return reject(403, "Pages of other sites must send their Origin: fetch without mode no-cors.");
    const { host, isForwarded, address } = from;
    // What came to a proxy from elsewhere did not come by a name that was made to point at this machine.
    const isFromElsewhere = isForwarded && !isLoopbackAddress(address);
    if (isOriginAllowed({ origin, host, allowed, isLocalOnly: isLocalOnly() && !isFromElsewhere }))
      return undefined;
    return reject(
      403,
      `Pages from ${origin} may not connect here. Add that origin to allowedOrigins to admit them.`,
    );
  }
}

/**
 * Pages can have a browser send a GET with what its user has signed in with, and without an Origin: as an image, say. They
 * could not read the answer, but it would be a connection of that user. (W3C Fetch Metadata; links may lead here.)
 */
function isFromOtherSite(headers: IncomingHttpHeaders): boolean {
  return headers["sec-fetch-site"] === "cross-site" && headers["sec-fetch-mode"] !== "navigate";
}
