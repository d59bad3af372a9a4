/** Newer tokens for connections and subscriptions that would expire. */
import { disconnect, replyError, unsubscribeTable } from "../wire/codes.js";
import type { RefreshParams, SubRefreshParams } from "../wire/messages.js";
import type { Outcome } from "./commands.js";
import type { SessionContext } from "./context.js";
import { secondsUntil } from "./expiry.js";
import type { Session } from "./session.js";

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
