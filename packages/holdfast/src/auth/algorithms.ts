/**
 * The signature algorithms of tokens: RFC 7518 §3.1, RFC 8037 §3.1 and RFC 9864 §2.2. Two kinds that never meet: those
 * of a secret that both sides know, and those of a key pair. `none` is no algorithm here.
 */

/** Takes a secret. */
export const hmacAlgorithms = ["HS256", "HS384", "HS512"] as const;

/** Bytes of their hashes, which a secret must not be shorter than (RFC 7518 §3.2). */
export const leastSecretBytes = Object.freeze({ HS256: 32, HS384: 48, HS512: 64 }) satisfies Record<
  (typeof hmacAlgorithms)[number],
  number
>;

/** Takes a public key. `Ed25519` is the newer name of what `EdDSA` does with keys of that curve. */
export const publicKeyAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

export type HmacAlgorithm = (typeof hmacAlgorithms)[number];
export type PublicKeyAlgorithm = (typeof publicKeyAlgorithms)[number];
export type Algorithm = HmacAlgorithm | PublicKeyAlgorithm;

export function isHmacAlgorithm(name: unknown): name is HmacAlgorithm {
  return (hmacAlgorithms as readonly unknown[]).includes(name);
}

export function isPublicKeyAlgorithm(name: unknown): name is PublicKeyAlgorithm {
  return (publicKeyAlgorithms as readonly unknown[]).includes(name);
}
