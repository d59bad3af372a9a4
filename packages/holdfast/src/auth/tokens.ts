/**
 * Checks the JSON Web Tokens (RFC 7519) that clients bring: one for the connection, and one for each channel that asks for
 * it. Owns what becomes of every fault; the answers are those of the protocol's reference server.
 */
import { HoldfastError } from "../errors.js";
import type { GrantResult, IdentityResult, TokenBearer } from "../sessions/identity.js";
import {
  assertMeantForUs,
  assertStrict,
  ClaimFault,
  findTimeFault,
  readText,
  readTime,
  readUser,
  type TimeFault,
} from "./claims.js";
import type { Claims, JsonObject } from "./compact-token.js";
import { readConnectionClaims } from "./connection-claims.js";
import type { TokenOptions } from "./jwt-options.js";
import { Revocations } from "./revocations.js";
import { SignatureVerifier, type Verified } from "./signature-verifier.js";
import { findMismatch, readSubscriptionClaims } from "./subscription-claims.js";
import { resolveTokenOptions, type TokenSettings } from "./token-options.js";

export interface Tokens {
  /**
   * Who the bearer of a connection's token is. A token that is out of its time gives the error `tokenExpired`, which makes
   * clients fetch another. `internalError` tells of keys that cannot be had just now: clients come back then. Anything
   * else that is wrong gives `invalidToken`, which clients stay away after. Never rejects.
   */
  verifyConnection(token: string): Promise<IdentityResult>;
  /**
   * What a subscription's token grants its bearer. One for another channel, user or client ends the connection.
   * @throws HF_KEYS_UNAVAILABLE when the keys of the issuer cannot be had just now
   */
  verifySubscription(token: string, bearer: TokenBearer): Promise<GrantResult>;
  /** Looked at for every token, but not for connections that have been let in. */
  readonly revocations: Revocations;
  /** Whether there is a secret that `signToken` can use. */
  readonly canSign: boolean;
}

/** @throws HF_OPTION_INVALID naming the option and what is accepted */
export function createTokens(options: TokenOptions): Tokens {
  const settings = resolveTokenOptions(options);
  const verifier = new SignatureVerifier(settings);
  const revocations = new Revocations({ now: settings.now, maxEntries: settings.maxRevocations });
  return {
    revocations,
    canSign: settings.secrets !== undefined,
    verifyConnection: async (token) => {
      let verified: Verified;
      try {
        verified = await verifier.verify(token);
      } catch (error) {
        if (!(error instanceof HoldfastError && error.code === "HF_KEYS_UNAVAILABLE")) throw error;
        return disconnect(
          "internalError",
          "the keys that tokens are checked with cannot be had at the moment",
        );
      }
      if ("fault" in verified) return disconnect("invalidToken", verified.fault);
      return judge(
        () => judgeConnection(verified.claims, settings, revocations),
        (fault) => disconnect("invalidToken", fault),
      );
    },
    verifySubscription: async (token, bearer) => {
      const verified = await verifier.verify(token);
      if ("fault" in verified) return deny(verified.fault);
      return judge(() => judgeSubscription(verified.claims, bearer, settings, revocations), deny);
    },
  };
}

function judgeConnection(claims: Claims, settings: TokenSettings, revocations: Revocations): IdentityResult {
  const fault = findFaultOfAny(claims.values, settings);
  if (fault) return { isAccepted: false, error: "tokenExpired", ...fault };
  const identity = readConnectionClaims(claims, settings);
  if (revocations.isRevoked(identity)) return disconnect("invalidToken", "the token is revoked");
  return { isAccepted: true, identity };
}

function judgeSubscription(
  claims: Claims,
  bearer: TokenBearer,
  settings: TokenSettings,
  revocations: Revocations,
): GrantResult {
  const { values } = claims;
  const fault = findFaultOfAny(values, settings);
  if (fault) return { isAccepted: false, error: "tokenExpired", ...fault };
  const mismatch = findMismatch(values, bearer);
  if (mismatch !== undefined) return { isAccepted: false, disconnect: "invalidToken", reason: mismatch };
  const grant = readSubscriptionClaims(claims, settings.toleranceMs);
  const tokenId = readText(values, "jti");
  const issuedAt = readTime(values, "iat");
  const origin = {
    user: readUser(values),
    ...(tokenId !== undefined && { tokenId }),
    ...(issuedAt !== undefined && { issuedAt }),
  };
  return revocations.isRevoked(origin)
    ? { isAccepted: false, error: "permissionDenied", reason: "the token is revoked", isRevoked: true }
    : { isAccepted: true, grant: { ...grant, origin } };
}

/** What both kinds of tokens are held to. @throws ClaimFault */
function findFaultOfAny(claims: JsonObject, settings: TokenSettings): TimeFault | undefined {
  assertMeantForUs(claims, settings);
  if (settings.isStrict) assertStrict(claims);
  return findTimeFault(claims, settings.now(), settings);
}

function judge<T>(decide: () => T, refuse: (fault: string) => T): T {
  try {
    return decide();
  } catch (error) {
    if (error instanceof ClaimFault) return refuse(error.message);
    throw error;
  }
}

function disconnect(name: "invalidToken" | "internalError", reason: string): IdentityResult {
  return { isAccepted: false, disconnect: name, reason };
}

function deny(reason: string): GrantResult {
  return { isAccepted: false, error: "permissionDenied", reason };
}
