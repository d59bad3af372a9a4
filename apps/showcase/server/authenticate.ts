/** Who a connection is: a person by the session in its cookie, or a program of this machine by the key that it comes with. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { AuthenticateContext, AuthenticatedUser, User } from "holdfast";
import { reject } from "holdfast";
import { readSessionCookie } from "./cookies.js";
import { type Moderation, moderatedCode } from "./moderation.js";
import type { Sessions } from "./sessions.js";

export type Authenticator = (request: AuthenticateContext) => Promise<AuthenticatedUser | undefined>;

const toolMeta = Object.freeze({ isTool: true });

/** Whether it is a program with the key for those, such as `holdfast publish`, which has no name but may use public channels. */
export function isTool({ id, meta }: User): boolean {
  return id === "" && meta === toolMeta;
}

export function createAuthenticate(
  sessions: Sessions,
  moderation: Moderation,
  programKey: string,
): Authenticator {
  const known = digestOf(programKey);
  return async (request) => {
    const session = await sessions.find(readSessionCookie(request.headers.cookie, request.url));
    if (session === undefined) return hasKey(request, known) ? { id: "", meta: toolMeta } : undefined;
    const { user, name, expiresAt } = session;
    if (await moderation.isBanned(user)) reject(moderatedCode, "a moderator has banned you");
    return { id: user, info: { name }, expiresAt };
  };
}

/** As a field or a token; SDKs that can send no fields put them into the connect command. */
function hasKey({ headers, emulatedHeaders, token }: AuthenticateContext, known: Buffer): boolean {
  const given = headers["x-api-key"] ?? emulatedHeaders?.["x-api-key"] ?? token;
  return given !== undefined && timingSafeEqual(digestOf(given), known);
}

function digestOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
