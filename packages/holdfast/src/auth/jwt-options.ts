/**
 * What `jwt` takes: each option with its default and what changing it costs. Nothing here is of one platform, for the types of an
 * application reach pages, too.
 */
import type { JWK } from "jose";
import type { Algorithm } from "./algorithms.js";

/** What is needed of `fetch`. It has to heed the signal, while the body is read, too. */
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
   * What tokens of HS256, HS384 and HS512 are signed with: at least 32, 48 and 64 bytes of UTF-8 (RFC 7518 §3.2). Of
   * several, the first is the current one, and the others are accepted, too, while their tokens run out.
   */
  readonly secret?: string | readonly string[];
  /**
   * What tokens of RS*, PS*, ES* and EdDSA are checked with: PEM texts (BEGIN PUBLIC KEY) or JWK objects. RSA needs 2048
   * bits. A token that names a key (`kid`) is not tried with keys of other names.
   */
  readonly publicKeys?: readonly (string | JWK)[];
  /** Where the issuer offers its public keys as a JWK Set; https, or http on this machine. Redirects are not followed. */
  readonly jwksUrl?: string;
  /** One of these has to be in `aud`. @default nothing is asked of `aud` */
  readonly audience?: string | readonly string[];
  /** One of these has to be `iss`. @default nothing is asked of `iss` */
  readonly issuer?: string | readonly string[];
  /**
   * Algorithms that are accepted. @default all that suit the keys there are; a secret suits those that it is long enough
   * for
   */
  readonly algorithms?: readonly Algorithm[];
  /**
   * How much the clocks of issuers may differ from this one, which a token is then valid for longer.
   * @default 0
   */
  readonly clockToleranceSeconds?: number;
  /**
   * How long before its `nbf` a token is accepted already, where `clockToleranceSeconds` is not more: issuers write their own
   * present time there, and a clock that is a little ahead of this one is common. 0 goes by the moment.
   * @default 10
   */
  readonly notBeforeLeewaySeconds?: number;
  /**
   * Whether tokens must have `exp`, `aud` and `sub`, so that none is good for ever, for anybody or for nobody. Name the
   * `audience`, too, or any will do.
   * @default false
   */
  readonly strictTokens?: boolean;
  /** Longest token, in bytes; beyond, it is not looked at. @default 8192 */
  readonly maxTokenBytes?: number;
  /** The claim with the user's roles, a list of strings. @default "roles" */
  readonly roles?: string;
  /** Revocations that are kept; beyond, adding one throws. @default 100,000 */
  readonly maxRevocations?: number;
  /** For one fetch of `jwksUrl`. Connections that need its keys wait meanwhile. @default 5000 */
  readonly jwksTimeoutMs?: number;
  /**
   * Least time between two fetches of `jwksUrl`, whatever tokens come. A key that the issuer has begun to use can be
   * unknown for so long. @default 30,000
   */
  readonly jwksCooldownMs?: number;
  /**
   * How old keys of `jwksUrl` get before they are fetched anew; a key that the issuer has withdrawn is accepted for so
   * long, and for six times as long where fetching fails. @default 600,000
   */
  readonly jwksMaxAgeMs?: number;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Fetches `jwksUrl`. @default the platform's */
  readonly fetch?: FetchKeys;
  /** Told of fetches that fail, and of keys that cannot be used. @default nobody is told */
  readonly onError?: (error: unknown, context: { readonly stage: string }) => void;
}
