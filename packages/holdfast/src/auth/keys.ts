/**
 * Keys that tokens are checked with: shared secrets, imported once for each algorithm, and public keys as PEM (RFC 7468 §13) or JWK
 * (RFC 7517), with the algorithms that each is suitable for. Rejects keys that are private, of the wrong kind or weak.
 */
import { createPublicKey, type JsonWebKey, type KeyObject, webcrypto } from "node:crypto";
import { invalidOption } from "../errors.js";
import {
  type HmacAlgorithm,
  hmacAlgorithms,
  isPublicKeyAlgorithm,
  minSecretBytes,
  type PublicKeyAlgorithm,
} from "./jwt-options.js";

export class SecretKeys {
  readonly #secrets: readonly Uint8Array[];
  readonly #minBytes: Readonly<Record<HmacAlgorithm, number>>;
  readonly #imported = new Map<HmacAlgorithm, Promise<readonly webcrypto.CryptoKey[]>>();

  /** @param secrets from {@link readSecrets} */
  constructor(secrets: readonly Uint8Array[], allowsWeak = false) {
    this.#secrets = secrets;
    this.#minBytes = minBytesFor(allowsWeak);
  }

  /** The algorithms that at least one secret is long enough for. */
  get algorithms(): readonly HmacAlgorithm[] {
    return hmacAlgorithms.filter((name) => this.#longEnoughFor(name).length > 0);
  }

  /** @returns the first secret that is too short for the algorithm, if any */
  findTooShort(algorithm: HmacAlgorithm): { readonly index: number; readonly bytes: number } | undefined {
    const index = this.#secrets.findIndex(({ length }) => length < this.#minBytes[algorithm]);
    return index < 0 ? undefined : { index, bytes: (this.#secrets[index] as Uint8Array).length };
  }

  /** The keys to try, the current one first, without those that are too short for the algorithm. */
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
    return this.#secrets.filter(({ length }) => length >= this.#minBytes[algorithm]);
  }
}

const anyLength = Object.freeze({ HS256: 1, HS384: 1, HS512: 1 });

function minBytesFor(allowsWeak: boolean): Readonly<Record<HmacAlgorithm, number>> {
  return allowsWeak ? anyLength : minSecretBytes;
}

/**
 * The bytes of the option `secret` (UTF-8).
 * @param algorithm which the secrets must be long enough for, unless weak ones are allowed
 * @throws HF_OPTION_INVALID if a secret is too short, or a key in PEM; secrets are never printed
 */
export function readSecrets(
  option: unknown,
  algorithm: HmacAlgorithm = "HS256",
  allowsWeak = false,
): readonly Uint8Array[] {
  const secrets: readonly unknown[] = Array.isArray(option) ? option : [option];
  if (secrets.length === 0)
    throw invalidOption("secret", "a string or a non-empty list of strings", "an empty list");
  return secrets.map((secret, index) => {
    const place = secrets.length > 1 ? ` at index ${index}` : "";
    if (typeof secret !== "string")
      throw invalidOption("secret", "a string or a list of strings", `of type ${typeof secret}${place}`);
    // With a public key as the secret, anyone could sign tokens.
    if (secret.includes("-----BEGIN"))
      throw invalidOption("secret", "a shared secret", `a key or certificate in PEM${place}`);
    const bytes = Buffer.from(secret);
    const minBytes = minBytesFor(allowsWeak)[algorithm];
    if (bytes.length < minBytes)
      throw invalidOption(
        "secret",
        `at least ${minBytes} bytes long for ${algorithm}`,
        `${bytes.length} bytes long${place}`,
      );
    return bytes;
  });
}

export interface PublicKey {
  /** RFC 7517 §4.5: matches the `kid` of a token. */
  readonly keyId?: string;
  readonly algorithms: ReadonlySet<PublicKeyAlgorithm>;
  readonly key: KeyObject;
}

/** RFC 7518 §3.3 and §3.5. */
const minModulusBits = 2048;

const rsaAlgorithms: readonly PublicKeyAlgorithm[] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

/** RFC 7518 §3.4: each algorithm has one curve. */
const algorithmsOfCurves: Readonly<Record<string, readonly PublicKeyAlgorithm[]>> = {
  prime256v1: ["ES256"],
  secp384r1: ["ES384"],
  secp521r1: ["ES512"],
};

/** @returns the key, or what is wrong with it, as the end of "the key is …", without any part of the key */
export function readPublicKey(given: unknown): PublicKey | string {
  if (typeof given === "string") return readPem(given);
  if (typeof given === "object" && given !== null && !Array.isArray(given))
    return readJwk(given as Readonly<Record<string, unknown>>);
  return "neither PEM nor a JWK object";
}

/** The keys that may have signed a token. If the token or a key has no id, the algorithm alone decides. */
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
  // Node.js would derive a public key from a private one, or from a certificate that may have expired.
  if (!/^\s*-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----\s*$/.test(pem))
    return "not PEM of the kind BEGIN PUBLIC KEY";
  return importKey(() => createPublicKey({ key: pem, format: "pem", type: "spki" }));
}

function readJwk(jwk: Readonly<Record<string, unknown>>): PublicKey | string {
  if (jwk.kty === "oct" || jwk.k !== undefined) return "a secret, which belongs to the option secret";
  if (jwk.d !== undefined) return "a private key";
  if (jwk.use !== undefined && jwk.use !== "sig") return "not for signatures (use)";
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes("verify")))
    return "not for verifying (key_ops)";
  if (jwk.kid !== undefined && typeof jwk.kid !== "string") return "named by a kid that is not a string";
  const read = importKey(() => createPublicKey({ key: jwk as JsonWebKey, format: "jwk" }));
  if (typeof read === "string") return read;
  const keyId = jwk.kid === undefined ? {} : { keyId: jwk.kid };
  if (jwk.alg === undefined) return { ...read, ...keyId };
  if (!isPublicKeyAlgorithm(jwk.alg) || !read.algorithms.has(jwk.alg))
    return "not suitable for its algorithm (alg)";
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
    return algorithmsOfCurves[asymmetricKeyDetails?.namedCurve ?? ""] ?? "not on curve P-256, P-384 or P-521";
  if (asymmetricKeyType !== "rsa") return "not of type RSA, EC or Ed25519";
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  return bits >= minModulusBits ? rsaAlgorithms : `of ${bits} bits, but RSA needs ${minModulusBits}`;
}

const pemBlock = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g;

/**
 * PEM (RFC 7468) as it comes out of variables, files and forms (line breaks escaped, lost or turned into spaces, quotes or a byte order
 * mark around it), normalized. Anything else is returned unchanged.
 */
export function normalizePem(text: string): string {
  const unescaped = text.replace(/\\r|\\n/g, "\n");
  const blocks = [...unescaped.matchAll(pemBlock)].map(
    ([, label, body = ""]) => `-----BEGIN ${label}-----\n${wrapLines(body)}\n-----END ${label}-----\n`,
  );
  const rest = unescaped.replace(pemBlock, "").replace(/["'\s]/g, "");
  return blocks.length === 0 || rest !== "" ? text : blocks.join("");
}

/** RFC 7468 §2: lines of 64 characters. */
function wrapLines(body: string): string {
  return body.replace(/\s/g, "").replace(/.{64}(?=.)/g, "$&\n");
}
