/**
 * A client that is there for one request: found out and greeted like one that connects, and let go of when it has its
 * answer. What the application hears of it is what it hears of a connection.
 */
import type { ClientInfo } from "../wire/messages.js";
import { type Actor, type Refusal, refusal, toActor } from "./application.js";
import type { SessionContext } from "./context.js";
import type { Credentials, Identity, IdentityResult, SubscriptionGrant } from "./identity.js";
import { ownerOf } from "./owner.js";

export interface Visitor {
  readonly identity: Identity;
  readonly actor: Actor;
  /** As subscribers see it. */
  readonly info: ClientInfo;
  /** Whom it is charged to. */
  readonly owner: string;
  /** Channels that it may read whatever their rules say. */
  readonly grants: ReadonlyMap<string, SubscriptionGrant>;
}

export type VisitContext = Pick<
  SessionContext,
  "access" | "addressKey" | "application" | "clock" | "createId" | "onError"
>;

/**
 * @returns a refusal with error 101 or 109 where another token would help, and others where the application wants none of it
 * @throws what the application throws
 */
export async function receiveVisitor(
  { access, application, clock, createId, addressKey }: VisitContext,
  credentials: Credentials,
): Promise<Visitor | Refusal> {
  const result = await application.authenticate(credentials);
  if (!result.isAccepted) return toRefusal(result);
  const { subscriptions, ...identity } = result.identity;
  if (identity.expiresAt !== undefined && identity.expiresAt <= clock.now()) return refusal("tokenExpired");
  const actor = toActor(createId(), identity);
  const welcome = (await application.onConnect?.(actor, undefined)) ?? {};
  if ("disconnect" in welcome) {
    access.putOut(actor);
    const { code, reason } = welcome.disconnect;
    return { refusal: { code, message: reason, isTemporary: false } };
  }
  const { user, client } = actor;
  const { address } = credentials.request;
  return {
    owner: ownerOf(user, addressKey?.(address) ?? address),
    identity,
    actor,
    info: { user, client, ...(identity.info !== undefined && { connInfo: identity.info }) },
    grants: new Map([...(subscriptions ?? []), ...(welcome.subscriptions ?? [])]),
  };
}

/** The visitor has its answer, or is gone. To be called once. */
export function dismissVisitor({ access, application, onError }: VisitContext, { actor }: Visitor): void {
  if (actor.user === "") access.putOut(actor);
  try {
    application.onDisconnect?.(actor);
  } catch (error) {
    onError(error, { stage: "onDisconnect" });
  }
}

function toRefusal(result: Extract<IdentityResult, { isAccepted: false }>): Refusal {
  if ("error" in result) return refusal(result.error, result.reason);
  const { disconnect, reason } = result;
  // To connections, both of these are a matter of what they came with.
  const isUnknown = disconnect === "invalidToken" || disconnect === "badRequest";
  return refusal(isUnknown ? "unauthorized" : "permissionDenied", reason);
}
