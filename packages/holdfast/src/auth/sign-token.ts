/**
 * Tokens for tests, and for servers that issue their own: signs them with a secret or a private key, and describes what is wrong with one,
 * for people who wonder why it is refused. Describing does not check the signature, so no decision may depend on it.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { invalidOption } from "../errors.js";
import {
  ClaimFault,
  findMismatch,
  readConnectionClaims,
  readSubscriptionClaims,
  readTime,
} from "./claims.js";
import {
  type HmacAlgorithm,
  hmacAlgorithms,
  isHmacAlgorithm,
  type PublicKeyAlgorithm,
  publicKeyAlgorithms,
} from "./jwt-options.js";
import { normalizePem, readPublicKey, readSecrets } from "./keys.js";
import { defaultTokenOptions } from "./token-options.js";
import { findHeaderFault, type JsonObject, readClaims, readHeader } from "./tokens.js";

/** The options of `jwt` fit. */
export interface SignOptions {
  /** In a list, the first signs. */
  readonly secret?: string | readonly string[];
  /** @default "HS256" */
  readonly algorithm?: HmacAlgorithm;
}

/** Claims by their names in the token. None is added or checked. */
export interface TokenClaims {
  /** User id. */
  readonly sub?: string;
  /** Unix seconds, like all times. */
  readonly exp?: number;
  readonly iat?: number;
  readonly nbf?: number;
  /** When the connection or subscription ends, instead of `exp`; 0 for never. */
  readonly expire_at?: number;
  /** Token id, by which it can be revoked. */
  readonly jti?: string;
  readonly aud?: string | readonly string[];
  readonly iss?: string;
  readonly info?: unknown;
  /** Of a connection token: channels that the client is subscribed to when it connects. */
  readonly channels?: readonly string[];
  /** Of a subscription token: the channel that it is for. */
  readonly channel?: string;
  readonly client?: string;
  readonly [name: string]: unknown;
}

/** @throws HF_OPTION_INVALID if the secret is missing or invalid */
export async function signToken(options: SignOptions, claims: TokenClaims): Promise<string> {
  const { algorithm = "HS256" } = options;
  if (!isHmacAlgorithm(algorithm))
    throw invalidOption("algorithm", `one of ${hmacAlgorithms.join(", ")}`, JSON.stringify(algorithm));
  const [secret] = readSecrets(options.secret, algorithm);
  return sign(claims, algorithm, secret as Uint8Array);
}

export interface PrivateKeyOptions {
  /** An unencrypted private key. */
  readonly pem: string;
  /** @default the first that the key is suitable for, such as RS256 or ES256 */
  readonly algorithm?: string;
  /** Key id, for the header of the token (`kid`). */
  readonly keyId?: string;
}

/** @throws HF_OPTION_INVALID if the key is invalid, or not suitable for the algorithm; it is never printed */
export async function signWithKey(options: PrivateKeyOptions, claims: TokenClaims): Promise<string> {
  const key = readPrivateKey(options.pem);
  const suitable = algorithmsOf(key);
  const algorithm = options.algorithm ?? (suitable[0] as string);
  if (!(suitable as readonly string[]).includes(algorithm))
    throw invalidOption(
      "algorithm",
      `one of ${suitable.join(", ")} with this key`,
      JSON.stringify(algorithm),
    );
  return sign(claims, algorithm, key, options.keyId);
}

/** The public key of a private or public key, in PEM. @throws HF_OPTION_INVALID */
export function toPublicPem(pem: string): string {
  try {
    return createPublicKey(normalizePem(pem)).export({ type: "spki", format: "pem" }).toString();
  } catch {
    throw invalidOption("key", "a key in PEM");
  }
}

function readPrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(normalizePem(pem));
  } catch {
    throw invalidOption("key", "an unencrypted private key in PEM");
  }
}

function algorithmsOf(key: KeyObject): readonly PublicKeyAlgorithm[] {
  const publicKey = readPublicKey(
    createPublicKey(key.export({ type: "pkcs8", format: "pem" })).export({ type: "spki", format: "pem" }),
  );
  if (typeof publicKey === "string") throw invalidOption("key", "a key for signatures", publicKey);
  return [...publicKey.algorithms];
}

function sign(
  claims: TokenClaims,
  algorithm: string,
  key: Uint8Array | KeyObject,
  keyId?: string,
): Promise<string> {
  return new SignJWT({ ...claims } as Record<string, unknown>)
    .setProtectedHeader({ alg: algorithm, typ: "JWT", ...(keyId !== undefined && { kid: keyId }) })
    .sign(key);
}

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
