/** The claims of a subscription's token: for whom it is, for which channel, and what it grants there. */
import type { SubscriptionGrant, TokenBearer } from "../sessions/identity.js";
import { assertChannelName, ClaimFault, optionalClaim, readExpiry, readText, readUser } from "./claims.js";
import type { Claims, JsonObject } from "./compact-token.js";
import { readGrant } from "./grant-claims.js";

/**
 * @returns how the token is for somebody or something else, or undefined
 * @throws ClaimFault when a claim that says so is not accepted
 */
export function findMismatch(claims: JsonObject, bearer: TokenBearer): string | undefined {
  const channel = readChannel(claims);
  const user = readUser(claims);
  const client = optionalClaim(claims, "client") ?? "";
  if (typeof client !== "string") throw new ClaimFault("client", "must be a string");
  if (channel !== bearer.channel) return "the token is for another channel";
  if (user !== bearer.user) return "the token is for another user";
  if (client !== "" && client !== bearer.client) return "the token is for another connection";
  return undefined;
}

/**
 * @param toleranceMs by which an expiry is later than it says
 * @throws ClaimFault naming the first claim that is not accepted
 */
export function readSubscriptionClaims({ values, text }: Claims, toleranceMs: number): SubscriptionGrant {
  const expiresAt = readExpiry(values);
  return {
    ...readGrant(values, text),
    ...(expiresAt !== undefined && { expiresAt: expiresAt + toleranceMs }),
  };
}

function readChannel(claims: JsonObject): string {
  const channel = readText(claims, "channel");
  if (channel === undefined)
    throw new ClaimFault("channel", "is missing, which the token of a subscription needs");
  assertChannelName(channel, "channel");
  return channel;
}
