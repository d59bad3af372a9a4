/** The presence store of a single process: entries in memory. */
import type { PresenceEvents, PresenceStats, PresenceStore } from "../channels/broker.js";
import { defaultUserPercent, type Owner, Quota } from "../channels/quota.js";
import { Round } from "../channels/round.js";
import { HoldfastError } from "../errors.js";
import type { Clock } from "../time/clock.js";
import type { ClientInfo } from "../wire/messages.js";

/** Times are monotonic milliseconds. */
interface Lease {
  readonly info: ClientInfo;
  readonly owner: Owner;
  expiresAt: number;
}

export interface LocalPresenceOptions {
  readonly clock: Pick<Clock, "elapsed" | "setTimer">;
  /** Whether the node is subscribed to the channel. */
  readonly isSubscribed: (channel: string) => boolean;
  /** Most entries of all channels. @default 1,000,000 */
  readonly maxEntries?: number;
  /** Percent of `maxEntries` that one user may have once half of it is used. @default 2 */
  readonly userPercent?: number;
}

const defaultMaxEntries = 1_000_000;
const sweepIntervalMs = 10_000;
const channelsPerSweep = 1000;

export class LocalPresence implements PresenceStore {
  readonly #options: LocalPresenceOptions;
  readonly #channels = new Map<string, ChannelPresence>();
  readonly #round = new Round(this.#channels);
  readonly #quota: Quota;
  #events: PresenceEvents | undefined;
  #isClosed = false;
  #cancelSweep: (() => void) | undefined;

  constructor(options: LocalPresenceOptions) {
    this.#options = options;
    const { maxEntries: max = defaultMaxEntries, userPercent = defaultUserPercent } = options;
    this.#quota = new Quota({ max, userPercent, what: "presence entries", option: "maxPresenceEntries" });
  }

  /** Channels with entries, including recently expired ones. */
  get channels(): number {
    return this.#channels.size;
  }

  async open(events: PresenceEvents): Promise<void> {
    if (this.#isClosed) return;
    this.#events = events;
    this.#scheduleSweep();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#events = undefined;
    this.#cancelSweep?.();
    for (const presence of this.#channels.values()) presence.clear();
    this.#channels.clear();
  }

  async add(channel: string, info: ClientInfo, leaseMs: number, owner?: Owner): Promise<void> {
    this.#assertOpen();
    let presence = this.#channels.get(channel);
    if (presence?.has(info.client) !== true) this.#quota.assertRoom(owner);
    if (presence === undefined) {
      presence = new ChannelPresence(this.#quota);
      this.#channels.set(channel, presence);
    }
    presence.put({ info, expiresAt: this.#options.clock.elapsed() + leaseMs, owner });
  }

  async remove(channel: string, client: string): Promise<void> {
    this.#assertOpen();
    const presence = this.#channels.get(channel);
    presence?.remove(client);
    if (presence?.size === 0) this.#channels.delete(channel);
  }

  async list(channel: string): Promise<readonly ClientInfo[]> {
    this.#assertOpen();
    return this.entries(channel);
  }

  async stats(channel: string): Promise<PresenceStats> {
    this.#assertOpen();
    return this.count(channel);
  }

  has(channel: string, client: string): boolean {
    return this.#channels.get(channel)?.has(client) === true;
  }

  /** `list` without waiting; empty when it is closed. */
  entries(channel: string): readonly ClientInfo[] {
    return this.#channels.get(channel)?.list(this.#options.clock.elapsed()) ?? [];
  }

  /** `stats` without waiting. */
  count(channel: string): PresenceStats {
    return (
      this.#channels.get(channel)?.stats(this.#options.clock.elapsed()) ?? { numClients: 0, numUsers: 0 }
    );
  }

  /** Distinct user ids. */
  users(channel: string): readonly string[] {
    return this.#channels.get(channel)?.users(this.#options.clock.elapsed()) ?? [];
  }

  async announce(channel: string, kind: "join" | "leave", info: ClientInfo): Promise<void> {
    this.#assertOpen();
    if (!this.#options.isSubscribed(channel)) return;
    if (kind === "join") this.#events?.onJoin(channel, info);
    else this.#events?.onLeave(channel, info);
  }

  /** Frees what has expired, some channels at a time. */
  #scheduleSweep(): void {
    const { clock } = this.#options;
    this.#cancelSweep = clock.setTimer(() => {
      const now = clock.elapsed();
      this.#round.visit(channelsPerSweep, (name, presence) => {
        presence.expire(now);
        if (presence.size === 0) this.#channels.delete(name);
      });
      this.#scheduleSweep();
    }, sweepIntervalMs);
  }

  #assertOpen(): void {
    if (this.#events === undefined) throw new HoldfastError("HF_BROKER_CLOSED");
  }
}

class ChannelPresence {
  readonly #leases = new Map<string, Lease>();
  /** Connections per user id, so that counting users costs nothing. */
  readonly #users = new Map<string, number>();
  /** No lease expires before this. */
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

  users(now: number): string[] {
    this.expire(now);
    return [...this.#users.keys()];
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
