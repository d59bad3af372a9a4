/** Keys that requests to the server's HTTP interface come with, and what each is for. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Scope } from "./methods.js";

export interface ApiKey {
  readonly key: string;
  /** `publish` includes `read`, `admin` includes both. */
  readonly scope: Scope;
}

const ranks: Readonly<Record<Scope, number>> = { read: 0, publish: 1, admin: 2 };

export class ApiKeys {
  readonly #known: readonly { readonly digest: Buffer; readonly scope: Scope }[];

  constructor(keys: readonly ApiKey[]) {
    this.#known = keys.map(({ key, scope }) => ({ digest: digestOf(key), scope }));
  }

  /** @returns what the request's key is for; undefined where it has none that is known */
  scopeOf(request: IncomingMessage): Scope | undefined {
    const key = keyOf(request);
    if (key === undefined) return undefined;
    const digest = digestOf(key);
    let found: Scope | undefined;
    // All are looked at, so that the time says nothing of what a key has in common with one that is known.
    for (const { digest: known, scope } of this.#known) if (timingSafeEqual(known, digest)) found = scope;
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
