/** Signs tokens with a secret or a private key: for tests, and for servers that issue their own tokens. */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { invalidOption } from "../errors.js";
import {
  type HmacAlgorithm,
  hmacAlgorithms,
  isHmacAlgorithm,
  type PublicKeyAlgorithm,
} from "./jwt-options.js";
import { normalizePem, readPublicKey, readSecrets } from "./keys.js";

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
