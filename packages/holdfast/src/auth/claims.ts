/**
 * The claims of tokens: readers of single claims, the registered ones (RFC 7519 §4.1), and what the claims of connections and of
 * subscriptions come to. A claim of null counts as absent, except where that would admit a client or let it stay longer.
 */
import type { GrantOverrides, Identity, SubscriptionGrant, TokenBearer } from "../sessions/identity.js";
import { findChannelNameFault } from "../wire/names.js";
import { findDepthFault, type JsonText, memberTexts, trimJson } from "../wire/payload.js";
import type { Claims, JsonObject } from "./tokens.js";

/** An invalid claim. The message names its path, and contains nothing of its value. */
export class ClaimFault extends Error {
  constructor(path: string, rule: string) {
    super(`the claim ${path} ${rule}`);
  }
}

const maxUserCharacters = 255;
const maxInfoCharacters = 4096;
/** The end of the year 9999. Larger numbers are milliseconds, which have exceeded it since 1978. */
const maxSeconds = 253_402_300_799;

/** @returns undefined if the claim is null or absent */
export function optionalClaim(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined;
}

/** @returns undefined if the claim is absent. @throws ClaimFault also for null */
export function readText(claims: JsonObject, name: string): string | undefined {
  if (!Object.hasOwn(claims, name)) return undefined;
  const value = claims[name];
  if (typeof value !== "string") throw new ClaimFault(name, "must be a string");
  return value;
}

/** RFC 7519 §4.1.2. @returns the user; empty for an anonymous one */
export function readUser(claims: JsonObject): string {
  const user = readText(claims, "sub") ?? "";
  if (user.length > maxUserCharacters)
    throw new ClaimFault("sub", `has ${user.length} characters; at most ${maxUserCharacters} are allowed`);
  return user;
}

/** A NumericDate (RFC 7519 §2), which counts seconds and may have fractions. @returns Unix milliseconds */
export function readTime(claims: JsonObject, name: string): number | undefined {
  if (!Object.hasOwn(claims, name)) return undefined;
  const value = claims[name];
  if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new ClaimFault(name, "must be a number of seconds since 1970");
  if (value > maxSeconds)
    throw new ClaimFault(name, "is beyond the year 9999; it must be in seconds, not milliseconds");
  return Math.round(value * 1000);
}

/** @returns Unix milliseconds, or undefined for never. `expire_at` overrides `exp`; 0 means never. */
export function readExpiry(claims: JsonObject): number | undefined {
  if (optionalClaim(claims, "expire_at") === undefined) return readTime(claims, "exp");
  return readTime(claims, "expire_at") || undefined;
}

/** A token that has expired or is not valid yet. */
export interface TimeFault {
  /** If it is not valid yet, which is answered as if it had expired: how long that takes. */
  readonly reason?: string;
}

/**
 * RFC 7519 §4.1.4 (a token expires at the moment of `exp`) and §4.1.5. A past `expire_at` counts, too, since what it is for would end at
 * once.
 */
export function findTimeFault(
  claims: JsonObject,
  now: number,
  { toleranceMs, notBeforeLeewayMs }: { readonly toleranceMs: number; readonly notBeforeLeewayMs: number },
): TimeFault | undefined {
  const ends = [readTime(claims, "exp"), readExpiry(claims)];
  const start = readTime(claims, "nbf");
  if (ends.some((end) => end !== undefined && end + toleranceMs <= now)) return {};
  if (start === undefined || start - Math.max(toleranceMs, notBeforeLeewayMs) <= now) return undefined;
  return { reason: `the token is not valid for another ${Math.ceil((start - now) / 1000)} s (nbf)` };
}

const strictClaims = ["exp", "aud", "sub"];

/** @throws ClaimFault if a claim that `strictTokens` requires is missing or empty */
export function assertStrict(claims: JsonObject): void {
  for (const name of strictClaims) {
    const value = optionalClaim(claims, name);
    if (value === undefined || value === "" || (Array.isArray(value) && value.length === 0))
      throw new ClaimFault(name, "is missing, but required by strictTokens");
  }
}

/**
 * RFC 7519 §4.1.1 and §4.1.3.
 * @throws ClaimFault if issuers or audiences are configured, and the token has none of them
 */
export function assertIssuerAndAudience(
  claims: JsonObject,
  { issuers, audiences }: { readonly issuers: readonly string[]; readonly audiences: readonly string[] },
): void {
  if (issuers.length > 0 && !issuers.some((issuer) => issuer === optionalClaim(claims, "iss")))
    throw new ClaimFault("iss", "does not name an issuer that this server accepts");
  if (audiences.length === 0) return;
  const given = optionalClaim(claims, "aud");
  const named: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (!audiences.some((audience) => named.includes(audience)))
    throw new ClaimFault("aud", "does not name this server");
}

/** The members of an object of claims, each as its original text. */
export type ClaimTexts = ReadonlyMap<string, JsonText>;

/** What other clients see: `info`, or `b64info` with its JSON in base64. */
export function readInfo(object: JsonObject, texts: ClaimTexts, path = ""): JsonText | undefined {
  const info = readJson(object, texts, "info", path);
  if (info !== undefined && info.length > maxInfoCharacters)
    throw new ClaimFault(
      `${path}info`,
      `has ${info.length} characters of JSON; at most ${maxInfoCharacters} are allowed`,
    );
  return info;
}

export function readObjectClaim(object: JsonObject, name: string, path = ""): JsonObject | undefined {
  const value = optionalClaim(object, name);
  if (value === undefined) return undefined;
  if (typeof value !== "object" || Array.isArray(value))
    throw new ClaimFault(`${path}${name}`, "must be an object");
  return value as JsonObject;
}

/** @throws ClaimFault if it is not a valid channel name */
export function assertChannelName(name: string, path: string): void {
  const fault = findChannelNameFault(name);
  if (fault !== undefined) throw new ClaimFault(path, `is invalid: ${fault}`);
}

/** A claim of any JSON, or its JSON in base64 in a claim named with the prefix b64. */
export function readJson(
  object: JsonObject,
  texts: ClaimTexts,
  name: string,
  path = "",
): JsonText | undefined {
  const encodedName = `b64${name}`;
  const encoded = optionalClaim(object, encodedName);
  if (encoded !== undefined && encoded !== "") return decodeJson(encoded, `${path}${encodedName}`);
  const value = optionalClaim(object, name);
  const text = value === undefined ? undefined : texts.get(name);
  return text === undefined ? undefined : assertDepth(text, value, `${path}${name}`);
}

function decodeJson(encoded: unknown, path: string): JsonText | undefined {
  // RFC 4648 §4, with or without padding.
  if (typeof encoded !== "string" || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded))
    throw new ClaimFault(path, "must be a base64 string");
  let value: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(encoded, "base64"));
    value = JSON.parse(text);
  } catch {
    throw new ClaimFault(path, "must be JSON in base64");
  }
  return trimJson(assertDepth(text, value, path));
}

/** @throws ClaimFault if it is nested deeper than every version of Node.js can parse */
function assertDepth(text: JsonText, value: unknown, path: string): JsonText {
  if (findDepthFault(text, value) !== undefined) throw new ClaimFault(path, "is nested too deeply");
  return text;
}

const maxChannels = 128;
const maxRoles = 64;
const maxRoleCharacters = 255;

/**
 * The user that a connection's token names, and the channels that it grants.
 * @param options `rolesClaim` is the name of the claim with the roles; `toleranceMs` is added to the expiry
 * @throws ClaimFault naming the first invalid claim
 */
export function readConnectionClaims(
  { values: claims, text }: Claims,
  { rolesClaim, toleranceMs }: { readonly rolesClaim: string; readonly toleranceMs: number },
): Identity {
  if (Object.hasOwn(claims, "channel"))
    throw new ClaimFault("channel", "belongs in a subscription token, and this is a connection token");
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
  if (roles.length > maxRoles)
    throw new ClaimFault(name, `has ${roles.length} roles; at most ${maxRoles} are allowed`);
  for (const [index, role] of roles.entries())
    if (typeof role !== "string" || role === "" || role.length > maxRoleCharacters)
      throw new ClaimFault(`${name}[${index}]`, `must be a string of 1 to ${maxRoleCharacters} characters`);
  return roles as string[];
}

/** `channels` has names; `subs` has grants by name, and overrides it. */
function readSubscriptions(claims: JsonObject, texts: ClaimTexts): ReadonlyMap<string, SubscriptionGrant> {
  const subscriptions = new Map<string, SubscriptionGrant>();
  const channels = optionalClaim(claims, "channels") ?? [];
  if (!Array.isArray(channels)) throw new ClaimFault("channels", "must be a list of channel names");
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
      `has ${subscriptions.size} channels; at most ${maxChannels} are allowed`,
    );
  return subscriptions;
}

/**
 * Compares what a subscription's token is for with what it is used for.
 * @returns what differs, or undefined
 * @throws ClaimFault if one of these claims is invalid
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
 * What a subscription's token grants.
 * @param toleranceMs added to the expiry
 * @throws ClaimFault naming the first invalid claim
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
    throw new ClaimFault("channel", "is missing, but required in a subscription token");
  assertChannelName(channel, "channel");
  return channel;
}

/**
 * What a token grants in one channel: `info` and `data` (or `b64info` and `b64data`), and `override`. Does not read its expiry.
 * @param text the text of the object
 * @param path the path of the object, with a trailing dot; empty for the claims themselves
 * @throws ClaimFault naming the first invalid claim
 */
function readGrant(object: JsonObject, text: JsonText, path = ""): SubscriptionGrant {
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
  // Every subscription of a channel with positions has one here.
  force_positioning: undefined,
} as const satisfies Readonly<Record<string, keyof GrantOverrides | undefined>>;

/** Reads `override`, which has `{value: boolean}` by name; unknown names are ignored. */
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
