/**
 * Checks the JSON Web Tokens (RFC 7519) of clients: one for the connection, and one for each channel that needs it. Owns the answer to
 * every fault, which is that of the protocol's reference server. `SignatureVerifier` takes a token apart (RFC 7515 §7.1: header, claims
 * and signature, separated by dots), and checks that one of this server's keys signed it. The algorithm decides which keys are tried;
 * secrets and public keys never stand in for each other (RFC 8725 §2.1, §3.1).
 */
import type { KeyObject, webcrypto } from "node:crypto";
import { compactVerify, errors } from "jose";
import { HoldfastError } from "../errors.js";
import type { GrantResult, IdentityResult, TokenBearer } from "../sessions/identity.js";
import type { JsonText } from "../wire/payload.js";
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
import {
  type Algorithm,
  isHmacAlgorithm,
  type PublicKeyAlgorithm,
  type TokenOptions,
} from "./jwt-options.js";
import { findKeys, type PublicKey, type SecretKeys } from "./keys.js";
import type { RemoteKeys } from "./remote-keys.js";
import { Revocations } from "./revocations.js";
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
  const { sub } = claims.values;
  if (fault)
    return {
      isAccepted: false,
      error: "tokenExpired",
      ...fault,
      ...(typeof sub === "string" && { user: sub }),
    };
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

export type JsonObject = Readonly<Record<string, unknown>>;

/** Claims, and the text that they were parsed from, parts of which are passed on as they are. */
export interface Claims {
  readonly values: JsonObject;
  readonly text: JsonText;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

const compactForm = /^[\w-]+\.[\w-]*\.[\w-]*$/;

/** @returns the header, or what is wrong with the token */
export function readHeader(token: string): JsonObject | string {
  if (!compactForm.test(token)) return "the token must be three base64url parts separated by dots";
  return readObject(Buffer.from(token.slice(0, token.indexOf(".")), "base64url"), "header");
}

/** @returns the claims of a token whose header {@link readHeader} accepted, or what is wrong with them */
export function readClaims(token: string): Claims | string {
  return toClaims(Buffer.from(token.split(".")[1] as string, "base64url"));
}

/** @returns the claims in the bytes of a payload, or what is wrong with them */
function toClaims(payload: Uint8Array): Claims | string {
  const values = readObject(payload, "payload");
  return typeof values === "string" ? values : { values, text: utf8.decode(payload) };
}

/**
 * @param accepted the accepted algorithms
 * @returns what is wrong with the header, or undefined. Fields that point to keys (`jwk`, `jku`, `x5u`, `x5c`) are ignored: the server
 * chooses its keys itself (RFC 8725 §3.10).
 */
export function findHeaderFault(header: JsonObject, accepted: readonly string[]): string | undefined {
  const { alg, kid } = header;
  if (typeof alg !== "string") return "the token's header has no algorithm (alg)";
  if (!accepted.includes(alg))
    return `the token's algorithm is ${JSON.stringify(alg.slice(0, 16))}, but ${accepted.join(", ")} are accepted`;
  // RFC 7515 §4.1.11: a token with an unknown critical extension must be refused.
  if (Object.hasOwn(header, "crit")) return "the token's header has unknown critical extensions (crit)";
  // RFC 7797 §3: the signature would cover something other than what is read.
  if (Object.hasOwn(header, "b64") && header.b64 !== true)
    return "the token's header has b64, which is not supported";
  if (Object.hasOwn(header, "kid") && typeof kid !== "string") return "the token's kid must be a string";
  return undefined;
}

/** @returns the object, or what is wrong with the bytes */
function readObject(bytes: Uint8Array, part: string): JsonObject | string {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    return `the token's ${part} is not JSON`;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return `the token's ${part} is not a JSON object`;
  return value as JsonObject;
}

export interface VerifierSettings {
  readonly secrets?: SecretKeys;
  readonly publicKeys: readonly PublicKey[];
  readonly remoteKeys?: RemoteKeys;
  readonly algorithms: readonly Algorithm[];
  readonly maxTokenBytes: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** A fault contains nothing of the token or of a key, except names of algorithms and keys. */
export type Verified = { readonly claims: Claims } | { readonly fault: string };

export class SignatureVerifier {
  readonly #settings: VerifierSettings;

  constructor(settings: VerifierSettings) {
    this.#settings = settings;
  }

  /** @throws HF_KEYS_UNAVAILABLE if the issuer's keys cannot be fetched at the moment */
  async verify(token: string): Promise<Verified> {
    const { algorithms, maxTokenBytes } = this.#settings;
    if (Buffer.byteLength(token) > maxTokenBytes)
      return { fault: `the token has more than ${maxTokenBytes} bytes` };
    const header = readHeader(token);
    if (typeof header === "string") return { fault: header };
    const fault = findHeaderFault(header, algorithms);
    if (fault !== undefined) return { fault };
    const { alg, kid } = header as { readonly alg: Algorithm; readonly kid?: string };
    const payload = isHmacAlgorithm(alg)
      ? await this.#tryKeys(token, alg, (await this.#settings.secrets?.keysFor(alg)) ?? [])
      : await this.#tryPublicKeys(token, alg, kid);
    if (payload === undefined) {
      const named = kid === undefined ? "" : ` with the kid ${JSON.stringify(kid.slice(0, 64))}`;
      return { fault: `the token was not signed with any of this server's keys for ${alg}${named}` };
    }
    const claims = toClaims(payload);
    return typeof claims === "string" ? { fault: claims } : { claims };
  }

  async #tryPublicKeys(
    token: string,
    algorithm: PublicKeyAlgorithm,
    keyId: string | undefined,
  ): Promise<Uint8Array | undefined> {
    const { publicKeys, remoteKeys } = this.#settings;
    const own = findKeys(publicKeys, algorithm, keyId).map(({ key }) => key);
    const payload = await this.#tryKeys(token, algorithm, own);
    if (payload !== undefined || remoteKeys === undefined) return payload;
    const fetched = await remoteKeys.find(algorithm, keyId);
    return this.#tryKeys(
      token,
      algorithm,
      fetched.map(({ key }) => key),
    );
  }

  /** @returns the payload, or undefined if the signature matches none of the keys */
  async #tryKeys(
    token: string,
    algorithm: Algorithm,
    keys: readonly (KeyObject | webcrypto.CryptoKey)[],
  ): Promise<Uint8Array | undefined> {
    for (const key of keys) {
      try {
        return (await compactVerify(token, key, { algorithms: [algorithm] })).payload;
      } catch (error) {
        // Other errors than jose's own are about the key, not about the token.
        if (!(error instanceof errors.JOSEError))
          this.#settings.onError(error, { stage: "checking the signature of a token" });
      }
    }
    return undefined;
  }
}
