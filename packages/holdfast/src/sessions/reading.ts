/**
 * Single reads of a channel, from a position in its log or from the end: history, polls, pages of a map. If there is nothing yet,
 * the client may wait (`WaitingReader`).
 */

import type { Broker } from "../channels/broker.js";
import type { Channel } from "../channels/channel.js";
import type { HistoryPage } from "../channels/log.js";
import type { ChannelRules } from "../channels/rules.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import type { HistoryParams, Position, Publication } from "../wire/messages.js";
import { findChannelNameFault } from "../wire/names.js";
import { type Refusal, refusal } from "./application.js";
import { paramsFor } from "./connecting.js";
import type { SessionContext, SessionLimits } from "./context.js";
import { isRevoked } from "./data-access.js";
import { cursorFault, readState } from "./maps.js";
import type { RequestClient } from "./request-client.js";
import {
  authorizeSubscribe,
  isDenial,
  recover,
  type SubscribeGrant,
  toSubscribeGrant,
} from "./subscribing.js";

export type ReadingContext = Pick<
  SessionContext,
  "access" | "application" | "broker" | "channels" | "clock" | "delivery" | "limits" | "meters"
>;

export interface ReadParams {
  readonly channel: string;
  /** Undefined: from the end. */
  readonly since?: Position;
  /** Most publications, up to the server's limit. 0: the position only. */
  readonly limit?: number;
  /** Where the previous page of a map's state ended. */
  readonly cursor?: StateCursor;
  /** A subscription token for the channel. */
  readonly token?: string;
}

export interface StateCursor {
  /** Position of the first page. */
  readonly start: Position;
  readonly place: string;
}

/** Publications in log order. If not recovered, they do not follow the position that was asked for. */
export interface LogAnswer {
  readonly position: Position;
  readonly publications: readonly Publication[];
  readonly isRecovered: boolean;
}

/** Values of a map. The position is that of the first page; changes are read from there. */
export interface StateAnswer {
  readonly position: Position;
  readonly state: readonly Publication[];
  /** Undefined after the last page. */
  readonly cursor?: StateCursor;
}

export type ReadAnswer = LogAnswer | StateAnswer;

/** A client that may read a channel, and its grant. */
export interface Admission extends SubscribeGrant {
  readonly client: RequestClient;
}

/** Publications of a read from the end without a limit. */
export const defaultReadEntries = 100;

const nothing: readonly Publication[] = Object.freeze([]);

/**
 * Whether a client may read a channel, by the same rules as for subscribing.
 * @throws what the application throws
 */
export async function admit(
  context: Pick<SessionContext, "access" | "application" | "clock">,
  client: RequestClient,
  { channel, token }: Pick<ReadParams, "channel" | "token">,
): Promise<Admission | Refusal> {
  const fault = findChannelNameFault(channel);
  if (fault !== undefined) return refusal("badRequest", fault);
  const policy = context.application.policyFor(channel);
  if (policy === undefined) return refusal("unknownChannel");
  const own = client.grants.get(channel);
  if (own !== undefined && (own.expiresAt ?? Number.POSITIVE_INFINITY) > context.clock.now())
    return { client, ...(await toSubscribeGrant(policy, client.actor, own)) };
  const { map, kind } = policy.rules;
  const params = {
    ...paramsFor(channel, undefined),
    ...(token !== undefined && { token }),
    ...(kind === "map" && {
      map: { type: map?.type ?? "keys", phase: "live", limit: 0, isAscending: false } as const,
    }),
  };
  const { actor, grants } = client;
  const granted = await authorizeSubscribe(context, policy, params, {
    actor,
    isSubscribed: (name) => grants.has(name),
  });
  if ("grant" in granted)
    return isRevoked(context.application, client.identity, granted.grant)
      ? refusal("unauthorized", "the token is revoked")
      : { client, ...granted };
  if (isDenial(granted)) context.access.revoke(actor, channel);
  return "disconnect" in granted
    ? refusal("unauthorized", granted.disconnect.reason)
    : { refusal: granted.error };
}

/**
 * @param wait takes over if there is nothing after `since`; the channel is held until it returns
 * @returns undefined if `wait` has taken over
 * @throws what the application and the broker throw
 */
export async function read(
  context: ReadingContext,
  admission: Admission,
  params: ReadParams,
  wait?: (channel: Channel, offset: number) => boolean,
): Promise<ReadAnswer | Refusal | undefined> {
  const { rules } = admission;
  if (rules.kind === "live")
    return refusal("notAvailable", "this channel keeps no history: connect to read it");
  const answer = await readOrWait(context, admission, params, wait);
  // The reader may resume from the returned position. On later pages of a map's state it is the reader's own claim.
  if (answer && "position" in answer && params.cursor === undefined)
    allowFrom(context, admission, params.channel, answer.position);
  return answer;
}

async function readOrWait(
  context: ReadingContext,
  admission: Admission,
  params: ReadParams,
  wait: ((channel: Channel, offset: number) => boolean) | undefined,
): Promise<ReadAnswer | Refusal | undefined> {
  const { rules, rights } = admission;
  const { since } = params;
  if (since === undefined) return await readEnd(context, admission, params);
  // Without recovery, this is like a history command.
  if (rules.recovery === "off" && !rights.history) return refusal("permissionDenied");
  const channel = await context.channels.acquire(params.channel, admission.client.owner);
  try {
    const answer = await readSince(context, channel, admission, { ...params, since });
    if (answer === undefined) return await readAnew(context, admission, params);
    if (answer.publications.length > 0 || wait === undefined) return answer;
    allowFrom(context, admission, params.channel, answer.position);
    return wait(channel, answer.position.offset) ? undefined : answer;
  } finally {
    context.channels.release(channel);
  }
}

function allowFrom(
  { access }: ReadingContext,
  { client: { actor, identity }, grant, rights }: Admission,
  channel: string,
  position: Position,
): void {
  access.allowFrom(actor, channel, position, rights, identity, grant);
}

/** @returns undefined if what follows the position is gone, or the position never existed */
export async function readSince(
  context: ReadingContext,
  channel: Channel,
  admission: Admission,
  { since, limit = context.limits.maxHistoryEntries }: ReadParams & { readonly since: Position },
): Promise<LogAnswer | undefined> {
  const { epoch: current, head } = channel;
  if (since.epoch === current && since.offset === head)
    return { position: since, publications: nothing, isRecovered: true };
  const recovery = await recover(context, channel, since, admission, admission.client.actor);
  if (!recovery.isRecovered) return undefined;
  const max = Math.min(limit, context.limits.maxHistoryEntries);
  const { epoch } = channel;
  const { publications, offset } = recovery;
  if (publications.length <= max) return { position: { epoch, offset }, publications, isRecovered: true };
  const first = publications.slice(0, max);
  const end = first.at(-1)?.offset ?? since.offset;
  return { position: { epoch, offset: end }, publications: first, isRecovered: true };
}

async function readEnd(
  context: ReadingContext,
  admission: Admission,
  params: ReadParams,
): Promise<ReadAnswer | Refusal> {
  if (admission.rules.kind === "map") return await readMap(context, admission.rules, params);
  if (params.limit !== 0 && !admission.rights.history) return refusal("permissionDenied");
  return await readNewest(context, params);
}

/** Like a read without a position, but clients that may not read history get only the position. */
async function readAnew(
  context: ReadingContext,
  admission: Admission,
  { since, cursor, ...params }: ReadParams,
): Promise<ReadAnswer | Refusal> {
  const answer = await readEnd(context, admission, params);
  return "refusal" in answer ? await readNewest(context, { ...params, limit: 0 }) : answer;
}

async function readNewest(
  { broker, limits }: ReadingContext,
  { channel, limit = defaultReadEntries }: ReadParams,
): Promise<LogAnswer> {
  const page = await broker.log.history(channel, {
    maxEntries: Math.min(limit, limits.maxHistoryEntries),
    maxBytes: limits.maxHistoryBytes,
    isReverse: true,
  });
  return { position: page.position, publications: [...page.publications].reverse(), isRecovered: false };
}

async function readMap(
  { broker }: ReadingContext,
  rules: ChannelRules,
  { channel, cursor, limit = 0 }: ReadParams,
): Promise<StateAnswer | Refusal> {
  const page = await readState(broker.log, rules, { channel, limit, cursor: cursor?.place });
  if (page === undefined) return refusal("badRequest", cursorFault);
  const start = cursor?.start ?? page.position;
  if (start.epoch !== page.position.epoch)
    return refusal("unrecoverablePosition", "the map has started afresh: read it again without cursor");
  return {
    position: start,
    // Newer values come as changes.
    state: page.publications.filter(({ offset }) => offset <= start.offset),
    ...(page.cursor !== undefined && { cursor: { start, place: page.cursor } }),
  };
}

export interface HistorySource {
  readonly broker: Broker;
  readonly limits: Pick<SessionLimits, "maxHistoryEntries" | "maxHistoryBytes">;
}

/**
 * @returns publications, or why there are none
 * @throws what the broker's `history` throws
 */
export async function readHistory(
  { broker, limits }: HistorySource,
  { channel, limit, since, reverse }: HistoryParams,
  { kind, retention }: ChannelRules,
): Promise<HistoryPage | ReplyError> {
  if (kind === "live" || retention.maxEntries === 0 || retention.ttlMs === 0)
    return replyError("notAvailable", "this channel keeps no history");
  if (reverse && since?.offset === 0)
    return replyError("badRequest", "history in reverse needs since.offset above 0, or no since");
  const page = await broker.log.history(channel, {
    ...(since && { sinceOffset: since.offset }),
    maxEntries: limit < 0 ? limits.maxHistoryEntries : Math.min(limit, limits.maxHistoryEntries),
    maxBytes: limits.maxHistoryBytes,
    isReverse: reverse,
  });
  if (since !== undefined && since.epoch !== "" && since.epoch !== page.position.epoch)
    return replyError("unrecoverablePosition", "the channel's log has another epoch now");
  return page;
}
