/**
 * Public keys that an issuer publishes as a JWK Set (RFC 7517 §5). Owns when they are fetched, which tokens cannot make more frequent, and
 * bounds the size and time of a fetch. Used in place of jose's, which has a clock of its own, no bound for the size, and a fetch for each
 * token while fetching fails.
 */
import { HoldfastError, messageOf } from "../errors.js";
import type { FetchKeys, PublicKeyAlgorithm } from "./jwt-options.js";
import { findKeys, type PublicKey, readPublicKey } from "./keys.js";

export interface RemoteKeysSettings {
  readonly url: string;
  readonly fetch: FetchKeys;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** For one fetch, including its body. */
  readonly timeoutMs: number;
  /** Minimum time between the starts of two fetches, whether they succeed or not. */
  readonly cooldownMs: number;
  /** Maximum age of keys before they are fetched again. */
  readonly maxAgeMs: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

const maxBodyBytes = 256 * 1024;
/** A token without `kid` is tried with every suitable key. */
const maxKeys = 100;
/** While fetching fails, the keys are used until this multiple of their maximum age. */
const graceFactor = 6;

export class RemoteKeys {
  readonly #settings: RemoteKeysSettings;
  #keys: readonly PublicKey[] = [];
  /** Number of successful fetches. */
  #fetches = 0;
  #fetchedAt: number | undefined;
  #triedAt: number | undefined;
  /** Why the last fetch failed, if it did. */
  #failure: unknown;
  #pending: Promise<void> | undefined;

  constructor(settings: RemoteKeysSettings) {
    this.#settings = settings;
  }

  /**
   * The keys that may have signed a token; none if the issuer has none, according to a fetch since the call.
   * @throws HF_KEYS_UNAVAILABLE if that is unknown: a fetch failed, or none may start yet, so trying again may help
   */
  async find(algorithm: PublicKeyAlgorithm, keyId: string | undefined): Promise<readonly PublicKey[]> {
    const { maxAgeMs } = this.#settings;
    const fetches = this.#fetches;
    if (!this.#isWithin(this.#fetchedAt, maxAgeMs)) {
      const refreshed = this.#refresh();
      // Slightly outdated keys serve meanwhile, so that clients do not wait for a slow issuer.
      if (!this.#isWithin(this.#fetchedAt, maxAgeMs * graceFactor)) await refreshed;
    }
    if (!this.#isWithin(this.#fetchedAt, maxAgeMs * graceFactor)) throw this.#unavailable();
    const found = findKeys(this.#keys, algorithm, keyId);
    if (found.length > 0 || this.#fetches > fetches) return found;
    await this.#refresh();
    const foundAnew = findKeys(this.#keys, algorithm, keyId);
    if (foundAnew.length === 0 && this.#fetches === fetches) throw this.#unavailable();
    return foundAnew;
  }

  /** Never rejects. */
  #refresh(): Promise<void> {
    if (this.#pending) return this.#pending;
    const { now, cooldownMs, onError } = this.#settings;
    if (this.#isWithin(this.#triedAt, cooldownMs)) return Promise.resolve();
    this.#triedAt = now();
    this.#pending = this.#fetch()
      .then(
        (keys) => {
          this.#keys = keys;
          this.#fetches++;
          this.#fetchedAt = now();
          this.#failure = undefined;
        },
        (error: unknown) => {
          this.#failure = error;
          onError(this.#unavailable(), { stage: "fetching the keys of tokens" });
        },
      )
      .finally(() => {
        this.#pending = undefined;
      });
    return this.#pending;
  }

  async #fetch(): Promise<readonly PublicKey[]> {
    const { fetch, url, timeoutMs } = this.#settings;
    const response = await fetch(url, {
      headers: { Accept: "application/jwk-set+json, application/json" },
      // A redirect leads to an address that the operator has not chosen.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`the answer has status ${response.status}`);
    }
    return readKeySet(await readBody(response));
  }

  /** False if the clock has been set back. */
  #isWithin(at: number | undefined, durationMs: number): boolean {
    if (at === undefined) return false;
    const age = this.#settings.now() - at;
    return age >= 0 && age < durationMs;
  }

  #unavailable(): HoldfastError {
    const { url, cooldownMs } = this.#settings;
    const { origin, pathname } = new URL(url);
    const why =
      this.#failure === undefined
        ? `unknown key; keys are fetched at most every ${cooldownMs} ms`
        : describe(this.#failure);
    return new HoldfastError("HF_KEYS_UNAVAILABLE", `keys of tokens from ${origin}${pathname}: ${why}`, {
      cause: this.#failure,
    });
  }
}

/** `fetch` explains a failure in its cause. */
function describe(failure: unknown): string {
  const cause = failure instanceof Error ? failure.cause : undefined;
  return cause === undefined ? messageOf(failure) : `${messageOf(failure)} (${messageOf(cause)})`;
}

async function readBody(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the stream.
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += part.length;
    if (bytes > maxBodyBytes) throw new Error(`the answer has more than ${maxBodyBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function readKeySet(text: string): readonly PublicKey[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("the answer is not JSON");
  }
  const keys = (value as { readonly keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new Error("the answer is not a JWK Set, an object with a list of keys");
  if (keys.length > maxKeys) throw new Error(`the answer has more than ${maxKeys} keys`);
  // RFC 7517 §5: unknown members are ignored.
  const usable = keys
    .filter((key) => typeof key === "object")
    .map(readPublicKey)
    .filter((key) => typeof key !== "string");
  if (usable.length === 0) throw new Error("the answer has no usable key");
  return usable;
}
