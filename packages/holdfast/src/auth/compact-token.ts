/**
 * A token as text: three parts with dots between them, a header, claims and a signature (RFC 7515 §7.1). Takes it apart
 * and says what is wrong with the form; whether the signature is right is up to others.
 */
import type { JsonText } from "../wire/payload.js";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Claims, and the text that they were parsed from, which has some of them as they are handed on. */
export interface Claims {
  readonly values: JsonObject;
  readonly text: JsonText;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

const compactForm = /^[\w-]+\.[\w-]*\.[\w-]*$/;

/** @returns the header, or what is wrong with the token */
export function readHeader(token: string): JsonObject | string {
  if (!compactForm.test(token))
    return "the token does not consist of three base64url parts with dots between them";
  return readObject(Buffer.from(token.slice(0, token.indexOf(".")), "base64url"), "header");
}

/** @returns the claims of a token that {@link readHeader} has accepted, or what is wrong with them */
export function readClaims(token: string): Claims | string {
  return toClaims(Buffer.from(token.split(".")[1] as string, "base64url"));
}

/** @returns the claims that stand in the bytes of a token's payload, or what is wrong with them */
export function toClaims(payload: Uint8Array): Claims | string {
  const values = readObject(payload, "payload");
  return typeof values === "string" ? values : { values, text: utf8.decode(payload) };
}

/**
 * @param accepted the algorithms that a signature may have
 * @returns what is wrong with the header, or undefined. Fields that point to keys (`jwk`, `jku`, `x5u`, `x5c`) are nothing
 * to this server, which chooses its keys itself (RFC 8725 §3.10).
 */
export function findHeaderFault(header: JsonObject, accepted: readonly string[]): string | undefined {
  const { alg, kid } = header;
  if (typeof alg !== "string") return "the token's header names no algorithm (alg)";
  if (!accepted.includes(alg))
    return `the token's algorithm is ${JSON.stringify(alg.slice(0, 16))}, but ${accepted.join(", ")} are accepted`;
  // RFC 7515 §4.1.11: whoever does not know a critical extension must refuse the token.
  if (Object.hasOwn(header, "crit"))
    return "the token's header has critical extensions (crit), which are not known";
  // RFC 7797 §3: the signature would be over something else than what is read.
  if (Object.hasOwn(header, "b64") && header.b64 !== true)
    return "the token's header has b64, which is not accepted";
  if (Object.hasOwn(header, "kid") && typeof kid !== "string") return "the token's kid must be a string";
  return undefined;
}

/** @returns the object, or what is wrong with the bytes */
export function readObject(bytes: Uint8Array, part: string): JsonObject | string {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    return `the token's ${part} is not JSON`;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return `the token's ${part} is no JSON object`;
  return value as JsonObject;
}
