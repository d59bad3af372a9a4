/**
 * Checks that a token was signed with one of this server's keys, and gives what it says. The algorithm decides which keys
 * are tried, and secrets and public keys never stand in for each other (RFC 8725 §2.1, §3.1).
 */
import type { KeyObject, webcrypto } from "node:crypto";
import { compactVerify, errors } from "jose";
import { type Algorithm, isHmacAlgorithm, type PublicKeyAlgorithm } from "./algorithms.js";
import { type Claims, findHeaderFault, readHeader, toClaims } from "./compact-token.js";
import { findKeys, type PublicKey } from "./public-keys.js";
import type { RemoteKeys } from "./remote-keys.js";
import type { SecretKeys } from "./secret-keys.js";

export interface VerifierSettings {
  readonly secrets?: SecretKeys;
  readonly publicKeys: readonly PublicKey[];
  readonly remoteKeys?: RemoteKeys;
  readonly algorithms: readonly Algorithm[];
  readonly maxTokenBytes: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** What is wrong never has a part of the token or of a key in it, but for the names of algorithms and keys. */
export type Verified = { readonly claims: Claims } | { readonly fault: string };

export class SignatureVerifier {
  readonly #settings: VerifierSettings;

  constructor(settings: VerifierSettings) {
    this.#settings = settings;
  }

  /** @throws HF_KEYS_UNAVAILABLE when the keys of an issuer cannot be had at the moment */
  async verify(token: string): Promise<Verified> {
    const { algorithms, maxTokenBytes } = this.#settings;
    if (Buffer.byteLength(token) > maxTokenBytes) return { fault: `a token may have ${maxTokenBytes} bytes` };
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
      return { fault: `the token was signed with none of this server's keys for ${alg}${named}` };
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

  /** @returns the payload, or undefined where the signature is of none of the keys */
  async #tryKeys(
    token: string,
    algorithm: Algorithm,
    keys: readonly (KeyObject | webcrypto.CryptoKey)[],
  ): Promise<Uint8Array | undefined> {
    for (const key of keys) {
      try {
        return (await compactVerify(token, key, { algorithms: [algorithm] })).payload;
      } catch (error) {
        // Anything but jose's own errors tells of a key that does not work, and not of the token.
        if (!(error instanceof errors.JOSEError))
          this.#settings.onError(error, { stage: "checking the signature of a token" });
      }
    }
    return undefined;
  }
}
