/** The connect command: who the client is, what the server subscribes it to, and what it is told. */
import { hasCode } from "../errors.js";
import { disconnect, replyError, unsubscribeTable } from "../wire/codes.js";
import type {
  ConnectParams,
  RecoverParams,
  RefreshParams,
  SubRefreshParams,
  SubscribeParams,
  SubscribeResult,
} from "../wire/messages.js";
import { findChannelNameFault } from "../wire/names.js";
import type { Outcome } from "./commands.js";
import type { SessionContext } from "./context.js";
import type { Identity, SubscriptionGrant } from "./identity.js";
import { secondsUntil } from "./keepalive.js";
import type { Session } from "./session.js";
import { type Failure, findTermsByPolicy } from "./subscribing.js";

/** @throws what the application throws */
export async function connect(
  session: Session,
  id: number,
  params: ConnectParams,
  context: SessionContext,
): Promise<Outcome> {
  const { access, application, clock, limits, times, version } = context;
  const { token, data } = params;
  const request = requestOf(session, params);
  const result = await application.authenticate({
    ...(token && { token }),
    ...(data !== undefined && { data }),
    request,
  });
  if (!result.isAccepted)
    return "error" in result
      ? refuse(id, result.error, result.reason)
      : { disconnect: disconnect(result.disconnect, result.reason) };
  const { identity } = result;
  if (identity.expiresAt !== undefined && identity.expiresAt <= clock.now())
    return refuse(id, "tokenExpired");
  if (session.isEnded) return { isAnswered: true };
  if (!session.canConnectAs(identity.user))
    return {
      disconnect: disconnect("connectionLimit", `a user may have ${limits.maxUserConnections} connections`),
    };
  session.identify(identity, request.address);
  const welcome = (await application.onConnect?.(session.client.actor, data)) ?? {};
  if ("disconnect" in welcome) {
    access.putOut(session.client.actor);
    return { disconnect: welcome.disconnect };
  }
  session.markWelcomed();
  const grants = grantsOf(identity, welcome.subscriptions);
  const { hasOwnPings = false, emulation, onlyChannel } = session.transport;
  if (onlyChannel === undefined) await addKept(session, grants, params.subs, context);
  else for (const channel of grants.keys()) if (channel !== onlyChannel) grants.delete(channel);
  const subs = await subscribeTo(session, grants, params.subs, context);
  if (!(subs instanceof Map)) return subs;
  if (session.isEnded) return { isAnswered: true };
  session.markConnected();
  // Others are not told: SDKs would take it for their part to renew what they have no token for.
  const ttl = identity.hasToken ? secondsUntil(identity.expiresAt, clock.now()) : undefined;
  return {
    reply: {
      id,
      method: "connect",
      result: {
        client: session.id,
        version,
        // With 0, a client looks for no pings of the protocol.
        ping: hasOwnPings ? 0 : Math.max(1, Math.round(times.pingIntervalMs / 1000)),
        pong: !hasOwnPings,
        ...emulation,
        ...(ttl !== undefined && { ttl }),
        ...(welcome.data !== undefined && { data: welcome.data }),
        ...(subs.size > 0 && { subs }),
      },
    },
  };
}

/** Fields that come in the command stand beside those of the request: no proxy has seen them. */
function requestOf({ transport }: Session, { headers }: ConnectParams) {
  const request = transport.takeRequest();
  return headers === undefined ? request : { ...request, emulatedHeaders: headers };
}

/** SDKs end their connection when they read this; one that does not is cut off when its time to connect is over. */
function refuse(id: number, ...error: Parameters<typeof replyError>): Outcome {
  return { reply: { id, error: replyError(...error) } };
}

function grantsOf(
  { subscriptions }: Identity,
  more: ReadonlyMap<string, SubscriptionGrant> | undefined,
): Map<string, SubscriptionGrant> {
  return new Map([...(subscriptions ?? []), ...(more ?? [])]);
}

async function subscribeTo(
  session: Session,
  grants: Map<string, SubscriptionGrant>,
  asked: ReadonlyMap<string, RecoverParams> | undefined,
  context: SessionContext,
): Promise<Map<string, SubscribeResult> | Exclude<Outcome, { reply: unknown }>> {
  const results = new Map<string, SubscribeResult>();
  const { maxConnectionChannels: max } = context.limits;
  if (grants.size > max)
    return {
      disconnect: disconnect("channelLimit", `${grants.size} channels, and ${max} are accepted`),
    };
  const failures = await Promise.all(
    [...grants].map(async ([channel, grant]) => {
      const params = paramsFor(channel, asked?.get(channel));
      try {
        return await session.channels.grant(params, grant, (result) => results.set(channel, result));
      } catch (error) {
        // There may be no room for what the client has asked for itself, and it connects without that.
        if (grant.isKept && hasCode(error, "HF_BROKER_FULL")) return undefined;
        throw error;
      }
    }),
  );
  const failure = failures.find((each): each is Failure => each !== undefined);
  if (failure === undefined) return results;
  return "disconnect" in failure
    ? failure
    : {
        disconnect: disconnect(
          failure.error.isTemporary ? "internalError" : "invalidToken",
          failure.error.message,
        ),
      };
}

/** Channels that the server had subscribed the client to, and that it may be in by their rules; others are left out. */
async function addKept(
  session: Session,
  grants: Map<string, SubscriptionGrant>,
  asked: ReadonlyMap<string, RecoverParams> | undefined,
  context: SessionContext,
): Promise<void> {
  const { limits, onError } = context;
  for (const channel of asked?.keys() ?? []) {
    if (grants.has(channel) || grants.size >= limits.maxConnectionChannels || findChannelNameFault(channel))
      continue;
    try {
      const grant = await findKept(context, session, channel, (name) => grants.has(name));
      if (grant) grants.set(channel, grant);
    } catch (error) {
      // One channel's trouble is not the connection's, which would come back to the same.
      onError(error, { stage: `subscribing to ${channel} again` });
    }
  }
}

/** As the channel's own rules would let it in, were it asked for by name. @throws what the application throws */
async function findKept(
  context: SessionContext,
  { client: { actor } }: Session,
  channel: string,
  isSubscribed: (channel: string) => boolean,
): Promise<SubscriptionGrant | undefined> {
  const policy = context.application.policyFor(channel);
  if (policy === undefined) return undefined;
  const terms = await findTermsByPolicy(context, policy, {}, { actor, isSubscribed });
  if ("grant" in terms) return { isKept: true, ...terms.grant };
  context.access.putOut(actor, channel);
  return undefined;
}

/** What the server asks for in a client's place. */
export function paramsFor(channel: string, recover?: RecoverParams): SubscribeParams {
  const { recover: isRecovering = false, epoch = "", offset = 0 } = recover ?? {};
  return {
    channel,
    recover: isRecovering,
    epoch,
    offset,
    positioned: true,
    recoverable: true,
    joinLeave: false,
    wantsDelta: false,
    flag: 0,
  };
}

// Newer tokens for connections and subscriptions that would expire.

/** @throws what the application throws */
export async function refresh(
  session: Session,
  id: number,
  { token }: RefreshParams,
  { application, clock, version }: SessionContext,
): Promise<Outcome> {
  const { verifyConnection } = application;
  if (verifyConnection === undefined)
    return { reply: { id, error: replyError("notAvailable", "connections here do not expire") } };
  if (token === "") return { disconnect: disconnect("badRequest", "refresh.token is missing") };
  const result = await verifyConnection(token);
  if (!result.isAccepted)
    return {
      disconnect:
        "error" in result
          ? disconnect("connectionExpired", result.reason ?? "the new token has expired, too")
          : disconnect(result.disconnect, result.reason),
    };
  const { user, expiresAt } = result.identity;
  if (user !== session.user) return { disconnect: disconnect("invalidToken", "it is of another user") };
  if (expiresAt !== undefined && expiresAt <= clock.now())
    return { disconnect: disconnect("connectionExpired") };
  session.renewIdentity(result.identity);
  const ttl = secondsUntil(expiresAt, clock.now());
  const renewed = { client: session.id, version, ...(ttl !== undefined && { ttl }) };
  return { reply: { id, method: "refresh", result: renewed } };
}

/** @throws what the application throws */
export async function subRefresh(
  session: Session,
  id: number,
  { channel, token }: SubRefreshParams,
  { application, clock }: SessionContext,
): Promise<Outcome> {
  const { verifySubscription } = application;
  if (verifySubscription === undefined)
    return { reply: { id, error: replyError("notAvailable", "subscriptions here do not expire") } };
  if (!session.channels.has(channel))
    return {
      reply: { id, error: replyError("permissionDenied", "there is no subscription to this channel") },
    };
  if (token === "") return { disconnect: disconnect("badRequest", "sub_refresh.token is missing") };
  const result = await verifySubscription(token, { channel, user: session.user, client: session.id });
  if (!result.isAccepted) {
    if ("disconnect" in result) return { disconnect: disconnect(result.disconnect, result.reason) };
    if (result.error === "permissionDenied" && !result.isRevoked)
      return { disconnect: disconnect("invalidToken", result.reason) };
    // As where it is revoked while it is in use: it ends what it was for, and nothing beside that.
    if (result.error === "permissionDenied") {
      await session.channels.revoke(channel, unsubscribeTable.revoked);
      return { reply: { id, error: replyError("permissionDenied", result.reason) } };
    }
    return await expire(session, id, channel, result.reason);
  }
  const { expiresAt } = result.grant;
  if (expiresAt !== undefined && expiresAt <= clock.now()) return await expire(session, id, channel);
  // The subscription may have ended while the token was looked at.
  if (!session.channels.renew(channel, result.grant))
    return {
      reply: { id, error: replyError("permissionDenied", "there is no subscription to this channel") },
    };
  const ttl = secondsUntil(expiresAt, clock.now());
  return { reply: { id, method: "sub_refresh", result: { ...(ttl !== undefined && { ttl }) } } };
}

/** SDKs take an error in the reply for the end; after this push they subscribe again with a token that they fetch. */
async function expire(session: Session, id: number, channel: string, reason?: string): Promise<Outcome> {
  await session.channels.expire(channel);
  return { reply: { id, error: replyError("tokenExpired", reason) } };
}
