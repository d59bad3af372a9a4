/**
 * Logins: a browser says a name, and has it as long as its session lasts. There is no passphrase. What the cookie holds is
 * a signed token with a random user id; it counts while the name is still noted for that id, so that it ends with a logout.
 */
import { createHash, randomBytes } from "node:crypto";
import { signToken } from "holdfast";
import { createTokens, type Tokens } from "holdfast/internal";
import { canonicalName, tidyName } from "./names.js";
import { maps, type Store } from "./store.js";

/** In the map `names`. */
export interface NameRecord {
  readonly user: string;
  readonly name: string;
}

export interface Session {
  readonly user: string;
  readonly name: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

export interface SessionOptions {
  readonly store: Store;
  readonly secret: string;
  readonly now: () => number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

export const sessionSeconds = 30 * 24 * 3600;
/** A session that a visit finds older than this gets a new term. */
const renewAfterMs = 24 * 3600 * 1000;
const audience = "holdfast-showcase";

/** Of bounded length, whatever the name is. */
export function nameKey(canonical: string): string {
  return createHash("sha256").update(canonical).digest("base64url");
}

export class Sessions {
  readonly #options: SessionOptions;
  readonly #tokens: Tokens;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { secret, now, onError } = options;
    this.#tokens = createTokens({ secret, audience, algorithms: ["HS256"], now, onError });
  }

  /** @returns the session that a token stands for; undefined where it is none of ours, is over, or the name is another's now */
  async find(token: string | undefined): Promise<Session | undefined> {
    if (!token) return undefined;
    const result = await this.#tokens.verifyConnection(token);
    if (!result.isAccepted || result.identity.info === undefined) return undefined;
    const { user, info, expiresAt } = result.identity;
    const { name } = JSON.parse(info) as { readonly name: string };
    const record = await this.#options.store.read<NameRecord>(maps.names, keyOf(name));
    return record?.user === user && expiresAt !== undefined ? { user, name, expiresAt } : undefined;
  }

  /**
   * Takes a name, for somebody new or in place of the one that `present` has.
   * @returns undefined where another has it
   */
  async open(name: string, present?: Session): Promise<Session | undefined> {
    const tidy = tidyName(name);
    const user = present?.user ?? randomBytes(12).toString("base64url");
    const wanted: NameRecord = { user, name: tidy };
    const held = await this.#options.store.claim(maps.names, keyOf(tidy), wanted);
    if (held.user !== user) return undefined;
    // It may have been this person's in another spelling; and the time it stays begins anew.
    await this.#options.store.write(maps.names, keyOf(tidy), wanted);
    if (present && keyOf(present.name) !== keyOf(tidy)) await this.close(present);
    return { user, name: tidy, expiresAt: this.#options.now() + sessionSeconds * 1000 };
  }

  /** A session with a new term, where it is time for that; else the same. */
  async renew(session: Session): Promise<Session> {
    const left = session.expiresAt - this.#options.now();
    if (left > sessionSeconds * 1000 - renewAfterMs) return session;
    return (await this.open(session.name, session)) ?? session;
  }

  /** Gives the name back. */
  async close({ name }: Session): Promise<void> {
    await this.#options.store.remove(maps.names, keyOf(name));
  }

  async sign({ user, name, expiresAt }: Session): Promise<string> {
    const { secret, now } = this.#options;
    const exp = Math.floor(expiresAt / 1000);
    return await signToken(
      { secret },
      { sub: user, aud: audience, info: { name }, iat: Math.floor(now() / 1000), exp },
    );
  }
}

function keyOf(name: string): string {
  return nameKey(canonicalName(name));
}
