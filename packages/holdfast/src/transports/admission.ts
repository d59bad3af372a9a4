/**
 * How many connections may be open, whatever their transport: in all, and of each address, and how fast an address may open
 * them. Also the end of the server, which waits for all that are open. Whether a request may connect at all has been decided
 * before (requests/request-policy.ts).
 */
import type { ClusterCounts } from "../channels/cluster.js";
import type { Meters } from "../observe/meters.js";
import type { LimitSettings } from "../options/limits.js";
import { PeerCounts, type PeerPlace } from "../requests/addresses.js";
import { type HttpRefusal, refuse, retryAfter } from "../requests/refusals.js";
import type { AdmittedRequest } from "../requests/request-policy.js";
import type { ConnectionRequest } from "../sessions/identity.js";
import type { Clock } from "../time/clock.js";
import { TokenBuckets } from "../time/token-bucket.js";
import { type Disconnect, disconnect } from "../wire/codes.js";

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
  /** Counts of all nodes; undefined where limits hold for each node by itself. */
  readonly counts?: ClusterCounts | undefined;
  /** Called for each connection that is refused, with the reason. */
  readonly onRefused?: (reason: string) => void;
  /** @default nothing is counted */
  readonly meters?: Meters;
}

/** The session of a connection. */
export interface AdmittedSession {
  close(reason: Disconnect): void;
}

const fullRetryMs = 5000;
const closingRetryMs = 1000;
const proxyAdvice = "If they come through a proxy, list it in trustedProxies.";

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #open = new Set<AdmittedConnection>();
  readonly #addresses = new PeerCounts();
  readonly #opened: TokenBuckets | undefined;
  /** Connections that are not counted over all nodes, or not yet. */
  readonly #uncounted = new Set<AdmittedConnection>();
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
    const ofAddress = this.#isDraining ? undefined : this.#findAddressRefusal(source.address);
    if (ofAddress) this.#options.onRefused?.(ofAddress.error.message);
    return ofAddress ?? this.findLateRefusal();
  }

  /** Checks again after a request took time: others may have connected meanwhile, or the server begun to close. */
  findLateRefusal(): HttpRefusal | undefined {
    const refusal = this.#findNodeRefusal();
    if (refusal) this.#options.onRefused?.(refusal.error.message);
    return refusal;
  }

  #findNodeRefusal(): HttpRefusal | undefined {
    const { maxConnections } = this.#options;
    if (this.#isDraining) return refuse(503, "The server is shutting down.", retryAfter(closingRetryMs));
    if (maxConnections === null || this.#open.size < maxConnections) return undefined;
    this.#options.meters?.limitHit("maxConnections");
    return refuse(503, fullText(maxConnections), retryAfter(fullRetryMs));
  }

  /** What is counted for the address of a request; empty if nothing is. */
  keyOf({ source }: AdmittedRequest): string {
    return this.#options.peerKeyOf(source.address);
  }

  /** A connection is being opened; `add` follows in the same turn. */
  enter({ source, request }: AdmittedRequest): Peer {
    const { addressLimits, peerKeyOf } = this.#options;
    const key = addressLimits.maxAddressConnections === null ? "" : peerKeyOf(source.address);
    return { request, place: key === "" ? undefined : this.#addresses.enter(key) };
  }

  /** A connection that another process has admitted. @param key of its address, if that is counted */
  adopt(key: string | undefined): PeerPlace | undefined {
    return key === undefined ? undefined : this.#addresses.enter(key);
  }

  /**
   * The connection is open, as far as this node knows. Where nodes share counts, they may have reached a limit together: then the session is
   * closed with the same reason that another would have been refused with, so that all nodes together never keep more.
   * @param isAdopted whether it stays whatever the limits, since another process has admitted it
   */
  add(connection: AdmittedConnection, session: AdmittedSession, isAdopted = false): void {
    this.#open.add(connection);
    const { counts } = this.#options;
    if (counts === undefined) return;
    this.#uncounted.add(connection);
    this.#count(connection, counts, isAdopted).then(
      (refusal) => refusal !== undefined && session.close(disconnect("tooManyRequests", refusal)),
      () => session.close(disconnect("internalError", "the connections of other nodes cannot be counted")),
    );
  }

  /** @returns why the connection may not stay */
  async #count(
    connection: AdmittedConnection,
    counts: ClusterCounts,
    isAdopted: boolean,
  ): Promise<string | undefined> {
    const limits = this.#limitsFor(connection);
    for (const [i, { key, max, text, option }] of limits.entries()) {
      const isTaken = await counts
        .take(key, isAdopted ? Number.MAX_SAFE_INTEGER : max)
        .catch((error: unknown) => {
          for (const taken of limits.slice(0, i)) counts.release(taken.key);
          throw error;
        });
      if (isTaken) continue;
      for (const taken of limits.slice(0, i)) counts.release(taken.key);
      this.#options.meters?.limitHit(option);
      return text;
    }
    if (this.#uncounted.delete(connection)) return undefined;
    // It is gone already.
    for (const { key } of limits) counts.release(key);
    return undefined;
  }

  /** What counts over all nodes. */
  #limitsFor({ place }: AdmittedConnection): readonly CountedLimit[] {
    const { maxConnections, addressLimits } = this.#options;
    const { maxAddressConnections } = addressLimits;
    const limits: CountedLimit[] = [];
    if (maxConnections !== null)
      limits.push({
        key: "connections",
        max: maxConnections,
        text: fullText(maxConnections),
        option: "maxConnections",
      });
    if (maxAddressConnections !== null && place !== undefined)
      limits.push({
        key: `address:${place.key}`,
        max: maxAddressConnections,
        text: addressText(maxAddressConnections),
        option: "maxAddressConnections",
      });
    return limits;
  }

  /** The connection is gone. @param code of a WebSocket's close */
  leave(connection: AdmittedConnection, code?: number): void {
    if (!this.#open.delete(connection)) return;
    if (code !== undefined) this.#options.meters?.webSocketClosed(code);
    this.#addresses.leave(connection.place);
    const { counts } = this.#options;
    if (counts !== undefined && !this.#uncounted.delete(connection))
      for (const { key } of this.#limitsFor(connection)) counts.release(key);
    if (this.#open.size === 0) this.#onEmpty?.();
  }

  /** Admits no more. */
  refuseAll(): void {
    this.#isDraining = true;
  }

  /** Admits no more, and resolves when all are gone; destroys those left after the timeout. Called once. */
  async drain(timeoutMs: number): Promise<void> {
    this.refuseAll();
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
    if (waitMs > 0) {
      this.#options.meters?.limitHit("addressConnectionsPerSecond");
      // RFC 6585 §4.
      return refuse(
        429,
        `An address may open ${addressConnectionsPerSecond} connections per second, with bursts of ${addressConnectionBurst}. ${proxyAdvice}`,
        retryAfter(waitMs),
      );
    }
    if (maxAddressConnections === null || this.#addresses.countOf(key) < maxAddressConnections)
      return undefined;
    this.#options.meters?.limitHit("maxAddressConnections");
    return refuse(503, addressText(maxAddressConnections), retryAfter(fullRetryMs));
  }
}

interface CountedLimit {
  readonly key: string;
  readonly max: number;
  /** Said to those beyond it. */
  readonly text: string;
  /** The option that sets it. */
  readonly option: string;
}

function fullText(maxConnections: number): string {
  return `The server has reached its limit of ${maxConnections} connections.`;
}

function addressText(maxAddressConnections: number): string {
  return `An address may have ${maxAddressConnections} open connections. ${proxyAdvice}`;
}
