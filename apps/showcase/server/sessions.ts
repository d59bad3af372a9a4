/**
 * Who somebody is: a browser picks a name and keeps it as long as its session lasts, without a passphrase. The session is a
 * signed token with a random user id, in a cookie (RFC 6265); it is valid while the name belongs to that id, so a logout ends it.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { type AuthenticateContext, type AuthenticatedUser, reject, signToken, type User } from "holdfast";
import { createTokens, pathOf, type Tokens } from "holdfast/internal";
import { type Moderation, moderatedCode } from "./moderation.js";
import { maps, type Store } from "./store.js";
import { canonicalName, tidyName } from "./text-rules.js";

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

const cookieName = "holdfast_chat";

/** @param url path and query */
export function sessionCookieName(url: string): string {
  const query = url.indexOf("?");
  const as = query < 0 ? null : new URLSearchParams(url.slice(query + 1)).get("as");
  if (!as) return cookieName;
  return `${cookieName}_${createHash("sha256").update(as).digest("base64url").slice(0, 16)}`;
}

export function readSessionCookie(header: string | undefined, url: string): string | undefined {
  const start = `${sessionCookieName(url)}=`;
  return (header ?? "")
    .split(";")
    .map((part) => part.trim())
    .find((part) => part.startsWith(start))
    ?.slice(start.length);
}

/** Set-Cookie for a session's token; without one, what ends the cookie. */
export function sessionCookie(url: string, token: string | undefined, isSecure: boolean): string {
  const value = `${sessionCookieName(url)}=${token ?? ""}`;
  const term = token === undefined ? 0 : sessionSeconds;
  return `${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${term}${isSecure ? "; Secure" : ""}`;
}

export type Authenticator = (request: AuthenticateContext) => Promise<AuthenticatedUser | undefined>;

const toolMeta = Object.freeze({ isTool: true });

/** Whether it is somebody without a name, who may look at what is public. */
export function isGuest({ id, meta }: User): boolean {
  return id === "" && meta !== toolMeta;
}

/** Whether it is a program with the key for those, such as `holdfast publish`, which has no name but may use public channels. */
export function isTool({ id, meta }: User): boolean {
  return id === "" && meta === toolMeta;
}

/** What connections have that last, rather than single requests: those of `/connection/…`. */
interface Connected {
  readonly isConnected: boolean;
}

const connected: Connected = Object.freeze({ isConnected: true });
const asking: Connected = Object.freeze({ isConnected: false });

/** Whether it is a connection that lasts, rather than a request or a stream over plain HTTP. */
export function isConnected({ meta }: User): boolean {
  return meta === connected || meta === toolMeta;
}

/** A page may say that it needs no name: `?guest`. */
function asksAsGuest(url: string): boolean {
  return new URLSearchParams(url.split("?")[1]).has("guest");
}

/** With `?guest=only`, a connection is nobody's, whatever cookies come with it. */
function asksAsGuestOnly(url: string): boolean {
  return new URLSearchParams(url.split("?")[1]).get("guest") === "only";
}

export function createAuthenticate(
  sessions: Sessions,
  moderation: Moderation,
  programKey: string,
): Authenticator {
  const known = digestOf(programKey);
  return async (request) => {
    const meta = pathOf(request.url).includes("/connection/") ? connected : asking;
    const guest: AuthenticatedUser = { id: "", info: { name: "Guest" }, meta };
    if (asksAsGuestOnly(request.url)) return guest;
    const cookie = readSessionCookie(request.headers.cookie, request.url);
    const session = await sessions.find(cookie);
    if (session === undefined) {
      const key = keyOfProgram(request);
      if (key !== undefined) return isKey(key, known) ? { id: "", meta: toolMeta } : undefined;
      // Who had a session that is over is told so, and logs in again under the same name, unless the page needs no name.
      return cookie && !asksAsGuest(request.url) ? undefined : guest;
    }
    const { user, name, expiresAt } = session;
    if (await moderation.isBanned(user)) reject(moderatedCode, "a moderator has banned you");
    return { id: user, info: { name }, meta, expiresAt };
  };
}

/** As a field or a token; SDKs that can send no fields put them into the connect command. */
function keyOfProgram({ headers, emulatedHeaders, token }: AuthenticateContext): string | undefined {
  return headers["x-api-key"] ?? emulatedHeaders?.["x-api-key"] ?? token;
}

function isKey(given: string, known: Buffer): boolean {
  return timingSafeEqual(digestOf(given), known);
}

function digestOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
