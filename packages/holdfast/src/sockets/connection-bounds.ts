/**
 * Limits of TCP connections: per address, and of those still in their handshake, which lasts until they have
 * finished TLS and begun a request or HTTP/2. Handshakes that take too long are ended.
 */
import type { Socket } from "node:net";
import type { LimitSettings } from "../options/limits.js";
import type { Clock } from "../time/clock.js";
import { Ticks, tickFor } from "../time/deadlines.js";

export type ConnectionLimits = Pick<LimitSettings, "maxAddressSockets" | "maxAddressHandshakes">;

export interface ConnectionBoundsOptions {
  readonly clock: Clock;
  readonly limits: ConnectionLimits;
  /** Handshakes at a time, of all addresses; beyond, the oldest are closed. */
  readonly maxHandshakes: number;
  readonly handshakeTimeoutMs: number;
  /** The key the peer is counted by; undefined if it is not counted. */
  readonly keyOf: (remoteAddress: string) => string | undefined;
}

interface Address {
  sockets: number;
  handshakes: number;
}

interface Handshake {
  ticks: number;
  readonly address: Address | undefined;
  readonly onTimeout: () => void;
}

/** Counts the TCP connections of one server. */
export class ConnectionBounds {
  readonly #options: ConnectionBoundsOptions;
  readonly #addresses = new Map<string, Address>();
  /** In the order in which they came. */
  readonly #handshakes = new Map<Socket, Handshake>();
  readonly #ticks: Ticks;
  readonly #tickMs: number;

  constructor(options: ConnectionBoundsOptions) {
    this.#options = options;
    const { clock, handshakeTimeoutMs } = options;
    this.#tickMs = tickFor(handshakeTimeoutMs);
    this.#ticks = new Ticks({ clock, tickMs: this.#tickMs, onTick: () => this.#tick() });
  }

  /** Addresses with open connections. */
  get addresses(): number {
    return this.#addresses.size;
  }

  /** Connections in their handshake. */
  get handshakes(): number {
    return this.#handshakes.size;
  }

  /** A connection has been opened. @returns whether it may stay; otherwise it was closed */
  admit(socket: Socket, onTimeout: () => void): boolean {
    const { limits, maxHandshakes, keyOf } = this.#options;
    const { maxAddressSockets, maxAddressHandshakes } = limits;
    const key = keyOf(socket.remoteAddress ?? "");
    const address = key === undefined ? undefined : (this.#addresses.get(key) ?? newAddress());
    if (
      address &&
      (address.sockets >= (maxAddressSockets ?? Infinity) ||
        address.handshakes >= (maxAddressHandshakes ?? Infinity))
    ) {
      socket.destroy();
      return false;
    }
    if (address && key !== undefined) {
      this.#addresses.set(key, address);
      address.sockets++;
      address.handshakes++;
    }
    this.#handshakes.set(socket, { ticks: 0, address, onTimeout });
    socket.once("close", () => {
      this.settle(socket);
      if (address && key !== undefined && --address.sockets === 0) this.#addresses.delete(key);
    });
    if (this.#handshakes.size > maxHandshakes) this.#closeOldest();
    this.#ticks.start();
    return true;
  }

  /** The connection's handshake is done. */
  settle(socket: Socket): void {
    const handshake = this.#handshakes.get(socket);
    if (handshake === undefined) return;
    this.#handshakes.delete(socket);
    if (handshake.address) handshake.address.handshakes--;
  }

  /** Closes the connections in their handshake. */
  closeHandshakes(): void {
    for (const socket of this.#handshakes.keys()) socket.destroy();
  }

  /** A recent handshake is more likely to complete than the oldest. */
  #closeOldest(): void {
    const [oldest] = this.#handshakes.keys();
    if (oldest === undefined) return;
    this.settle(oldest);
    oldest.destroy();
  }

  #tick(): boolean {
    for (const [socket, handshake] of this.#handshakes) {
      if (++handshake.ticks * this.#tickMs < this.#options.handshakeTimeoutMs) continue;
      this.settle(socket);
      handshake.onTimeout();
    }
    return this.#handshakes.size > 0;
  }
}

function newAddress(): Address {
  return { sockets: 0, handshakes: 0 };
}
