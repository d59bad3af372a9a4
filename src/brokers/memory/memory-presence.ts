/** Who is in one channel, each entry on a lease. */
import type { PresenceStats } from "../../channels/broker.js";
import type { ClientInfo } from "../../wire/messages.js";

interface Lease {
  readonly info: ClientInfo;
  expiresAt: number;
}

export class MemoryPresence {
  readonly #leases = new Map<string, Lease>();
  /** Connections per user id, so that counting users costs nothing. */
  readonly #users = new Map<string, number>();
  /** No lease ends before this; Unix milliseconds. */
  #nextExpiry = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#leases.size;
  }

  put(info: ClientInfo, expiresAt: number): void {
    this.remove(info.client);
    this.#leases.set(info.client, { info, expiresAt });
    this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
    this.#users.set(info.user, (this.#users.get(info.user) ?? 0) + 1);
  }

  remove(client: string): void {
    const lease = this.#leases.get(client);
    if (lease === undefined) return;
    this.#leases.delete(client);
    const left = (this.#users.get(lease.info.user) ?? 1) - 1;
    if (left === 0) this.#users.delete(lease.info.user);
    else this.#users.set(lease.info.user, left);
  }

  list(now: number): ClientInfo[] {
    this.expire(now);
    return [...this.#leases.values()].map(({ info }) => info);
  }

  stats(now: number): PresenceStats {
    this.expire(now);
    return { numClients: this.#leases.size, numUsers: this.#users.size };
  }

  expire(now: number): void {
    if (now < this.#nextExpiry) return;
    this.#nextExpiry = Number.POSITIVE_INFINITY;
    for (const [client, { expiresAt }] of this.#leases) {
      if (expiresAt <= now) this.remove(client);
      else this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
    }
  }
}
