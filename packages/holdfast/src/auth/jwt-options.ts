/**
 * What `jwt` accepts: options with their defaults, and algorithms (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2): those of a shared
 * secret, and those of a key pair, which are never confused. Free of Node.js, since the types of an application reach pages.
 */
import type { JWK } from "jose";

/** With a secret. */
export const hmacAlgorithms = ["HS256", "HS384", "HS512"] as const;

/** A secret must not be shorter than the hash (RFC 7518 §3.2). */
export const minSecretBytes = Object.freeze({ HS256: 32, HS384: 48, HS512: 64 }) satisfies Record<
  (typeof hmacAlgorithms)[number],
  number
>;

/** With a key pair. `Ed25519` is the newer name of `EdDSA` with keys of that curve. */
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

/** The part of `fetch` that is used. It has to obey the signal while the body is read, too. */
export type FetchKeys = (
  url: string,
  init: {
    readonly headers: Readonly<Record<string, string>>;
    readonly redirect: "manual";
    readonly signal: AbortSignal;
  },
) => Promise<Response>;

/** At least one of `secret`, `publicKeys` and `jwksUrl` is needed. */
export interface TokenOptions {
  /**
   * The secret of HS256, HS384 and HS512: at least 32, 48 and 64 bytes of UTF-8 (RFC 7518 §3.2). In a list, the first is the current one;
   * the others are accepted, too, until their tokens have expired.
   */
  readonly secret?: string | readonly string[];
  /**
   * Public keys of RS*, PS*, ES* and EdDSA: PEM (BEGIN PUBLIC KEY) or JWK objects. RSA needs 2048 bits. A token with a key id (`kid`) is
   * not tried with keys that have another.
   */
  readonly publicKeys?: readonly (string | JWK)[];
  /** URL of the issuer's JWK Set: https, or http on this machine. Redirects are not followed. */
  readonly jwksUrl?: string;
  /** `aud` must contain one of these. @default `aud` is not checked */
  readonly audience?: string | readonly string[];
  /** `iss` must be one of these. @default `iss` is not checked */
  readonly issuer?: string | readonly string[];
  /**
   * Accepted algorithms. @default all that the keys are suitable for; a secret is suitable for those that it is long enough
   * for
   */
  readonly algorithms?: readonly Algorithm[];
  /**
   * How much the clocks of issuers may differ from this one; extends the lifetime of every token.
   * @default 0
   */
  readonly clockToleranceSeconds?: number;
  /**
   * How long before its `nbf` a token is accepted, if that is more than `clockToleranceSeconds`: issuers set it to the current time, and
   * clocks that are slightly ahead are common.
   * @default 10
   */
  readonly notBeforeLeewaySeconds?: number;
  /**
   * Whether tokens must have `exp`, `aud` and `sub`, so that each one expires and names its user. Set `audience`, too, or any is
   * accepted.
   * @default false
   */
  readonly strictTokens?: boolean;
  /**
   * Accepts secrets that are shorter than their algorithm asks for, of tokens that another server has issued. Such a secret can be found
   * by trying, and then anybody can be any user: put a long one first in `secret`, sign with it, and remove the short one and this
   * as soon as old tokens have expired.
   * @default false
   */
  readonly allowWeakSecret?: boolean;
  /** Maximum size of a token, in bytes; larger ones are refused unread. @default 8192 */
  readonly maxTokenBytes?: number;
  /** The claim with the user's roles, a list of strings. @default "roles" */
  readonly roles?: string;
  /** Maximum number of revocations; beyond, adding one throws. @default 100,000 */
  readonly maxRevocations?: number;
  /** Timeout of fetching `jwksUrl`, in milliseconds. Connections that need its keys wait meanwhile. @default 5000 */
  readonly jwksTimeoutMs?: number;
  /**
   * Minimum time between two fetches of `jwksUrl`, in milliseconds. A new key of the issuer can be unknown for that long.
   * @default 30,000
   */
  readonly jwksCooldownMs?: number;
  /**
   * Maximum age of the keys of `jwksUrl`, in milliseconds, before they are fetched again. A key that the issuer has withdrawn is accepted
   * for that long, and for six times as long if fetching fails. @default 600,000
   */
  readonly jwksMaxAgeMs?: number;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Fetches `jwksUrl`. @default the global `fetch` */
  readonly fetch?: FetchKeys;
  /** Called when fetching keys fails, and for unusable keys. @default none */
  readonly onError?: (error: unknown, context: { readonly stage: string }) => void;
}
