/**
 * What is passed on when a connection goes to another process of the same server: everything that its client could notice the loss of. Each
 * owner of state takes its own part out and puts it back (`Session`, `SessionChannels`). Plain data, as structured cloning copies it.
 */
import type { Channel } from "../channels/channel.js";
import { type Disconnect, disconnect } from "../wire/codes.js";
import type { ClientInfo, Position } from "../wire/messages.js";
import { parseTagsFilter, type TagsFilter } from "../wire/tags-filter.js";
import type { Policy } from "./application.js";
import type { ClientOrigin } from "./connection-trace.js";
import type { SessionContext } from "./context.js";
import { isRevoked, noRights } from "./data-access.js";
import type { Identity, TokenOrigin } from "./identity.js";
import type { Keepalive } from "./keepalive.js";
import type { Session } from "./session.js";
import type { Entry } from "./session-channels.js";

export interface SessionSnapshot {
  /** Connection id. */
  readonly client: string;
  /** Unix milliseconds. */
  readonly openedAt: number;
  readonly identity: Omit<Identity, "subscriptions">;
  /** Who is charged for it (channels/quota.ts). */
  readonly owner: string;
  readonly origin: ClientOrigin;
  /** Whether a ping has no answer yet. */
  readonly awaitsPong: boolean;
  /** As the client was told; it gives up a server that pings less often. */
  readonly pingIntervalMs: number;
  /** Id of the node that it leaves, whose presence entries it keeps. */
  readonly node: string;
  readonly channels: readonly ChannelSnapshot[];
}

export interface ChannelSnapshot {
  readonly channel: string;
  /** The last publication that the client has. */
  readonly position: Position;
  readonly hasJoinLeave: boolean;
  /** The key of a tags filter, which is its JSON. */
  readonly filter?: string;
  readonly isDelta: boolean;
  /** Of a reader of patches in a map: whether it has, or will have, every value. */
  readonly hasValues: boolean;
  readonly isServerSide: boolean;
  /** Who is charged; undefined for the server. */
  readonly owner?: string;
  /** The client as others see it in the channel. */
  readonly info: ClientInfo;
  /** With what the client's token overrides. */
  readonly hasPresence: boolean;
  readonly announcesJoins: boolean;
  readonly origin?: TokenOrigin;
  /** Unix milliseconds. */
  readonly expiresAt?: number;
  /** From where a client without permission for history may read. */
  readonly floor?: Position;
}

/** A connection without its session. Opaque to sessions. */
export interface PassedConnection {
  /** A socket, as Node.js passes it between processes. */
  readonly handle: unknown;
  /** Bytes of the client that were read and not handled. */
  readonly head: Uint8Array;
  /** What was agreed on with the client when the connection was opened. */
  readonly agreed: unknown;
}

/** A client that leaves for another process. */
export interface PassedSession {
  readonly snapshot: SessionSnapshot;
  readonly connection: PassedConnection;
}

export function snapshotOf(
  { id, openedAt, client, owner, channels, trace }: Session,
  { awaitsPong }: Keepalive,
  { times, broker }: SessionContext,
): SessionSnapshot {
  return {
    client: id,
    openedAt,
    identity: client.identity,
    owner,
    origin: trace.origin ?? { address: "" },
    awaitsPong,
    pingIntervalMs: times.pingIntervalMs,
    node: broker.cluster.id,
    channels: channels.snapshots(),
  };
}

/** Why a client has to reconnect instead. */
export function findFault(
  { pingIntervalMs, identity, channels }: SessionSnapshot,
  { application, times }: Pick<SessionContext, "application" | "times">,
): Disconnect | undefined {
  if (times.pingIntervalMs > pingIntervalMs) return disconnect("shutdown", "the server pings less often now");
  // The client learns why when it comes back.
  const grants = [{}, ...channels.flatMap(({ origin }) => (origin ? [{ origin }] : []))];
  return grants.some((grant) => isRevoked(application, identity, grant)) ? disconnect("shutdown") : undefined;
}

/** A channel that is open until the matching `release`, and has everything that its reader has. */
export interface OpenedForReader {
  readonly channel: Channel;
  readonly policy: Policy;
  readonly filter: TagsFilter | undefined;
}

/** How long publications may be on their way that the other process has had already. */
const reachTimeoutMs = 2000;
const reachPollMs = 5;

/**
 * @returns why the client has to reconnect, if it has to
 * @throws what the broker throws
 */
export async function openForReader(
  { application, channels, clock }: Pick<SessionContext, "application" | "channels" | "clock">,
  { channel: name, position, filter: key, owner }: ChannelSnapshot,
): Promise<OpenedForReader | Disconnect> {
  const policy = application.policyFor(name);
  if (policy === undefined) return disconnect("shutdown", `${name} is not a channel any more`);
  const filter = key === undefined ? undefined : parseTagsFilter(JSON.parse(key));
  if (typeof filter === "string") return disconnect("shutdown", filter);
  const channel = await channels.acquire(name, owner);
  const endsAt = clock.elapsed() + reachTimeoutMs;
  while (channel.epoch === position.epoch && !(await channels.recovery.reach(channel, position.offset))) {
    if (clock.elapsed() >= endsAt) break;
    await new Promise<void>((resolve) => void clock.setTimer(() => resolve(), reachPollMs));
  }
  if (channel.epoch === position.epoch && position.offset <= channel.head) return { channel, policy, filter };
  channels.release(channel);
  return disconnect("insufficientState", name);
}

/** @returns undefined while the subscribe command is pending */
export function snapshotOfEntry(entry: Entry, floor: Position | undefined): ChannelSnapshot | undefined {
  const { subscription, rules, owner, origin, expiresAt, info, isServerSide } = entry;
  if (subscription === undefined) return undefined;
  const { view, offset, hasValues, channel } = subscription;
  return {
    channel: channel.name,
    position: { epoch: channel.epoch, offset },
    hasJoinLeave: view.hasJoinLeave,
    isDelta: view.delta !== "none",
    hasValues,
    isServerSide,
    info,
    hasPresence: rules.hasPresence,
    announcesJoins: rules.hasJoinLeave,
    ...(view.filter && { filter: view.filter.key }),
    ...(owner !== undefined && { owner }),
    ...(origin && { origin }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(floor && { floor: { epoch: floor.epoch, offset: floor.offset } }),
  };
}

/** Subscribes the client again. Synchronous, so that nothing is published meanwhile. */
export function restoreEntry(
  { channels, access }: Pick<SessionContext, "channels" | "access">,
  session: Session,
  { position, floor, origin, ...snapshot }: ChannelSnapshot,
  { channel, filter, policy: { rules, listedIn = [] } }: OpenedForReader,
): Entry {
  const { hasJoinLeave, isDelta, hasValues, hasPresence, announcesJoins } = snapshot;
  const { offset } = position;
  const view = { hasJoinLeave, filter, isDelta };
  const subscription = channels.subscribe(channel, session, { offset, hasValues, ...view });
  const { actor, identity } = session.client;
  const grant = origin === undefined ? {} : { origin };
  if (floor) access.allowFrom(actor, channel.name, floor, noRights, identity, grant);
  return {
    rules: { ...rules, hasPresence, hasJoinLeave: announcesJoins },
    listedIn,
    info: snapshot.info,
    subscription,
    isServerSide: snapshot.isServerSide,
    origin,
    owner: snapshot.owner,
    expiry: undefined,
    expiresAt: undefined,
  };
}

const maxPlainDepth = 20;

/** Whether the other process gets the same value: an instance of a class would lose its methods, and a function cannot be copied. */
export function isPlain(value: unknown, depth = 0): boolean {
  if (value === null || typeof value !== "object")
    return typeof value !== "function" && typeof value !== "symbol";
  if (depth >= maxPlainDepth) return false;
  if (Array.isArray(value)) return value.every((each) => isPlain(each, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every((each) => isPlain(each, depth + 1));
}
