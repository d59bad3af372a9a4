/**
 * Keys of API requests, and their scopes. Keys can be guessed, so wrong ones are counted by address, audited, and answered
 * with 429 beyond a rate.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Audit } from "../../observe/audit.js";
import { toPeerKey } from "../../requests/addresses.js";
import { queryOf } from "../../requests/exchange.js";
import { type HttpRefusal, refuse, tooMany } from "../../requests/refusals.js";
import type { AdmittedRequest } from "../../requests/request-policy.js";
import type { ApiCaller } from "../../sessions/publishing.js";
import type { Clock } from "../../time/clock.js";
import { TokenBuckets } from "../../time/token-bucket.js";
import type { Scope } from "./api-method.js";

export interface ApiKey {
  /** At least 16 characters; or `sha256:` and the key's digest in 64 hexadecimal digits, which keeps the key itself secret. */
  readonly key: string;
  /** `publish` includes `read`, `admin` includes both. */
  readonly scope: Scope;
  /** What the audit calls it, such as the back end or the person that has it. @default "api" */
  readonly name?: string;
}

/** A key of this server, without the secret. */
export interface KnownKey extends ApiCaller {
  readonly scope: Scope;
  readonly name: string;
}

const defaultName = "api";

export interface ApiKeysOptions {
  readonly keys: readonly ApiKey[];
  /** Whether `?api_key=` counts. */
  readonly apiKeyInQuery: boolean;
  /** The key an address is counted by; empty if it may be everybody: then a right key never has to wait. */
  readonly peerKeyOf: (address: string) => string;
  readonly clock: Clock;
  readonly audit: Audit;
}

const keyIdBytes = 8;
const ranks: Readonly<Record<Scope, number>> = { read: 0, publish: 1, admin: 2 };
const hashed = /^sha256:([0-9a-f]{64})$/i;
/** Wrong keys of one address: a few at once, then one every ten seconds. */
const guesses = { perSecond: 0.1, burst: 25 };

/** Whether a configured key is a digest, which says nothing about the key's strength. */
export function isHashedKey(key: string): boolean {
  return hashed.test(key);
}

export class ApiKeys {
  readonly #options: ApiKeysOptions;
  readonly #known: readonly (KnownKey & { readonly digest: Buffer })[];
  readonly #guesses = new TokenBuckets(guesses);

  constructor(options: ApiKeysOptions) {
    this.#options = options;
    this.#known = options.keys.map(({ key, scope, name = defaultName }) => {
      const digest = toDigest(key);
      return { digest, scope, name, keyId: digest.toString("hex", 0, keyIdBytes) };
    });
  }

  /** Whether no key exists, so that every request is refused. */
  get isEmpty(): boolean {
    return this.#known.length === 0;
  }

  /** @returns the request's key, or why it is refused */
  identify({ request, source }: AdmittedRequest): KnownKey | HttpRefusal {
    const { apiKeyInQuery, audit, clock, peerKeyOf } = this.#options;
    const inQuery = queryOf(request.url).get("api_key") ?? undefined;
    const key = keyInFields(request.headers) ?? (apiKeyInQuery ? inQuery : undefined);
    if (key === undefined)
      return inQuery === undefined ? unauthorized("is missing") : unauthorized(`is missing${queryAdvice}`);
    const address = toPeerKey(source.address);
    const now = clock.elapsed();
    const blockedMs = peerKeyOf(source.address) === "" ? 0 : this.#waitMs(address, now);
    if (blockedMs > 0) return tooManyGuesses(blockedMs);
    const known = this.#find(key);
    if (known !== undefined) return known;
    const path = request.url.split("?", 1)[0] as string;
    audit("keyRefused", { reason: "unknown key", address: source.address, path });
    const waitMs = this.#guesses.take(address, now);
    return waitMs > 0 ? tooManyGuesses(waitMs) : unauthorized("is unknown");
  }

  #find(key: string): KnownKey | undefined {
    const digest = digestOf(key);
    let found: KnownKey | undefined;
    // All are compared, so that the time reveals nothing about a key.
    for (const known of this.#known) if (timingSafeEqual(known.digest, digest)) found = known;
    return found;
  }

  /** Takes nothing. */
  #waitMs(address: string, now: number): number {
    const waitMs = this.#guesses.hold(address, now).waitMs(now);
    this.#guesses.release(address, now);
    return waitMs;
  }
}

export function isWithin(scope: Scope, needed: Scope): boolean {
  return ranks[scope] >= ranks[needed];
}

const queryAdvice = "; ?api_key= is accepted only with the option apiKeyInQuery";

function unauthorized(fault: string): HttpRefusal {
  return refuse(401, `The API key ${fault}. Send one of apiKeys (--api-keys) as X-API-Key.`);
}

function tooManyGuesses(waitMs: number): HttpRefusal {
  return tooMany("too many wrong keys from this address", waitMs);
}

function keyInFields(headers: AdmittedRequest["request"]["headers"]): string | undefined {
  return headers["x-api-key"] ?? /^apikey (.+)$/i.exec(headers.authorization ?? "")?.[1];
}

function toDigest(configured: string): Buffer {
  const [, hex] = hashed.exec(configured) ?? [];
  return hex === undefined ? digestOf(configured) : Buffer.from(hex, "hex");
}

function digestOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
