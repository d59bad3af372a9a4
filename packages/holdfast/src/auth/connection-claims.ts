/** The claims of a connection's token: who the user is, and the channels that the connection has from the start. */
import type { Identity, SubscriptionGrant } from "../sessions/identity.js";
import { memberTexts } from "../wire/payload.js";
import {
  assertChannelName,
  ClaimFault,
  type ClaimTexts,
  optionalClaim,
  readExpiry,
  readInfo,
  readObjectClaim,
  readText,
  readTime,
  readUser,
} from "./claims.js";
import type { Claims, JsonObject } from "./compact-token.js";
import { readGrant } from "./grant-claims.js";

const maxChannels = 128;
const maxRoles = 64;
const maxRoleCharacters = 255;

/**
 * @param options the name of the claim with the roles, and milliseconds by which an expiry is later than it says
 * @throws ClaimFault naming the first claim that is not accepted
 */
export function readConnectionClaims(
  { values: claims, text }: Claims,
  { rolesClaim, toleranceMs }: { readonly rolesClaim: string; readonly toleranceMs: number },
): Identity {
  if (Object.hasOwn(claims, "channel"))
    throw new ClaimFault("channel", "is for the token of a subscription, not for that of a connection");
  const user = readUser(claims);
  const texts = memberTexts(text);
  const info = readInfo(claims, texts);
  const roles = readRoles(claims, rolesClaim);
  const meta = optionalClaim(claims, "meta");
  const expiresAt = readExpiry(claims);
  const subscriptions = readSubscriptions(claims, texts);
  const tokenId = readText(claims, "jti");
  const issuedAt = readTime(claims, "iat");
  return {
    user,
    ...(info !== undefined && { info }),
    ...(roles && { roles }),
    ...(meta !== undefined && { meta }),
    ...(expiresAt !== undefined && { expiresAt: expiresAt + toleranceMs }),
    ...(subscriptions.size > 0 && { subscriptions }),
    ...(tokenId && { tokenId }),
    ...(issuedAt !== undefined && { issuedAt }),
  };
}

function readRoles(claims: JsonObject, name: string): readonly string[] | undefined {
  const roles = optionalClaim(claims, name);
  if (roles === undefined) return undefined;
  if (!Array.isArray(roles)) throw new ClaimFault(name, "must be a list of roles");
  if (roles.length > maxRoles) throw new ClaimFault(name, `may have ${maxRoles} roles, not ${roles.length}`);
  for (const [index, role] of roles.entries())
    if (typeof role !== "string" || role === "" || role.length > maxRoleCharacters)
      throw new ClaimFault(`${name}[${index}]`, `must be a string of 1 to ${maxRoleCharacters} characters`);
  return roles as string[];
}

/** `channels` has names, `subs` has grants by name and stands above it. */
function readSubscriptions(claims: JsonObject, texts: ClaimTexts): ReadonlyMap<string, SubscriptionGrant> {
  const subscriptions = new Map<string, SubscriptionGrant>();
  const channels = optionalClaim(claims, "channels") ?? [];
  if (!Array.isArray(channels)) throw new ClaimFault("channels", "must be a list of names");
  for (const [index, name] of channels.entries()) {
    if (typeof name !== "string") throw new ClaimFault(`channels[${index}]`, "must be a string");
    assertChannelName(name, `channels[${index}]`);
    subscriptions.set(name, {});
  }
  const subs = readObjectClaim(claims, "subs") ?? {};
  const subTexts = memberTexts(texts.get("subs") ?? "{}");
  for (const name of Object.keys(subs)) {
    const path = `subs[${JSON.stringify(name.slice(0, 64))}]`;
    assertChannelName(name, path);
    const grant = optionalClaim(subs, name) ?? {};
    if (typeof grant !== "object" || Array.isArray(grant)) throw new ClaimFault(path, "must be an object");
    subscriptions.set(name, readGrant(grant as JsonObject, subTexts.get(name) ?? "{}", `${path}.`));
  }
  if (subscriptions.size > maxChannels)
    throw new ClaimFault(
      channels.length > 0 ? "channels" : "subs",
      `may name ${maxChannels} channels, not ${subscriptions.size}`,
    );
  return subscriptions;
}
