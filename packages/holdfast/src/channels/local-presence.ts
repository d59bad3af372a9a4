/** Who is in the channels of one node, each entry on a lease. For brokers that keep presence in memory. */
import type { ClientInfo } from "../wire/messages.js";
import type { PresenceStats } from "./broker.js";
import { defaultUserPercent, type Owner, Quota } from "./quota.js";
import { Round } from "./round.js";

interface Lease {
  readonly info: ClientInfo;
  readonly owner: Owner;
  expiresAt: number;
}

export interface LocalPresenceOptions {
  /** Most entries of all channels. @default 1,000,000 */
  readonly maxEntries?: number;
  /** Percent of that which one user may have once half of it is taken. @default 2 */
  readonly userPercent?: number;
}

const defaultMaxEntries = 1_000_000;

/** Times are milliseconds of any clock that only moves forward. */
export class LocalPresence {
  readonly #channels = new Map<string, ChannelPresence>();
  readonly #round = new Round(this.#channels);
  readonly #quota: Quota;

  constructor({
    maxEntries = defaultMaxEntries,
    userPercent = defaultUserPercent,
  }: LocalPresenceOptions = {}) {
    const what = "presence entries";
    this.#quota = new Quota({ max: maxEntries, userPercent, what, option: "maxPresenceEntries" });
  }

  /** Channels in which somebody is, or was until lately. */
  get channels(): number {
    return this.#channels.size;
  }

  /** @throws HF_BROKER_FULL where it is a new entry, and there is no room for it */
  put(channel: string, info: ClientInfo, expiresAt: number, owner?: Owner): void {
    let presence = this.#channels.get(channel);
    if (presence?.has(info.client) !== true) this.#quota.assertRoom(owner);
    if (presence === undefined) {
      presence = new ChannelPresence(this.#quota);
      this.#channels.set(channel, presence);
    }
    presence.put({ info, expiresAt, owner });
  }

  remove(channel: string, client: string): void {
    const presence = this.#channels.get(channel);
    presence?.remove(client);
    if (presence?.size === 0) this.#channels.delete(channel);
  }

  list(channel: string, now: number): readonly ClientInfo[] {
    return this.#channels.get(channel)?.list(now) ?? [];
  }

  stats(channel: string, now: number): PresenceStats {
    return this.#channels.get(channel)?.stats(now) ?? { numClients: 0, numUsers: 0 };
  }

  /** Frees what has expired in the next channels. */
  sweep(channels: number, now: number): void {
    this.#round.visit(channels, (name, presence) => {
      presence.expire(now);
      if (presence.size === 0) this.#channels.delete(name);
    });
  }

  clear(): void {
    for (const presence of this.#channels.values()) presence.clear();
    this.#channels.clear();
  }
}

class ChannelPresence {
  readonly #leases = new Map<string, Lease>();
  /** Connections per user id, so that counting users costs nothing. */
  readonly #users = new Map<string, number>();
  /** No lease ends before this. */
  #nextExpiry = Number.POSITIVE_INFINITY;
  /** Of all channels. */
  readonly #quota: Quota;

  constructor(quota: Quota) {
    this.#quota = quota;
  }

  get size(): number {
    return this.#leases.size;
  }

  has(client: string): boolean {
    return this.#leases.has(client);
  }

  put(lease: Lease): void {
    const { info, expiresAt, owner } = lease;
    this.remove(info.client);
    this.#leases.set(info.client, lease);
    this.#quota.add(owner);
    this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
    this.#users.set(info.user, (this.#users.get(info.user) ?? 0) + 1);
  }

  remove(client: string): void {
    const lease = this.#leases.get(client);
    if (lease === undefined) return;
    this.#leases.delete(client);
    this.#quota.add(lease.owner, -1);
    const left = (this.#users.get(lease.info.user) ?? 1) - 1;
    if (left === 0) this.#users.delete(lease.info.user);
    else this.#users.set(lease.info.user, left);
  }

  clear(): void {
    for (const client of [...this.#leases.keys()]) this.remove(client);
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
