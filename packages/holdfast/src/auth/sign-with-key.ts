/** Makes tokens with a private key, as issuers do, for trying things out. */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { HoldfastError } from "../errors.js";
import type { PublicKeyAlgorithm } from "./algorithms.js";
import { normalizePem } from "./pem.js";
import { readPublicKey } from "./public-keys.js";
import type { TokenClaims } from "./sign-token.js";

export interface PrivateKeyOptions {
  /** A private key in PEM, not encrypted. */
  readonly pem: string;
  /** @default the first that suits the key, such as RS256 or ES256 */
  readonly algorithm?: string;
  /** What the token names the key by (`kid`). */
  readonly keyId?: string;
}

/** @throws HF_OPTION_INVALID when the text is no such key, or the algorithm does not suit it; the key is never printed */
export async function signWithKey(options: PrivateKeyOptions, claims: TokenClaims): Promise<string> {
  const key = readPrivateKey(options.pem);
  const suitable = algorithmsOf(key);
  const algorithm = options.algorithm ?? (suitable[0] as string);
  if (!(suitable as readonly string[]).includes(algorithm))
    throw refuse(
      "algorithm",
      `one of ${suitable.join(", ")} with this key, but is ${JSON.stringify(algorithm)}`,
    );
  const { keyId } = options;
  return new SignJWT({ ...claims } as Record<string, unknown>)
    .setProtectedHeader({ alg: algorithm, typ: "JWT", ...(keyId !== undefined && { kid: keyId }) })
    .sign(key);
}

/** The public key, in PEM, of a key in PEM that may be either. @throws HF_OPTION_INVALID */
export function toPublicPem(pem: string): string {
  try {
    return createPublicKey(normalizePem(pem)).export({ type: "spki", format: "pem" }).toString();
  } catch {
    throw refuse("key", "a key in PEM");
  }
}

function readPrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(normalizePem(pem));
  } catch {
    throw refuse("key", "a private key in PEM that is not encrypted");
  }
}

function algorithmsOf(key: KeyObject): readonly PublicKeyAlgorithm[] {
  const publicKey = readPublicKey(
    createPublicKey(key.export({ type: "pkcs8", format: "pem" })).export({ type: "spki", format: "pem" }),
  );
  if (typeof publicKey === "string") throw refuse("key", `a key for signatures, but is ${publicKey}`);
  return [...publicKey.algorithms];
}

function refuse(option: string, accepted: string): HoldfastError {
  return new HoldfastError("HF_OPTION_INVALID", `${option} must be ${accepted}`, { details: { option } });
}
