/**
 * What somebody may read of a channel, whichever way it is asked for. A permission is of the data, not of a command:
 *
 * - `history` is for all that was published before. Whoever has it reads on from any position that is kept. Others do so
 *   only from positions at or after their floor: the head of the log when they were let in, in the same epoch, as long as
 *   nobody has put them out since. From any other position they are not recovered, and are told the head.
 * - `presence` is for who is there: also for joins and leaves, and for maps that list a channel's subscribers.
 * - `subscribe` is for what is published from now on and, in a map, for the values that its keys have.
 *
 * Both permissions are those of a subscriber, which whoever may subscribe counts as. Every place in which a log, a state
 * or a list is read for somebody asks here; test/repo/data-reads.test.ts holds the list of these places.
 */
import type { Channel } from "../channels/channel.js";
import type { ChannelRules } from "../channels/rules.js";
import type { Position } from "../wire/messages.js";
import type { Actor, Application, Policy } from "./application.js";
import type { Identity, SubscriptionGrant, TokenOrigin } from "./identity.js";
import { type Reader, ReadFloors } from "./read-floors.js";

/** What a subscriber may read beside what is published from now on. */
export interface ReadRights {
  readonly history: boolean;
  readonly presence: boolean;
}

/** What the server's own side reads. */
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
 * Whether somebody may see a list of another channel's subscribers, beside what the list's own rules say. Every other
 * channel is no such list.
 * @param isSubscribed to a channel
 * @throws what the application throws
 */
export async function mayReadList(
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
  mayReadFrom(
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

  /** The reader is told a position of the log's head, and may come back to it. */
  letIn(
    reader: Reader,
    channel: string,
    position: Position,
    { history }: ReadRights,
    ...from: Parameters<typeof tokensOf>
  ): void {
    if (!history) this.floors.add(reader, channel, position, tokensOf(...from));
  }

  /** The reader is refused, or put out. @param channel without one, of all channels */
  putOut(reader: Reader, channel?: string): void {
    this.floors.remove(reader, channel);
  }
}

/**
 * Whether a token that a reader was let in with is not accepted any more: its connection's, or the channel's. Asked when
 * something is revoked, and once more when a reader is let in, since the application may have been asked in between.
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
