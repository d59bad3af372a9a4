/**
 * What a client may read of a channel, whichever way it asks. A permission is for data, not for a command:
 *
 * - `history` is for all that was published before. Whoever has it reads on from any position that is kept. Others do so
 *   only from positions at or after their floor: the head of the log when they were allowed to read, in the same epoch, unless
 *   that was revoked since. From any other position they are not recovered, and are told the head.
 * - `presence` is for who is there: also for joins and leaves, and for maps that list a channel's subscribers.
 * - `subscribe` is for what is published from now on and, in a map, for the values that its keys have.
 *
 * Both permissions are those of a subscriber, which whoever may subscribe counts as. Every place in which a log, a state
 * or a list is read for a client asks here; test/repo/data-reads.test.ts holds the list of these places.
 */
import type { Channel } from "../channels/channel.js";
import type { ChannelRules } from "../channels/rules.js";
import type { Position } from "../wire/messages.js";
import type { Actor, Application, Policy } from "./application.js";
import type { Identity, SubscriptionGrant, TokenOrigin } from "./identity.js";

/** What a subscriber may read beside what is published from now on. */
export interface ReadRights {
  readonly history: boolean;
  readonly presence: boolean;
}

/** Of the server itself. */
export const allRights: ReadRights = Object.freeze({ history: true, presence: true });

/**
 * Found at once where the application answers at once.
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
 * Whether a client may see a list of another channel's subscribers, beside what the list's own rules say. True for channels
 * that are no such list.
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
  const isThere = isSubscribed(lists) || (await listed.may("subscribe", actor, false));
  return await listed.may("presence", actor, isThere);
}

export class DataAccess {
  readonly floors: ReadFloors;

  constructor(floors = new ReadFloors()) {
    this.floors = floors;
  }

  /** Whether the reader may have what follows a position. Nothing follows the head. */
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

  /** The reader is told the position of the log's head, and may come back to it. */
  allowFrom(
    reader: Reader,
    channel: string,
    position: Position,
    { history }: ReadRights,
    ...from: Parameters<typeof tokensOf>
  ): void {
    if (!history) this.floors.add(reader, channel, position, tokensOf(...from));
  }

  /** The reader is refused, or unsubscribed by the server. @param channel without one, of all channels */
  revoke(reader: Reader, channel?: string): void {
    this.floors.remove(reader, channel);
  }
}

/**
 * Whether a token that lets a client read is revoked: its connection's, or the channel's. Asked when something is revoked, and
 * once more before a client may read, since the application may have been asked in between.
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
  /** Of one user, or of one anonymous connection. @default 1,000 */
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
  /** What the reader was allowed to read by. */
  readonly tokens: readonly TokenOrigin[];
  readonly bytes: number;
}

export type Reader = Pick<Actor, "user" | "client">;

/** Estimated memory of a floor beyond its texts. */
const floorBytes = 300;

/**
 * From which position on a client may read a channel whose history it may not: the head of its log when it was allowed to
 * read. Kept in memory, by node. Bounded: beyond, the oldest go first, and what was lost counts as never issued.
 */
export class ReadFloors {
  readonly #bounds: ReadFloorBounds;
  /** By reader and channel, the oldest first. */
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

  /** The reader may read from a position. A floor that it has in the same epoch stays. */
  add(reader: Reader, channel: string, position: Position, tokens: readonly TokenOrigin[]): void {
    const key = keyOf(reader);
    const known = this.#readers.get(key)?.get(channel);
    const { epoch, offset } = known?.epoch === position.epoch ? known : position;
    this.#remove(key, channel);
    const floors = this.#readers.get(key) ?? new Map<string, Floor>();
    const bytes = floorBytes + 2 * (key.length + channel.length + epoch.length);
    floors.set(channel, { epoch, offset, tokens, bytes });
    // Last in order, so that those who come back stay.
    this.#readers.delete(key);
    this.#readers.set(key, floors);
    this.#count++;
    this.#bytes += bytes;
    if (floors.size > this.#bounds.maxFloorsOfReader) this.#removeOldestOf(key, floors);
    while (this.#count > this.#bounds.maxFloors || this.#bytes > this.#bounds.maxBytes) this.#removeOldest();
  }

  /** @param channel without one, all of the reader's */
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
