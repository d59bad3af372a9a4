/**
 * Whether a client may subscribe to a channel, and what it is granted: by its token, or by the channel's policy.
 * session-channels.ts makes and ends subscriptions.
 */
import { type ViewOptions, viewOf } from "../channels/batches.js";
import type { Channel } from "../channels/channel.js";
import type { Recovered } from "../channels/recovery.js";
import type { ChannelRules } from "../channels/rules.js";
import { messageOf } from "../errors.js";
import { type Disconnect, disconnect, type ReplyError, replyError } from "../wire/codes.js";
import type { Publication, SubscribeParams } from "../wire/messages.js";
import type { Actor, Policy } from "./application.js";
import type { SessionContext } from "./context.js";
import { canReadList, findReadRights, type Reader, type ReadRights } from "./data-access.js";
import { denialOf } from "./denials.js";
import type { SubscriptionGrant } from "./identity.js";

/** Why a command failed: an error for the reply, or the end of the connection. */
export type Failure = { readonly error: ReplyError } | { readonly disconnect: Disconnect };

/** What a subscription is based on: the grant, the channel's rules with the grant's overrides, and the rights to read. */
export interface SubscribeGrant {
  readonly grant: SubscriptionGrant;
  readonly rules: ChannelRules;
  readonly rights: ReadRights;
}

/** Who asks to subscribe. */
export interface Applicant {
  readonly actor: Actor;
  isSubscribed(channel: string): boolean;
}

/**
 * Synchronous if nothing has to be awaited, so that a publish right after finds the client subscribed.
 * @throws what the application throws
 */
export function authorizeSubscribe(
  context: Pick<SessionContext, "application" | "clock">,
  policy: Policy,
  params: SubscribeParams,
  applicant: Applicant,
): SubscribeGrant | Failure | Promise<SubscribeGrant | Failure> {
  const { actor } = applicant;
  const { isPolled = false } = policy.rules;
  if (params.isPoll && !isPolled)
    return fail("notAvailable", "this channel is not polled: subscribe without type 4");
  if (isPolled && !params.isPoll) return fail("badRequest", "this channel is polled: subscribe with type 4");
  const fault = findMapFault(policy.rules, params);
  if (fault) return fail("permissionDenied", fault);
  if (params.filter && policy.rules.allowsTagsFilter === false) return fail("badRequest", noFilter);
  if (params.token) return byToken(context, policy, params, params.token, actor);
  const isAllowed = policy.may("subscribe", actor, false);
  if (isAllowed === true && policy.onSubscribe === undefined && policy.lists === undefined)
    return toSubscribeGrant(policy, actor, noGrant);
  return authorizeByPolicy(context, policy, params, applicant, isAllowed);
}

/**
 * For a client that may subscribe.
 * @throws what the application throws
 */
export function toSubscribeGrant(
  policy: Policy,
  actor: Actor,
  grant: SubscriptionGrant,
): SubscribeGrant | Promise<SubscribeGrant> {
  const rules = rulesWith(policy.rules, grant);
  const rights = findReadRights(policy, rules, actor);
  if (!(rights instanceof Promise)) return { grant, rules, rights };
  return rights.then((found) => ({ grant, rules, rights: found }));
}

/** Whether a failure means that the client may not subscribe, rather than that it has to ask differently. */
export function isDenial(failure: Failure): boolean {
  return "disconnect" in failure || !retryableCodes.has(failure.error.code);
}

const retryableCodes: ReadonlySet<number> = new Set([
  replyError("badRequest").code,
  replyError("tokenExpired").code,
]);

const mapTypes = { keys: 1, clients: 2, users: 3 } as const;

function findMapFault({ kind, map }: ChannelRules, params: SubscribeParams): string | undefined {
  const type = kind === "map" ? (map?.type ?? "keys") : undefined;
  if (params.map?.type === type) return undefined;
  if (type === undefined) return "this channel is not a map: subscribe without type";
  return `this channel is a map of ${type}: subscribe with type ${mapTypes[type]}`;
}

/** Why a later step of a map's subscription is refused; it uses the grant of the first step. */
export function findLaterFault(
  { grant, rules }: SubscribeGrant,
  { filter }: SubscribeParams,
  now: number,
): Failure | undefined {
  if (grant.expiresAt !== undefined && grant.expiresAt <= now) return fail("tokenExpired");
  return filter && rules.allowsTagsFilter === false ? fail("badRequest", noFilter) : undefined;
}

const noFilter = "tf is not enabled in this channel";

/** Whether a channel's retention still covers a publication. */
export function keepsFor(
  channel: Channel,
  { retention }: ChannelRules,
  now: number,
): (publication: Publication) => boolean {
  return ({ time, offset }) => now - time < retention.ttlMs && channel.head - offset < retention.maxEntries;
}

/**
 * What a reader that resumes has missed, by the channel's rules and the reader's rights.
 * @throws what the broker's `history` throws
 */
export async function recover(
  context: RecoverContext,
  channel: Channel,
  since: Since,
  granted: Pick<SubscribeGrant, "rules" | "rights">,
  reader: Reader,
): Promise<Recovered> {
  const { epoch, offset } = since;
  const trace = context.meters.traces.begin("recover", () => ({ channel: channel.name, epoch, offset }));
  if (trace === undefined) return await findMissed(context, channel, since, granted, reader);
  try {
    const recovered = await findMissed(context, channel, since, granted, reader);
    const { isRecovered } = recovered;
    const publications = isRecovered ? recovered.publications.length : 0;
    trace.end({ isRecovered, publications }, isRecovered ? undefined : recovered.reason);
    return recovered;
  } catch (error) {
    trace.end({}, messageOf(error));
    throw error;
  }
}

type RecoverContext = Pick<SessionContext, "access" | "channels" | "clock" | "meters">;
type Since = Pick<SubscribeParams, "epoch" | "offset" | "filter">;

async function findMissed(
  context: RecoverContext,
  channel: Channel,
  { epoch, offset, filter }: Since,
  { rules, rights }: Pick<SubscribeGrant, "rules" | "rights">,
  reader: Reader,
): Promise<Recovered> {
  const { access, channels, clock } = context;
  if (!access.canReadFrom(reader, channel, { epoch, offset }, rights))
    return {
      isRecovered: false,
      cause: "forbidden",
      reason: "this client may not read earlier publications",
    };
  if (rules.recoveryMode !== "cache")
    return await channels.recovery.recover(channel, { epoch, offset }, keepsFor(channel, rules, clock.now()));
  return await channels.recovery.recoverNewest(
    channel,
    { epoch, offset },
    // The newest that passes the filter may lie far back.
    filter && (({ tags, offset: at }) => filter.passes(tags) && (rights.history || at > offset)),
  );
}

const noGrant: SubscriptionGrant = Object.freeze({});

/** @throws what the application throws */
export async function authorizeByPolicy(
  { application }: Pick<SessionContext, "application">,
  policy: Policy,
  params: Pick<SubscribeParams, "data">,
  { actor, isSubscribed }: Applicant,
  isAllowed: boolean | Promise<boolean> = policy.may("subscribe", actor, false),
): Promise<SubscribeGrant | Failure> {
  if (!(await isAllowed)) return { error: denialOf(policy, "subscribe", actor, false) };
  if (!(await canReadList(application, policy, actor, isSubscribed)))
    return fail("permissionDenied", `this client may not see the presence of ${policy.lists}`);
  return await afterHook(policy, params, actor, noGrant);
}

async function byToken(
  { application, clock }: Pick<SessionContext, "application" | "clock">,
  policy: Policy,
  params: SubscribeParams,
  token: string,
  actor: Actor,
): Promise<SubscribeGrant | Failure> {
  const { verifySubscription } = application;
  if (verifySubscription === undefined)
    return fail("permissionDenied", "this server has no key to verify subscription tokens");
  const { user, client } = actor;
  const result = await verifySubscription(token, { channel: params.channel, user, client });
  if (!result.isAccepted) {
    if ("disconnect" in result) return { disconnect: disconnect(result.disconnect, result.reason) };
    return fail(result.error, result.reason);
  }
  const { grant } = result;
  if (grant.expiresAt !== undefined && grant.expiresAt <= clock.now()) return fail("tokenExpired");
  return await afterHook(policy, params, actor, grant);
}

async function afterHook(
  policy: Policy,
  { data }: Pick<SubscribeParams, "data">,
  actor: Actor,
  grant: SubscriptionGrant,
): Promise<SubscribeGrant | Failure> {
  const decision = (await policy.onSubscribe?.(actor, data)) ?? {};
  if ("refusal" in decision) return { error: decision.refusal };
  return await toSubscribeGrant(
    policy,
    actor,
    decision.data === undefined ? grant : { ...grant, data: decision.data },
  );
}

function rulesWith(rules: ChannelRules, { overrides }: SubscriptionGrant): ChannelRules {
  if (overrides === undefined) return rules;
  const { isRecoveryForced, ...others } = overrides;
  const isForced = rules.recovery === undefined || rules.recovery === "force";
  const recovery =
    isRecoveryForced === true
      ? ({ recovery: "force" } as const)
      : isRecoveryForced === false && isForced
        ? ({ recovery: "allow" } as const)
        : {};
  return { ...rules, ...others, ...recovery };
}

function fail(...error: Parameters<typeof replyError>): Failure {
  return { error: replyError(...error) };
}

/** The guarantees that a client gets, by the channel's rules and by what it asks for. */
export function grantedGuarantees(
  { kind, recovery = "force", retention }: ChannelRules,
  asked: { readonly recoverable: boolean; readonly positioned: boolean },
): { readonly recoverable: boolean; readonly positioned: boolean } {
  const isKept = kind !== "live" && !(kind === "map" && retention.maxEntries === 0);
  if (!isKept || recovery === "off") return { recoverable: false, positioned: false };
  const recoverable = recovery === "force" || asked.recoverable;
  return { recoverable, positioned: recoverable || asked.positioned };
}

/** The view of a subscription, by what it asks for and what the channel allows. */
export function viewOptionsFor(
  { joinLeave, filter, wantsDelta }: SubscribeParams,
  { rules, rights }: Pick<SubscribeGrant, "rules" | "rights">,
): ViewOptions {
  const { hasJoinLeave, isJoinLeaveForced = false, allowsDelta = true, kind } = rules;
  return {
    hasJoinLeave: hasJoinLeave && rights.presence && (joinLeave || isJoinLeaveForced),
    // A patch is based on the previous publication, which readers of the newest may lack.
    isDelta: wantsDelta && allowsDelta && kind !== "latest",
    filter,
  };
}

/** Whether payloads come as patches, which is the same for every page of a map. */
export function isPatched(
  params: SubscribeParams,
  granted: Pick<SubscribeGrant, "rules" | "rights">,
): boolean {
  return viewOf(viewOptionsFor(params, granted)).delta !== "none";
}

/** Why the channel cannot take another filter. */
export function findFilterFault(
  { filter }: SubscribeParams,
  channel: Pick<Channel, "findFilterFault">,
  owner: string,
): Failure | undefined {
  const fault = filter && channel.findFilterFault(filter, owner);
  return fault === undefined ? undefined : { error: replyError("limitExceeded", fault) };
}

/** For the reply to any step but the last. */
export const noGuarantees = Object.freeze({
  recoverable: false,
  positioned: false,
  recovered: false,
  wasRecovering: false,
});
