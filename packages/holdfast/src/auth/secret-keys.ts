/**
 * The secrets that tokens are signed with, imported once for each algorithm. Several are accepted while one takes over
 * from another; the first is the current one.
 */
import { webcrypto } from "node:crypto";
import { HoldfastError } from "../errors.js";
import { type HmacAlgorithm, hmacAlgorithms, leastSecretBytes } from "./algorithms.js";

export class SecretKeys {
  readonly #secrets: readonly Uint8Array[];
  readonly #imported = new Map<HmacAlgorithm, Promise<readonly webcrypto.CryptoKey[]>>();

  /** @param secrets as {@link readSecrets} gives them */
  constructor(secrets: readonly Uint8Array[]) {
    this.#secrets = secrets;
  }

  /** The algorithms that at least one secret is long enough for. */
  get algorithms(): readonly HmacAlgorithm[] {
    return hmacAlgorithms.filter((name) => this.#longEnoughFor(name).length > 0);
  }

  /** @returns the place and the bytes of a secret that is too short for the algorithm */
  findTooShort(algorithm: HmacAlgorithm): { readonly index: number; readonly bytes: number } | undefined {
    const index = this.#secrets.findIndex(({ length }) => length < leastSecretBytes[algorithm]);
    return index < 0 ? undefined : { index, bytes: (this.#secrets[index] as Uint8Array).length };
  }

  /** The keys to try, the current one first. Secrets that are too short for the algorithm are not among them. */
  keysFor(algorithm: HmacAlgorithm): Promise<readonly webcrypto.CryptoKey[]> {
    const known = this.#imported.get(algorithm);
    if (known) return known;
    const hash = `SHA-${algorithm.slice(2)}`;
    const imported = Promise.all(
      this.#longEnoughFor(algorithm).map((secret) =>
        webcrypto.subtle.importKey("raw", secret, { name: "HMAC", hash }, false, ["verify"]),
      ),
    );
    this.#imported.set(algorithm, imported);
    return imported;
  }

  #longEnoughFor(algorithm: HmacAlgorithm): readonly Uint8Array[] {
    return this.#secrets.filter(({ length }) => length >= leastSecretBytes[algorithm]);
  }
}

/**
 * The bytes of the option `secret`: its UTF-8.
 * @param algorithm what they have to be long enough for
 * @throws HF_OPTION_INVALID for a secret that is too short, or that is the text of a key pair; it is never printed
 */
export function readSecrets(option: unknown, algorithm: HmacAlgorithm = "HS256"): readonly Uint8Array[] {
  const secrets: readonly unknown[] = Array.isArray(option) ? option : [option];
  if (secrets.length === 0) refuse("a secret, or a list of secrets", "an empty list");
  return secrets.map((secret, index) => {
    const place = secrets.length > 1 ? ` at place ${index}` : "";
    if (typeof secret !== "string") refuse("a text, or a list of texts", `of type ${typeof secret}${place}`);
    // A public key is known to anybody, who could sign with it if it served as a secret.
    if (secret.includes("-----BEGIN")) refuse("a secret", `a key or certificate in PEM${place}`);
    const bytes = Buffer.from(secret);
    const least = leastSecretBytes[algorithm];
    if (bytes.length < least)
      refuse(`at least ${least} bytes long for ${algorithm}`, `${bytes.length} bytes long${place}`);
    return bytes;
  });
}

function refuse(accepted: string, given: string): never {
  throw new HoldfastError("HF_OPTION_INVALID", `secret must be ${accepted}, but is ${given}`, {
    details: { option: "secret" },
  });
}
