/**
 * The contract of a presence store: who is in a channel, as entries with leases, and announcements of joins and leaves. Knows
 * nothing about logs.
 *
 * For every presence store:
 * - Calls for one channel MUST take effect in the order they are made.
 * - An entry MUST expire when its lease ends, whether or not its node is alive: entries of a node that died are gone within the
 *   lease.
 * - A node that died or that the others cannot reach MUST be gone from lists within its lease, and the other nodes MUST announce a leave
 *   of each of its clients, once, to their own readers. Where a node cannot be asked, `list` and `stats` MUST reject with
 *   HF_BROKER_UNAVAILABLE rather than leave it out.
 * - A channel without entries MUST leave nothing behind.
 * - What users can fill is bounded in total and per owner (quota.ts).
 * - An announcement MUST reach every node that has subscribed to the channel in the broker's log, in the order of one node's
 *   calls, unless it is lost. It is not stored.
 */
import type { ClientInfo } from "../wire/messages.js";

export interface PresenceStats {
  readonly numClients: number;
  /** Distinct user ids; anonymous clients together count as one. */
  readonly numUsers: number;
}

/** What a presence store reports to its node. Calls MUST NOT throw. */
export interface PresenceEvents {
  onJoin(channel: string, info: ClientInfo): void;
  onLeave(channel: string, info: ClientInfo): void;
}

export interface PresenceStore {
  /** Called once, before anything else. */
  open(events: PresenceEvents): Promise<void>;
  /** Ends everything; later calls reject with HF_BROKER_CLOSED. */
  close(): Promise<void>;

  /**
   * Adds or renews a client's entry, which expires `leaseMs` after its last renewal.
   * @param owner who is charged, as with a publication
   * @throws HF_BROKER_FULL if there is no room for another entry
   */
  add(channel: string, info: ClientInfo, leaseMs: number, owner?: string): Promise<void>;
  remove(channel: string, client: string): Promise<void>;
  list(channel: string): Promise<readonly ClientInfo[]>;
  stats(channel: string): Promise<PresenceStats>;
  /** Tells every subscribed node that a client has joined or left. */
  announce(channel: string, kind: "join" | "leave", info: ClientInfo): Promise<void>;
}
