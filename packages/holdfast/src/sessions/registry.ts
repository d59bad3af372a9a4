/** The sessions of this node, by connection and by user. */
import type { ClusterCounts } from "../channels/cluster.js";
import { disconnect } from "../wire/codes.js";
import type { SessionContext } from "./context.js";
import type { SessionSnapshot } from "./handover.js";
import { Session } from "./session.js";
import type { Transport } from "./transport.js";

export interface RegistryStats {
  /** Connections, including those that have not sent connect yet. */
  readonly connections: number;
  /** Distinct user ids of connected clients; all anonymous ones count as one. */
  readonly users: number;
  readonly subscriptions: number;
  /** Bytes that peers have yet to read. */
  readonly unsentBytes: number;
  /** The same for slow peers only, as it counts against `maxHeldBytes`. */
  readonly heldBytes: number;
  /** Slow connections: they are behind, and continue once they have drained. */
  readonly behind: number;
  /** Connections terminated since the start because all together exceeded `maxHeldBytes`. */
  readonly cutOff: number;
}

export class SessionRegistry {
  readonly #context: SessionContext;
  readonly #sessions = new Map<string, Session>();
  readonly #users = new Map<string, Set<Session>>();
  /** Sessions that are counted over all nodes, and under which key. */
  readonly #counted = new Map<Session, string>();

  constructor(context: SessionContext) {
    this.#context = context;
  }

  get connections(): number {
    return this.#sessions.size;
  }

  /** Distinct user ids of connected clients; all anonymous ones count as one. */
  get users(): number {
    return this.#users.size;
  }

  /** Opens a session for a new connection, which gets what the client sends. */
  open(transport: Transport): Session {
    const session = new Session(transport, this.#context, this);
    this.#sessions.set(session.id, session);
    return session;
  }

  /** For a connection that another process has had; `restore` follows. */
  adopt(transport: Transport, snapshot: SessionSnapshot): Session {
    const session = new Session(transport, this.#context, this, snapshot);
    this.#sessions.set(session.id, session);
    const { limits, broker } = this.#context;
    const { counts } = broker.cluster;
    const { user } = snapshot.identity;
    // It has been counted before, and stays, whatever the limit.
    if (limits.maxUserConnections !== null && user !== "" && counts !== undefined)
      void this.#count(session, `user:${user}`, Number.MAX_SAFE_INTEGER, counts).catch(() => {});
    return session;
  }

  session(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** Connections whose client is identified. */
  *identifiedSessions(): Iterable<Session> {
    for (const sessions of [...this.#users.values()]) yield* [...sessions];
  }

  /** The connections of a user, oldest first, including those that are still connecting. */
  sessionsOf(user: string): readonly Session[] {
    return [...(this.#users.get(user) ?? [])];
  }

  /** All connections, oldest first. May be walked in parts, while others open and close. */
  all(): Iterable<Session> {
    return this.#sessions.values();
  }

  stats(): RegistryStats {
    let subscriptions = 0;
    let unsentBytes = 0;
    for (const session of this.#sessions.values()) {
      subscriptions += session.channels.count;
      unsentBytes += session.unsentBytes;
    }
    const { bytes: heldBytes, holders: behind, terminated: cutOff } = this.#context.held;
    const connections = this.#sessions.size;
    const users = this.#users.size;
    return { connections, users, subscriptions, unsentBytes, heldBytes, behind, cutOff };
  }

  /** Ends every connection; SDKs reconnect after this. */
  shutdown(): void {
    for (const session of [...this.#sessions.values()]) session.close(disconnect("shutdown"));
  }

  /**
   * Whether the user may have one more connection, which the session becomes: on all nodes together, if they share counts.
   * @throws HF_BROKER_UNAVAILABLE if the counts cannot be reached
   */
  makeRoomFor(user: string, session: Session): boolean | Promise<boolean> {
    const { limits, broker, meters } = this.#context;
    const { maxUserConnections: max } = limits;
    if (max === null || user === "") return true;
    if ((this.#users.get(user)?.size ?? 0) >= max) {
      meters.limitHit("maxUserConnections");
      return false;
    }
    const { counts } = broker.cluster;
    return counts === undefined || this.#count(session, `user:${user}`, max, counts);
  }

  async #count(session: Session, key: string, max: number, counts: ClusterCounts): Promise<boolean> {
    if (!(await counts.take(key, max))) {
      this.#context.meters.limitHit("maxUserConnections");
      return false;
    }
    if (session.isEnded) counts.release(key);
    else this.#counted.set(session, key);
    return true;
  }

  /** The session's user is known. */
  identified(session: Session): void {
    const sessions = this.#users.get(session.user);
    if (sessions) sessions.add(session);
    else this.#users.set(session.user, new Set([session]));
  }

  /** The session has ended. */
  ended(session: Session): void {
    this.#sessions.delete(session.id);
    const counted = this.#counted.get(session);
    if (counted !== undefined) this.#context.broker.cluster.counts?.release(counted);
    this.#counted.delete(session);
    const sessions = this.#users.get(session.user);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#users.delete(session.user);
  }
}
