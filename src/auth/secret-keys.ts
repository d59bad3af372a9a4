/**
 * The secrets that tokens are signed with, imported once for each algorithm. Several are accepted while one takes over
 * from another; the first is the current one.
 */
import { webcrypto } from "node:crypto";
import { HoldfastError } from "../errors.js";
import type { HmacAlgorithm } from "./algorithms.js";

/** RFC 7518 §3.2: no shorter than the hash of HS256. HS384 and HS512 are not held to their longer hashes. */
export const leastSecretBytes = 32;

export class SecretKeys {
  readonly #secrets: readonly Uint8Array[];
  readonly #imported = new Map<HmacAlgorithm, Promise<readonly webcrypto.CryptoKey[]>>();

  /** @param secrets as {@link readSecrets} gives them */
  constructor(secrets: readonly Uint8Array[]) {
    this.#secrets = secrets;
  }

  /** The keys to try, the current one first. */
  keysFor(algorithm: HmacAlgorithm): Promise<readonly webcrypto.CryptoKey[]> {
    const known = this.#imported.get(algorithm);
    if (known) return known;
    const hash = `SHA-${algorithm.slice(2)}`;
    const imported = Promise.all(
      this.#secrets.map((secret) =>
        webcrypto.subtle.importKey("raw", secret, { name: "HMAC", hash }, false, ["verify"]),
      ),
    );
    this.#imported.set(algorithm, imported);
    return imported;
  }
}

/**
 * The bytes of the option `secret`: its UTF-8.
 * @throws HF_OPTION_INVALID for a secret that is too short, or that is the text of a key pair; it is never printed
 */
export function readSecrets(option: unknown): readonly Uint8Array[] {
  const secrets: readonly unknown[] = Array.isArray(option) ? option : [option];
  if (secrets.length === 0) refuse("a secret, or a list of secrets", "an empty list");
  return secrets.map((secret, index) => {
    const place = secrets.length > 1 ? ` at place ${index}` : "";
    if (typeof secret !== "string") refuse("a text, or a list of texts", `of type ${typeof secret}${place}`);
    // A public key is known to anybody, who could sign with it if it served as a secret.
    if (secret.includes("-----BEGIN")) refuse("a secret", `a key or certificate in PEM${place}`);
    const bytes = Buffer.from(secret);
    if (bytes.length < leastSecretBytes)
      refuse(`at least ${leastSecretBytes} bytes long`, `${bytes.length} bytes long${place}`);
    return bytes;
  });
}

function refuse(accepted: string, given: string): never {
  throw new HoldfastError("HF_OPTION_INVALID", `secret must be ${accepted}, but is ${given}`, {
    details: { option: "secret" },
  });
}
