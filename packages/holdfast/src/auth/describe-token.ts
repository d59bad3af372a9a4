/**
 * Describes a token and what is wrong with it, for people who wonder why it is refused. Does not check the signature, so no decision may
 * depend on it.
 */
import {
  ClaimFault,
  findMismatch,
  readConnectionClaims,
  readSubscriptionClaims,
  readTime,
} from "./claims.js";
import { hmacAlgorithms, publicKeyAlgorithms } from "./jwt-options.js";
import { defaultTokenOptions } from "./token-options.js";
import { findHeaderFault, type JsonObject, readClaims, readHeader } from "./tokens.js";

export interface DescribeOptions {
  /** Unix milliseconds. @default times are not checked */
  readonly now?: number;
  /** The claim with the user's roles. @default "roles" */
  readonly roles?: string;
  /** @default 8192 */
  readonly maxTokenBytes?: number;
}

export interface TokenDescription {
  /** Undefined if the claims cannot be read. */
  readonly kind?: "connection" | "subscription";
  readonly header?: JsonObject;
  readonly claims?: JsonObject;
  /** Sentences; empty if nothing is wrong, except possibly the signature. */
  readonly faults: readonly string[];
}

/** Decodes a token without verifying it. Never throws. */
export function describeToken(token: string, options: DescribeOptions = {}): TokenDescription {
  const { maxTokenBytes, roles } = { ...defaultTokenOptions, ...options };
  const faults: string[] = [];
  const bytes = Buffer.byteLength(token);
  if (bytes > maxTokenBytes)
    faults.push(`the token has ${bytes} bytes; at most ${maxTokenBytes} are allowed`);
  const header = readHeader(token);
  if (typeof header === "string") return { faults: [...faults, header] };
  const headerFault = findHeaderFault(header, [...hmacAlgorithms, ...publicKeyAlgorithms]);
  if (headerFault !== undefined) faults.push(headerFault);
  if (token.endsWith(".")) faults.push("the token is not signed");
  const claims = readClaims(token);
  if (typeof claims === "string") return { header, faults: [...faults, claims] };
  const { values } = claims;
  const kind = Object.hasOwn(values, "channel") ? "subscription" : "connection";
  faults.push(
    ...faultsOf(() => {
      if (kind === "connection") readConnectionClaims(claims, { rolesClaim: roles, toleranceMs: 0 });
      else {
        findMismatch(values, { channel: "", user: "", client: "" });
        readSubscriptionClaims(claims, 0);
      }
      return undefined;
    }),
    ...["exp", "nbf", "iat", "expire_at"].flatMap((name) =>
      faultsOf(() => findTimeFault(values, name, options.now)),
    ),
  );
  return { kind, header, claims: values, faults: [...new Set(faults)] };
}

function findTimeFault(claims: JsonObject, name: string, now: number | undefined): string | undefined {
  const time = readTime(claims, name);
  if (time === undefined || now === undefined) return undefined;
  const ahead = Math.ceil((time - now) / 1000);
  if (name === "exp" || (name === "expire_at" && time > 0))
    return time <= now ? `the token expired ${-ahead} s ago (${name})` : undefined;
  if (name === "nbf" && time > now) return `the token is not valid for another ${ahead} s (nbf)`;
  return name === "iat" && time > now ? `the token was issued ${ahead} s in the future (iat)` : undefined;
}

function faultsOf(read: () => string | undefined): readonly string[] {
  try {
    const fault = read();
    return fault === undefined ? [] : [fault];
  } catch (error) {
    if (error instanceof ClaimFault) return [error.message];
    throw error;
  }
}
