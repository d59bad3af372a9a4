/**
 * The connect command, and the refresh commands after it: asks the application who the client is, what the server subscribes it
 * to, and for how long.
 */
import { hasCode, messageOf } from "../errors.js";
import { disconnect, replyError, unsubscribeTable } from "../wire/codes.js";
import type {
  ConnectParams,
  RecoverParams,
  RefreshParams,
  Reply,
  SubRefreshParams,
  SubscribeParams,
  SubscribeResult,
} from "../wire/messages.js";
import { findChannelNameFault } from "../wire/names.js";
import type { Outcome } from "./commands.js";
import { originOf } from "./connection-trace.js";
import type { SessionContext } from "./context.js";
import type { ConnectionRequest, Identity, SubscriptionGrant } from "./identity.js";
import { secondsUntil } from "./keepalive.js";
import type { Session } from "./session.js";
import { authorizeByPolicy, type Failure } from "./subscribing.js";

/** @throws what the application throws */
export async function connect(
  session: Session,
  id: number,
  params: ConnectParams,
  context: SessionContext,
): Promise<Outcome> {
  const request = requestOf(session, params);
  const { headers, emulatedHeaders = {} } = request as ConnectionRequest;
  const trace = context.meters.traces.begin(
    "connect",
    () => ({ client: session.id, transport: session.transport.name }),
    headers.traceparent,
    emulatedHeaders.traceparent,
  );
  if (trace === undefined) return await connectAs(session, id, params, request, context);
  try {
    const outcome = await trace.within(() => connectAs(session, id, params, request, context));
    const fault = faultOf(outcome);
    trace.end(fault && { code: fault.code }, fault && ("message" in fault ? fault.message : fault.reason));
    return outcome;
  } catch (error) {
    trace.end({}, messageOf(error));
    throw error;
  }
}

function faultOf(outcome: Outcome) {
  if ("disconnect" in outcome) return outcome.disconnect;
  return "reply" in outcome && "error" in outcome.reply ? outcome.reply.error : undefined;
}

async function connectAs(
  session: Session,
  id: number,
  params: ConnectParams,
  request: ConnectionRequest,
  context: SessionContext,
): Promise<Outcome> {
  const { access, application, clock, limits, times, version } = context;
  const { token, data } = params;
  const result = await application.authenticate({
    ...(token && { token }),
    ...(data !== undefined && { data }),
    request,
  });
  if (!result.isAccepted)
    return "error" in result
      ? {
          ...refuse(id, result.error, result.reason),
          ...(result.user !== undefined && { user: result.user }),
        }
      : { disconnect: disconnect(result.disconnect, result.reason) };
  const { identity } = result;
  const { user } = identity;
  if (identity.expiresAt !== undefined && identity.expiresAt <= clock.now())
    return { ...refuse(id, "tokenExpired"), user };
  if (session.isEnded) return { isAnswered: true };
  const canConnect = session.canConnectAs(user);
  // While nodes have to agree on it, too, commands and revocations must find the connection.
  if (canConnect !== false) session.identify(identity, originOf(request.address, params));
  if (canConnect !== true && !(await canConnect))
    return {
      disconnect: disconnect("connectionLimit", `a user may have ${limits.maxUserConnections} connections`),
      user,
    };
  if (session.isEnded) return { isAnswered: true };
  const welcome = (await application.onConnect?.(session.client.actor, data)) ?? {};
  if ("disconnect" in welcome) {
    access.revoke(session.client.actor);
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
  if (handlesFramesTogether(params, request)) session.transport.confirmFrames?.();
  session.markConnected();
  // Clients without a token get no ttl, since SDKs would try to renew the token.
  const ttl = identity.hasToken ? secondsUntil(identity.expiresAt, clock.now()) : undefined;
  return {
    reply: {
      id,
      method: "connect",
      result: {
        client: session.id,
        version,
        // With 0, a client expects no pings of the protocol.
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

/**
 * The SDK for JavaScript before 5.8 starts on a frame before it is done with the one before, if both come in one read. Browsers, which
 * send an Origin, hand over each by itself; Node.js does not. The SDK does not say its version.
 */
function handlesFramesTogether({ name }: ConnectParams, { headers }: ConnectionRequest): boolean {
  return name === "js" && headers.origin === undefined;
}

/** Headers from the command are kept apart from those of the request, since no proxy has seen them. */
function requestOf({ transport }: Session, { headers }: ConnectParams) {
  const request = transport.takeRequest();
  return headers === undefined ? request : { ...request, emulatedHeaders: headers };
}

/** SDKs close their connection on this reply; other clients are closed at the connect timeout. */
function refuse(id: number, ...error: Parameters<typeof replyError>): { readonly reply: Reply } {
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
      disconnect: disconnect("channelLimit", `at most ${max} channels are accepted, not ${grants.size}`),
    };
  const failures = await Promise.all(
    [...grants].map(async ([channel, grant]) => {
      const params = paramsFor(channel, asked?.get(channel));
      try {
        return await session.channels.grant(params, grant, (result) => results.set(channel, result));
      } catch (error) {
        // There may be no room for channels that the client asked for; it connects without them.
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

/** Adds channels that the server had subscribed the client to before, if their rules still allow it. */
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
      // A failure in one channel must not end the connection, which would fail again.
      onError(error, { stage: `subscribing to ${channel} again` });
    }
  }
}

/** By the channel's own rules, as if the client had asked for it. @throws what the application throws */
async function findKept(
  context: SessionContext,
  { client: { actor } }: Session,
  channel: string,
  isSubscribed: (channel: string) => boolean,
): Promise<SubscriptionGrant | undefined> {
  const policy = context.application.policyFor(channel);
  if (policy === undefined) return undefined;
  const granted = await authorizeByPolicy(context, policy, {}, { actor, isSubscribed });
  if ("grant" in granted) return { isKept: true, ...granted.grant };
  context.access.revoke(actor, channel);
  return undefined;
}

/** Parameters of a server-side subscription. */
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

/** @throws what the application throws */
export async function refresh(
  session: Session,
  id: number,
  { token }: RefreshParams,
  { application, clock, version }: SessionContext,
): Promise<Outcome> {
  const { verifyConnection } = application;
  if (verifyConnection === undefined)
    return { reply: { id, error: replyError("notAvailable", "connections do not expire on this server") } };
  if (token === "") return { disconnect: disconnect("badRequest", "refresh.token is missing") };
  const result = await verifyConnection(token);
  if (!result.isAccepted)
    return {
      disconnect:
        "error" in result
          ? disconnect("connectionExpired", result.reason ?? "the new token has also expired")
          : disconnect(result.disconnect, result.reason),
    };
  const { user, expiresAt } = result.identity;
  if (user !== session.user)
    return { disconnect: disconnect("invalidToken", "the token is for another user") };
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
  { channel, token, poll }: SubRefreshParams,
  { application, clock, polls }: SessionContext,
): Promise<Outcome> {
  if (poll) {
    const result = polls.track(channel, session, poll);
    return { reply: "code" in result ? { id, error: result } : { id, method: "sub_refresh", result } };
  }
  const { verifySubscription } = application;
  if (verifySubscription === undefined)
    return { reply: { id, error: replyError("notAvailable", "subscriptions do not expire on this server") } };
  if (!session.channels.has(channel))
    return {
      reply: { id, error: replyError("permissionDenied", "not subscribed to this channel") },
    };
  if (token === "") return { disconnect: disconnect("badRequest", "sub_refresh.token is missing") };
  const result = await verifySubscription(token, { channel, user: session.user, client: session.id });
  if (!result.isAccepted) {
    if ("disconnect" in result) return { disconnect: disconnect(result.disconnect, result.reason) };
    if (result.error === "permissionDenied" && !result.isRevoked)
      return { disconnect: disconnect("invalidToken", result.reason) };
    // As if it were revoked while in use: ends the subscription and nothing else.
    if (result.error === "permissionDenied") {
      await session.channels.revoke(channel, unsubscribeTable.revoked);
      return { reply: { id, error: replyError("permissionDenied", result.reason) } };
    }
    return await expire(session, id, channel, result.reason);
  }
  const { expiresAt } = result.grant;
  if (expiresAt !== undefined && expiresAt <= clock.now()) return await expire(session, id, channel);
  // The subscription may have ended while the token was verified.
  if (!session.channels.renew(channel, result.grant))
    return {
      reply: { id, error: replyError("permissionDenied", "not subscribed to this channel") },
    };
  const ttl = secondsUntil(expiresAt, clock.now());
  return { reply: { id, method: "sub_refresh", result: { ...(ttl !== undefined && { ttl }) } } };
}

/** For SDKs an error in the reply is final; after this push they subscribe again with a new token. */
async function expire(session: Session, id: number, channel: string, reason?: string): Promise<Outcome> {
  await session.channels.expire(channel);
  return { reply: { id, error: replyError("tokenExpired", reason) } };
}
