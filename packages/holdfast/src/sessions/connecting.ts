/** The connect command: who the client is, what the server subscribes it to, and what it is told. */
import { hasCode } from "../errors.js";
import { disconnect, replyError } from "../wire/codes.js";
import type { ConnectParams, RecoverParams, SubscribeParams, SubscribeResult } from "../wire/messages.js";
import { findChannelNameFault } from "../wire/names.js";
import type { Outcome } from "./commands.js";
import type { SessionContext } from "./context.js";
import { secondsUntil } from "./expiry.js";
import type { Identity, SubscriptionGrant } from "./identity.js";
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
  if (!session.hasRoomAs(identity.user))
    return {
      disconnect: disconnect("connectionLimit", `a user may have ${limits.maxUserConnections} connections`),
    };
  session.identify(identity, request.address);
  const welcome = (await application.onConnect?.(session.actor, data)) ?? {};
  if ("disconnect" in welcome) {
    access.putOut(session.actor);
    return { disconnect: welcome.disconnect };
  }
  session.noteGreeted();
  const grants = grantsOf(identity, welcome.subscriptions);
  const { hasOwnPings = false, emulation, onlyChannel } = session.transport;
  if (onlyChannel === undefined) await addKept(session, grants, params.subs, context);
  else for (const channel of grants.keys()) if (channel !== onlyChannel) grants.delete(channel);
  const subs = await subscribeTo(session, grants, params.subs, context);
  if (!(subs instanceof Map)) return subs;
  if (session.isEnded) return { isAnswered: true };
  session.admit();
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
  const { maxChannels } = context.limits;
  if (grants.size > maxChannels)
    return {
      disconnect: disconnect("channelLimit", `${grants.size} channels, and ${maxChannels} are accepted`),
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
    if (grants.has(channel) || grants.size >= limits.maxChannels || findChannelNameFault(channel)) continue;
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
  { actor }: Session,
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
