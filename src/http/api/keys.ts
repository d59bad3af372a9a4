/** Keys that requests to the server's HTTP interface come with, and what each is for. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { ApiCaller } from "../../sessions/publishing.js";
import type { Scope } from "./methods.js";

export interface ApiKey {
  readonly key: string;
  /** `publish` includes `read`, `admin` includes both. */
  readonly scope: Scope;
}

/** A key that the server knows, without the key itself. */
export interface KnownKey extends ApiCaller {
  readonly scope: Scope;
}

const keyIdBytes = 8;
const ranks: Readonly<Record<Scope, number>> = { read: 0, publish: 1, admin: 2 };

export class ApiKeys {
  readonly #known: readonly (KnownKey & { readonly digest: Buffer })[];

  constructor(keys: readonly ApiKey[]) {
    this.#known = keys.map(({ key, scope }) => {
      const digest = digestOf(key);
      return { digest, scope, keyId: digest.toString("hex", 0, keyIdBytes) };
    });
  }

  /** @returns the request's key; undefined where it has none that is known */
  find(request: IncomingMessage): KnownKey | undefined {
    const key = keyOf(request);
    if (key === undefined) return undefined;
    const digest = digestOf(key);
    let found: KnownKey | undefined;
    // All are looked at, so that the time says nothing of what a key has in common with one that is known.
    for (const known of this.#known) if (timingSafeEqual(known.digest, digest)) found = known;
    return found;
  }
}

export function isWithin(scope: Scope, needed: Scope): boolean {
  return ranks[scope] >= ranks[needed];
}

function keyOf({ headers, url = "/" }: IncomingMessage): string | undefined {
  const key = headers["x-api-key"];
  if (typeof key === "string") return key;
  const found = /^apikey (.+)$/i.exec(headers.authorization ?? "")?.[1];
  if (found !== undefined) return found;
  const query = url.indexOf("?");
  return query < 0 ? undefined : (new URLSearchParams(url.slice(query + 1)).get("api_key") ?? undefined);
}

function digestOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
