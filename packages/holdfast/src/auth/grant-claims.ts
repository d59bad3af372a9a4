/** What a token grants in one channel, whichever kind of token it stands in. */
import type { GrantOverrides, SubscriptionGrant } from "../sessions/identity.js";
import { type JsonText, memberTexts } from "../wire/payload.js";
import { ClaimFault, readInfo, readJson, readObjectClaim } from "./claims.js";
import type { JsonObject } from "./compact-token.js";

/**
 * `info` and `data`, or `b64info` and `b64data`, and `override`. Says nothing of when the grant ends.
 * @param text of the object
 * @param path of the object, with a dot behind it; empty for the claims themselves
 * @throws ClaimFault naming the first claim that is not accepted
 */
export function readGrant(object: JsonObject, text: JsonText, path = ""): SubscriptionGrant {
  const texts = memberTexts(text);
  const info = readInfo(object, texts, path);
  const data = readJson(object, texts, "data", path);
  const overrides = readOverrides(object, path);
  return {
    ...(info !== undefined && { info }),
    ...(data !== undefined && { data }),
    ...(overrides && { overrides }),
  };
}

const overrideNames = {
  presence: "hasPresence",
  join_leave: "hasJoinLeave",
  force_push_join_leave: "isJoinLeaveForced",
  force_recovery: "isRecoveryForced",
  // Every subscription of a channel that has positions has one here.
  force_positioning: undefined,
} as const satisfies Readonly<Record<string, keyof GrantOverrides | undefined>>;

/** Reads `override`, which has `{value: boolean}` for each name; names that are not known are ignored. */
function readOverrides(object: JsonObject, path: string): GrantOverrides | undefined {
  const given = readObjectClaim(object, "override", path);
  if (given === undefined) return undefined;
  const read: [keyof GrantOverrides, boolean][] = [];
  for (const [name, field] of Object.entries(overrideNames)) {
    const value = readObjectClaim(given, name, `${path}override.`)?.value;
    if (value === undefined) continue;
    if (typeof value !== "boolean")
      throw new ClaimFault(`${path}override.${name}.value`, "must be true or false");
    if (field !== undefined) read.push([field, value]);
  }
  return read.length === 0 ? undefined : Object.fromEntries(read);
}
