/**
 * Which pages may read an answer (https://fetch.spec.whatwg.org/#http-cors-protocol): those that may connect. One rule for
 * every path that pages of other origins may use.
 */
import type { AllowedOrigins } from "./origins.js";

export type HeaderFields = Readonly<Record<string, string>>;

/** How long browsers may remember what a preflight said, in seconds. Chromium takes no more than two hours. */
const preflightSeconds = "7200";
const usualFields = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID";
const exposedFields = "ETag, Retry-After";
/** RFC 9110 §5.6.2: names of fields. */
const fieldNames = /^[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+){0,63}$/;

/**
 * Fields of every answer to a page that is not refused.
 * @param origin of the page, if one asks
 */
export function corsHeaders(origin: string | undefined, allowed: AllowedOrigins): HeaderFields {
  if (origin === undefined) return allowed === "*" ? {} : { Vary: "Origin" };
  const common = { "Access-Control-Expose-Headers": exposedFields };
  // Where every page may ask, none may ask with what its user has signed in with.
  if (allowed === "*") return { "Access-Control-Allow-Origin": "*", ...common };
  return {
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Allow-Credentials": "true",
    ...common,
    Vary: "Origin",
  };
}

/**
 * What a preflight is answered beside those. A page that may ask may send whichever fields it likes: what they mean is
 * checked with the request itself.
 * @param asked the field Access-Control-Request-Headers
 */
export function preflightHeaders(methods: readonly string[], asked: string | undefined): HeaderFields {
  return {
    "Access-Control-Allow-Methods": methods.join(", "),
    "Access-Control-Max-Age": preflightSeconds,
    "Access-Control-Allow-Headers": asked !== undefined && fieldNames.test(asked) ? asked : usualFields,
  };
}
