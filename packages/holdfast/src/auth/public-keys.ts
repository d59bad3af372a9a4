/**
 * Public keys that tokens are checked with, as PEM (SubjectPublicKeyInfo, RFC 7468 §13) or JWK (RFC 7517), and which
 * algorithms each one may be used with. Keys that are private, secret or weak are none.
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { isPublicKeyAlgorithm, type PublicKeyAlgorithm } from "./algorithms.js";
import { normalizePem } from "./pem.js";

export interface PublicKey {
  /** RFC 7517 §4.5: what a token's `kid` names it by. */
  readonly keyId?: string;
  readonly algorithms: ReadonlySet<PublicKeyAlgorithm>;
  readonly key: KeyObject;
}

/** RFC 7518 §3.3 and §3.5. */
const leastModulusBits = 2048;

const rsaAlgorithms: readonly PublicKeyAlgorithm[] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

/** RFC 7518 §3.4: each algorithm has one curve. */
const algorithmsOfCurves: Readonly<Record<string, readonly PublicKeyAlgorithm[]>> = {
  prime256v1: ["ES256"],
  secp384r1: ["ES384"],
  secp521r1: ["ES512"],
};

/** @returns the key, or what is wrong with it, which continues "the key is …" and has nothing of the key in it */
export function readPublicKey(given: unknown): PublicKey | string {
  if (typeof given === "string") return readPem(given);
  if (typeof given === "object" && given !== null && !Array.isArray(given))
    return readJwk(given as Readonly<Record<string, unknown>>);
  return "neither a PEM text nor a JWK object";
}

/** The keys that may have signed a token. Where a token or a key has no id, all that suit the algorithm may have. */
export function findKeys(
  keys: readonly PublicKey[],
  algorithm: PublicKeyAlgorithm,
  keyId: string | undefined,
): readonly PublicKey[] {
  return keys.filter(
    (key) =>
      key.algorithms.has(algorithm) &&
      (keyId === undefined || key.keyId === undefined || key.keyId === keyId),
  );
}

function readPem(given: string): PublicKey | string {
  const pem = normalizePem(given);
  // Node.js would make a public key out of a private one, and out of a certificate that may have ended.
  if (!/^\s*-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----\s*$/.test(pem))
    return "not one PEM text of the kind BEGIN PUBLIC KEY";
  return importKey(() => createPublicKey({ key: pem, format: "pem", type: "spki" }));
}

function readJwk(jwk: Readonly<Record<string, unknown>>): PublicKey | string {
  if (jwk.kty === "oct" || jwk.k !== undefined) return "a secret, which belongs to the option secret";
  if (jwk.d !== undefined) return "a private key";
  if (jwk.use !== undefined && jwk.use !== "sig") return "not for signatures (use)";
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes("verify")))
    return "not for verifying (key_ops)";
  if (jwk.kid !== undefined && typeof jwk.kid !== "string") return "named by a kid that is no string";
  const read = importKey(() => createPublicKey({ key: jwk as JsonWebKey, format: "jwk" }));
  if (typeof read === "string") return read;
  const keyId = jwk.kid === undefined ? {} : { keyId: jwk.kid };
  if (jwk.alg === undefined) return { ...read, ...keyId };
  if (!isPublicKeyAlgorithm(jwk.alg) || !read.algorithms.has(jwk.alg))
    return "for an algorithm that it does not suit (alg)";
  return { ...read, ...keyId, algorithms: new Set([jwk.alg]) };
}

function importKey(open: () => KeyObject): PublicKey | string {
  let key: KeyObject;
  try {
    key = open();
  } catch {
    return "not readable as a public key";
  }
  const algorithms = algorithmsOf(key);
  return typeof algorithms === "string" ? algorithms : { key, algorithms: new Set(algorithms) };
}

function algorithmsOf({
  asymmetricKeyType,
  asymmetricKeyDetails,
}: KeyObject): readonly PublicKeyAlgorithm[] | string {
  if (asymmetricKeyType === "ed25519") return ["EdDSA", "Ed25519"];
  if (asymmetricKeyType === "ec")
    return (
      algorithmsOfCurves[asymmetricKeyDetails?.namedCurve ?? ""] ??
      "on another curve than P-256, P-384 and P-521"
    );
  if (asymmetricKeyType !== "rsa") return "of another type than RSA, EC and Ed25519";
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  return bits >= leastModulusBits ? rsaAlgorithms : `of ${bits} bits, where RSA needs ${leastModulusBits}`;
}
