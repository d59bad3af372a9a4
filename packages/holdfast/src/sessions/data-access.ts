/**
 * What a client may read of a channel, whichever way it asks. A permission is for data, not for a command:
 *
 * - `history` covers everything published before. With it, a client reads on from any position that is kept. Without it, only
 *   from positions at or after its floor: the head of the log when it was allowed to read, in the same epoch, unless revoked
 *   since. From any other position it is not recovered, and is told the head.
 * - `presence` covers who is subscribed: also joins and leaves, and maps that list a channel's subscribers.
 * - `subscribe` covers what is published from now on and, in a map, the values of its keys.
 *
 * `history` and `presence` are checked as for a subscriber, since every client that reads may subscribe. All code that reads a
 * log, a state or a list for a client asks here; test/repo/data-reads.test.ts lists it.
 */
import type { Channel } from "../channels/channel.js";
import type { ChannelRules } from "../channels/rules.js";
import type { Position } from "../wire/messages.js";
import type { Actor, Application, Policy } from "./application.js";
import type { Identity, SubscriptionGrant, TokenOrigin } from "./identity.js";

/** What a subscriber may read in addition to new publications. */
export interface ReadRights {
  readonly history: boolean;
  readonly presence: boolean;
}

/** The rights of the server itself. */
export const allRights: ReadRights = Object.freeze({ history: true, presence: true });

/** Of a subscriber that may read nothing but new publications. */
export const noRights: ReadRights = Object.freeze({ history: false, presence: false });

/**
 * Synchronous if the application answers synchronously.
 * @throws what the application throws
 */
export function findReadRights(
  policy: Policy,
  rules: ChannelRules,
  actor: Actor,
): ReadRights | Promise<ReadRights> {
  const history = policy.may("history", actor, true);
  const presence = rules.hasJoinLeave && policy.may("presence", actor, true);
  if (typeof history === "boolean" && typeof presence === "boolean") return { history, presence };
  return Promise.all([history, presence]).then(([mayHistory, mayPresence]) => ({
    history: mayHistory,
    presence: mayPresence,
  }));
}

/**
 * Whether a client may see a list of another channel's subscribers, in addition to the list's own rules. True for channels that
 * are not such a list.
 * @param isSubscribed to a channel
 * @throws what the application throws
 */
export async function canReadList(
  application: Pick<Application, "policyFor">,
  { lists }: Policy,
  actor: Actor,
  isSubscribed: (channel: string) => boolean,
): Promise<boolean> {
  if (lists === undefined) return true;
  const listed = application.policyFor(lists);
  if (listed === undefined) return false;
  const countsAsSubscriber = isSubscribed(lists) || (await listed.may("subscribe", actor, false));
  return await listed.may("presence", actor, countsAsSubscriber);
}

export class DataAccess {
  readonly floors: ReadFloors;

  constructor(floors = new ReadFloors()) {
    this.floors = floors;
  }

  /** Whether the reader may read what follows a position. Nothing follows the head. */
  canReadFrom(
    reader: Reader,
    channel: Pick<Channel, "name" | "epoch" | "head">,
    { epoch, offset }: Position,
    { history }: ReadRights,
  ): boolean {
    if (history) return true;
    if (epoch !== "" && epoch !== channel.epoch) return false;
    if (offset === channel.head) return true;
    const floor = this.floors.find(reader, channel.name);
    return floor !== undefined && floor.epoch === channel.epoch && offset >= floor.offset;
  }

  /** The reader is told the head of the log, and may resume from it. */
  allowFrom(
    reader: Reader,
    channel: string,
    position: Position,
    { history }: ReadRights,
    ...from: Parameters<typeof tokensOf>
  ): void {
    if (!history) this.floors.add(reader, channel, position, tokensOf(...from));
  }

  /** The reader is refused, or unsubscribed by the server. @param channel undefined for all channels */
  revoke(reader: Reader, channel?: string): void {
    this.floors.remove(reader, channel);
  }
}

/**
 * Whether a token by which a client reads is revoked: the connection's, or the channel's. Checked when something is revoked, and
 * again before a client may read, since the application may have been asked in between.
 */
export function isRevoked(
  application: Pick<Application, "isRevoked">,
  ...from: Parameters<typeof tokensOf>
): boolean {
  return application.isRevoked !== undefined && tokensOf(...from).some(application.isRevoked);
}

function tokensOf(
  { hasToken = false, user, tokenId, issuedAt }: Identity,
  { origin }: SubscriptionGrant,
): readonly TokenOrigin[] {
  const own = {
    user,
    ...(tokenId !== undefined && { tokenId }),
    ...(issuedAt !== undefined && { issuedAt }),
  };
  return [...(hasToken ? [own] : []), ...(origin ? [origin] : [])];
}

export interface ReadFloorBounds {
  /** @default 100,000 */
  readonly maxFloors: number;
  /** Per user, or per anonymous connection. @default 1,000 */
  readonly maxFloorsOfReader: number;
  /** Estimated memory. @default 32 MiB */
  readonly maxBytes: number;
}

export const defaultReadFloorBounds: ReadFloorBounds = Object.freeze({
  maxFloors: 100_000,
  maxFloorsOfReader: 1000,
  maxBytes: 32 * 1024 * 1024,
});

interface Floor extends Position {
  /** The tokens by which the reader was allowed to read. */
  readonly tokens: readonly TokenOrigin[];
  readonly bytes: number;
}

export type Reader = Pick<Actor, "user" | "client">;

/** Estimated memory of a floor beyond its texts. */
const floorBytes = 300;

/**
 * The position from which a client without permission for history may read a channel: the head of the log when it was allowed to
 * read. Kept in memory, per node. Bounded: the oldest are dropped first, and count as never issued.
 */
export class ReadFloors {
  readonly #bounds: ReadFloorBounds;
  /** By reader and channel, oldest first. */
  readonly #readers = new Map<string, Map<string, Floor>>();
  #count = 0;
  #bytes = 0;

  constructor(bounds: ReadFloorBounds = defaultReadFloorBounds) {
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  find(reader: Reader, channel: string): Position | undefined {
    return this.#readers.get(keyOf(reader))?.get(channel);
  }

  /** Lets the reader read from a position. An earlier floor in the same epoch stays. */
  add(reader: Reader, channel: string, position: Position, tokens: readonly TokenOrigin[]): void {
    const key = keyOf(reader);
    const known = this.#readers.get(key)?.get(channel);
    const { epoch, offset } = known?.epoch === position.epoch ? known : position;
    this.#remove(key, channel);
    const floors = this.#readers.get(key) ?? new Map<string, Floor>();
    const bytes = floorBytes + 2 * (key.length + channel.length + epoch.length);
    floors.set(channel, { epoch, offset, tokens, bytes });
    // Moves the reader to the end, so that those in use are dropped last.
    this.#readers.delete(key);
    this.#readers.set(key, floors);
    this.#count++;
    this.#bytes += bytes;
    if (floors.size > this.#bounds.maxFloorsOfReader) this.#removeOldestOf(key, floors);
    while (this.#count > this.#bounds.maxFloors || this.#bytes > this.#bounds.maxBytes) this.#removeOldest();
  }

  /** @param channel undefined for all of the reader's */
  remove(reader: Reader, channel?: string): void {
    const key = keyOf(reader);
    const channels = channel === undefined ? [...(this.#readers.get(key)?.keys() ?? [])] : [channel];
    for (const name of channels) this.#remove(key, name);
  }

  removeWhere(matches: (token: TokenOrigin) => boolean): void {
    for (const [key, floors] of [...this.#readers])
      for (const [channel, { tokens }] of [...floors]) if (tokens.some(matches)) this.#remove(key, channel);
  }

  #removeOldest(): void {
    for (const [key, floors] of this.#readers) {
      this.#removeOldestOf(key, floors);
      return;
    }
  }

  #removeOldestOf(key: string, floors: Map<string, Floor>): void {
    for (const channel of floors.keys()) {
      this.#remove(key, channel);
      return;
    }
  }

  #remove(key: string, channel: string): void {
    const floors = this.#readers.get(key);
    const floor = floors?.get(channel);
    if (floors === undefined || floor === undefined) return;
    floors.delete(channel);
    this.#count--;
    this.#bytes -= floor.bytes;
    if (floors.size === 0) this.#readers.delete(key);
  }
}

/** An anonymous client is known by its connection only. */
function keyOf({ user, client }: Reader): string {
  return user === "" ? `client ${client}` : `user ${user}`;
}
