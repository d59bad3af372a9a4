/**
 * Keys that requests to the server's HTTP interface come with, and what each is for. Keys can be tried, so those that are
 * wrong are counted by address, told of, and answered with 429 beyond a rate.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Audit } from "../../observe/audit.js";
import { isLoopbackAddress, toPeerKey } from "../../requests/addresses.js";
import { queryOf } from "../../requests/credentials.js";
import { type HttpRefusal, refuse, tooMany } from "../../requests/refusals.js";
import type { AdmittedRequest } from "../../requests/request-policy.js";
import type { ApiCaller } from "../../sessions/publishing.js";
import { TokenBuckets } from "../../sessions/work.js";
import type { Clock } from "../../time/clock.js";
import type { Scope } from "./methods.js";

export interface ApiKey {
  /** At least 16 characters; or `sha256:` and the digest of a key in 64 hexadecimal digits, so that no key stands there. */
  readonly key: string;
  /** `publish` includes `read`, `admin` includes both. */
  readonly scope: Scope;
}

/** A key that the server knows, without the key itself. */
export interface KnownKey extends ApiCaller {
  readonly scope: Scope;
}

export interface ApiKeysOptions {
  readonly keys: readonly ApiKey[];
  /** Whether `?api_key=` counts. */
  readonly apiKeyInQuery: boolean;
  /** Without a trusted proxy, what comes from a loopback address may be everybody: then a right key is never kept waiting. */
  readonly countsLoopback: boolean;
  readonly clock: Clock;
  readonly audit: Audit;
}

const keyIdBytes = 8;
const ranks: Readonly<Record<Scope, number>> = { read: 0, publish: 1, admin: 2 };
const hashed = /^sha256:([0-9a-f]{64})$/i;
/** Wrong keys from one address: some at once, and then one in ten seconds. */
const guesses = { perSecond: 0.1, burst: 25 };

/** Whether a configured key is a digest, which says nothing of the key's strength. */
export function isHashedKey(key: string): boolean {
  return hashed.test(key);
}

export class ApiKeys {
  readonly #options: ApiKeysOptions;
  readonly #known: readonly (KnownKey & { readonly digest: Buffer })[];
  readonly #guesses = new TokenBuckets(guesses);

  constructor(options: ApiKeysOptions) {
    this.#options = options;
    this.#known = options.keys.map(({ key, scope }) => {
      const digest = toDigest(key);
      return { digest, scope, keyId: digest.toString("hex", 0, keyIdBytes) };
    });
  }

  /** @returns the request's key, or why it is refused */
  identify({ request, source }: AdmittedRequest): KnownKey | HttpRefusal {
    const { apiKeyInQuery, audit, clock, countsLoopback } = this.#options;
    const inQuery = queryOf(request.url).get("api_key") ?? undefined;
    const key = keyInFields(request.headers) ?? (apiKeyInQuery ? inQuery : undefined);
    if (key === undefined)
      return inQuery === undefined ? unauthorized("is missing") : unauthorized(`is missing${queryAdvice}`);
    const address = toPeerKey(source.address);
    const isCounted = countsLoopback || !isLoopbackAddress(source.address);
    const now = clock.elapsed();
    const heldOffMs = isCounted ? this.#waitMs(address, now) : 0;
    if (heldOffMs > 0) return tooManyGuesses(heldOffMs);
    const known = this.#find(key);
    if (known !== undefined) return known;
    const path = request.url.split("?", 1)[0] as string;
    audit("keyRefused", { reason: "it is not one of this server's", address: source.address, path });
    const waitMs = this.#guesses.take(address, now);
    return waitMs > 0 ? tooManyGuesses(waitMs) : unauthorized("is not one of this server's");
  }

  #find(key: string): KnownKey | undefined {
    const digest = digestOf(key);
    let found: KnownKey | undefined;
    // All are looked at, so that the time says nothing of what a key has in common with one that is known.
    for (const known of this.#known) if (timingSafeEqual(known.digest, digest)) found = known;
    return found;
  }

  /** Without taking anything. */
  #waitMs(address: string, now: number): number {
    const waitMs = this.#guesses.hold(address, now).waitMs(now);
    this.#guesses.release(address, now);
    return waitMs;
  }
}

export function isWithin(scope: Scope, needed: Scope): boolean {
  return ranks[scope] >= ranks[needed];
}

const queryAdvice = ", and ?api_key= is not accepted unless apiKeyInQuery is on";

function unauthorized(fault: string): HttpRefusal {
  return refuse(401, `The key in X-API-Key ${fault} (apiKeys, --api-key).`);
}

function tooManyGuesses(waitMs: number): HttpRefusal {
  return tooMany("wrong keys came from this address", waitMs);
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
