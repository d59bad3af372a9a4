/**
 * Contract of what knows who is in a channel: entries on leases, and word of who comes and goes. Knows nothing of logs.
 *
 * For every presence store:
 * - Calls for one channel MUST take effect in the order they are made.
 * - An entry MUST vanish by itself when its lease ends, whether or not its node is alive: entries of a node that died are
 *   gone within the lease.
 * - A channel without entries MUST leave nothing behind.
 * - What users can fill is bounded for all and for each owner (quota.ts).
 * - An announcement MUST reach every node that has subscribed to the channel in the broker's log, in the order of one node's
 *   calls, as long as none is lost. It is kept nowhere.
 */
import type { ClientInfo } from "../wire/messages.js";

export interface PresenceStats {
  readonly numClients: number;
  /** Distinct user ids; anonymous clients together count as one. */
  readonly numUsers: number;
}

/** What a node is told. Calls MUST NOT throw. */
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
   * Adds or renews a client's entry, which vanishes by itself `leaseMs` after its last renewal.
   * @param owner whom it is charged to, as with a publication
   * @throws HF_BROKER_FULL where there is no room for another one
   */
  add(channel: string, info: ClientInfo, leaseMs: number, owner?: string): Promise<void>;
  remove(channel: string, client: string): Promise<void>;
  list(channel: string): Promise<readonly ClientInfo[]>;
  stats(channel: string): Promise<PresenceStats>;
  /** Tells every subscribed node that a client has joined or left. */
  announce(channel: string, kind: "join" | "leave", info: ClientInfo): Promise<void>;
}
