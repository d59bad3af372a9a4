/**
 * Reads claims one by one, and knows the registered ones (RFC 7519 §4.1), which both kinds of tokens have. A claim of null
 * counts as absent, but not where that would let somebody in, or on for longer.
 */
import { findChannelNameFault } from "../wire/names.js";
import { findDepthFault, type JsonText, wholeText } from "../wire/payload.js";
import type { JsonObject } from "./compact-token.js";

/** A claim that is not accepted. The message names it by its path, and has nothing of its value in it. */
export class ClaimFault extends Error {
  constructor(path: string, rule: string) {
    super(`the claim ${path} ${rule}`);
  }
}

const maxUserCharacters = 255;
const maxInfoCharacters = 4096;
/** The end of the year 9999. What lies beyond was counted in milliseconds: those have been more since 1978. */
const maxSeconds = 253_402_300_799;

/** @returns the claim, or undefined where it is null or absent */
export function optionalClaim(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined;
}

/** @returns the text, or undefined where there is none; null is refused */
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
    throw new ClaimFault("sub", `may have ${maxUserCharacters} characters, not ${user.length}`);
  return user;
}

/** A NumericDate (RFC 7519 §2), which counts seconds and may have fractions. @returns Unix milliseconds */
export function readTime(claims: JsonObject, name: string): number | undefined {
  if (!Object.hasOwn(claims, name)) return undefined;
  const value = claims[name];
  if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new ClaimFault(name, "must be a number of seconds since 1970");
  if (value > maxSeconds)
    throw new ClaimFault(name, "lies beyond the year 9999; it counts seconds, not milliseconds");
  return Math.round(value * 1000);
}

/** @returns Unix milliseconds; undefined for never; `expire_at` stands above `exp`, and is never where it is 0 */
export function readExpiry(claims: JsonObject): number | undefined {
  if (optionalClaim(claims, "expire_at") === undefined) return readTime(claims, "exp");
  return readTime(claims, "expire_at") || undefined;
}

/** A token that is past its end or before its beginning. */
export interface TimeFault {
  /** Of one that has not begun, which is answered like one that has ended: how long that takes. */
  readonly reason?: string;
}

/**
 * RFC 7519 §4.1.4, which has a token end at the very moment of `exp`, and §4.1.5. An `expire_at` that has passed counts,
 * too: what it is for would end at once.
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

/** @throws ClaimFault when a claim is missing, or empty, that every token of somebody has who means to be careful */
export function assertStrict(claims: JsonObject): void {
  for (const name of strictClaims) {
    const value = optionalClaim(claims, name);
    if (value === undefined || value === "" || (Array.isArray(value) && value.length === 0))
      throw new ClaimFault(name, "is missing, which this server asks for (strictTokens)");
  }
}

/**
 * RFC 7519 §4.1.1 and §4.1.3. Nothing is asked of tokens where nothing is expected.
 * @throws ClaimFault when the token is not from one of the issuers, or for none of the audiences
 */
export function assertMeantForUs(
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

/** Members of an object of claims, each as the text that came. */
export type ClaimTexts = ReadonlyMap<string, JsonText>;

/** What others are shown: `info`, or `b64info`, which has it as the base64 of its JSON. */
export function readInfo(object: JsonObject, texts: ClaimTexts, path = ""): JsonText | undefined {
  const info = readJson(object, texts, "info", path);
  if (info !== undefined && info.length > maxInfoCharacters)
    throw new ClaimFault(
      `${path}info`,
      `may have ${maxInfoCharacters} characters of JSON, not ${info.length}`,
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

/** @throws ClaimFault for a text that may not name a channel */
export function assertChannelName(name: string, path: string): void {
  const fault = findChannelNameFault(name);
  if (fault !== undefined) throw new ClaimFault(path, `is not accepted: ${fault}`);
}

/** A claim that may be any JSON, or else stand as base64 of its JSON in a claim with b64 before its name. */
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
  return text === undefined ? undefined : withoutDepth(text, value, `${path}${name}`);
}

function decodeJson(encoded: unknown, path: string): JsonText | undefined {
  // RFC 4648 §4, with or without padding.
  if (typeof encoded !== "string" || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded))
    throw new ClaimFault(path, "must be a string of base64");
  let value: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(encoded, "base64"));
    value = JSON.parse(text);
  } catch {
    throw new ClaimFault(path, "must be the base64 of JSON");
  }
  return wholeText(withoutDepth(text, value, path));
}

/** @returns the text. @throws ClaimFault: what one version of Node.js can read, another cannot */
function withoutDepth(text: JsonText, value: unknown, path: string): JsonText {
  if (findDepthFault(text, value) !== undefined) throw new ClaimFault(path, "is nested too deeply");
  return text;
}
