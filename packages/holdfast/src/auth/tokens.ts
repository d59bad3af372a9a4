/**
 * Checks the JSON Web Tokens (RFC 7519) of clients: one for the connection, and one for each channel that needs it. Owns the answer to
 * every fault, which is that of the protocol's reference server.
 */
import { HoldfastError } from "../errors.js";
import type { GrantResult, IdentityResult, TokenBearer } from "../sessions/identity.js";
import {
  assertIssuerAndAudience,
  assertStrict,
  ClaimFault,
  findMismatch,
  findTimeFault,
  readConnectionClaims,
  readSubscriptionClaims,
  readText,
  readTime,
  readUser,
  type TimeFault,
} from "./claims.js";
import type { TokenOptions } from "./jwt-options.js";
import { Revocations } from "./revocations.js";
import { type Claims, type JsonObject, SignatureVerifier, type Verified } from "./signature-verifier.js";
import { resolveTokenOptions, type TokenSettings } from "./token-options.js";

export interface Tokens {
  /**
   * The user that a connection's token names. A token that has expired, or is not valid yet, gives `tokenExpired`, after which clients get
   * a new one. If the keys cannot be fetched, the answer is `internalError`, after which clients reconnect. Anything else gives
   * `invalidToken`, after which clients do not reconnect. Never rejects.
   */
  verifyConnection(token: string): Promise<IdentityResult>;
  /**
   * What a subscription's token grants its bearer. A token for another channel, user or client ends the connection.
   * @throws HF_KEYS_UNAVAILABLE if the issuer's keys cannot be fetched at the moment
   */
  verifySubscription(token: string, bearer: TokenBearer): Promise<GrantResult>;
  /** Checked for every token, but not for open connections. */
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
        return disconnect("internalError", "the keys of tokens are unavailable at the moment");
      }
      if ("fault" in verified) return disconnect("invalidToken", verified.fault);
      return orRefuse(
        () => checkConnection(verified.claims, settings, revocations),
        (fault) => disconnect("invalidToken", fault),
      );
    },
    verifySubscription: async (token, bearer) => {
      const verified = await verifier.verify(token);
      if ("fault" in verified) return deny(verified.fault);
      return orRefuse(() => checkSubscription(verified.claims, bearer, settings, revocations), deny);
    },
  };
}

function checkConnection(claims: Claims, settings: TokenSettings, revocations: Revocations): IdentityResult {
  const fault = findCommonFault(claims.values, settings);
  if (fault) return { isAccepted: false, error: "tokenExpired", ...fault };
  const identity = readConnectionClaims(claims, settings);
  if (revocations.isRevoked(identity)) return disconnect("invalidToken", "the token is revoked");
  return { isAccepted: true, identity };
}

function checkSubscription(
  claims: Claims,
  bearer: TokenBearer,
  settings: TokenSettings,
  revocations: Revocations,
): GrantResult {
  const { values } = claims;
  const fault = findCommonFault(values, settings);
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

/** Checks that apply to both kinds of tokens. @throws ClaimFault */
function findCommonFault(claims: JsonObject, settings: TokenSettings): TimeFault | undefined {
  assertIssuerAndAudience(claims, settings);
  if (settings.isStrict) assertStrict(claims);
  return findTimeFault(claims, settings.now(), settings);
}

function orRefuse<T>(check: () => T, refuse: (fault: string) => T): T {
  try {
    return check();
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
