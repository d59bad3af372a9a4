/**
 * How many connections may be open, whatever their transport: bounds for all and for each address, and the end of the server,
 * which waits for all that are open. Whose requests these are has been decided before (src/requests).
 */
import { type HttpRefusal, refuse } from "../requests/refusals.js";
import type { AdmittedRequest } from "../requests/request-policy.js";
import type { ConnectionRequest } from "../sessions/identity.js";
import type { Clock } from "../time/clock.js";
import { AddressCounts, type AddressLimits, type AddressPlace } from "./address-limits.js";

export interface AdmissionOptions {
  readonly clock: Clock;
  /** Whether connections from loopback addresses are bounded like others. */
  readonly countsLoopback: boolean;
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
  /** What it was opened with. */
  readonly request: ConnectionRequest;
  /** Where its address is counted; given back once the connection is gone. */
  readonly place: AddressPlace | undefined;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #addresses: AddressCounts;
  readonly #open = new Set<Admitted>();
  #isDraining = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: AdmissionOptions) {
    const { addressLimits: limits, clock, countsLoopback } = options;
    this.#options = options;
    this.#addresses = new AddressCounts({ limits, clock, countsLoopback });
  }

  /** Connections that are open, those that are closing included. */
  get count(): number {
    return this.#open.size;
  }

  /** Whether a connection may be opened. Asking counts toward the address's rate. */
  findRefusal({ source }: AdmittedRequest): HttpRefusal | undefined {
    if (this.#isDraining) return this.findLateRefusal();
    return this.#addresses.findRefusal(source.address) ?? this.findLateRefusal();
  }

  /** Looks once more at a request that took a while: others may have come meanwhile, or the end. */
  findLateRefusal(): HttpRefusal | undefined {
    const { maxConnections } = this.#options;
    if (this.#isDraining) return refuse(503, "The server is being ended.", { "Retry-After": "1" });
    if (maxConnections !== null && this.#open.size >= maxConnections)
      return refuse(503, `The server has its limit of ${maxConnections} connections.`, {
        "Retry-After": "5",
      });
    return undefined;
  }

  /** A connection is being opened: `add` follows in the same turn. */
  enter({ source, request }: AdmittedRequest): Peer {
    return { request, place: this.#addresses.enter(source.address) };
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
}
