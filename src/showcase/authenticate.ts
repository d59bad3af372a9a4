/** Who a connection is: a person by the session in its cookie, or a tool of this machine. */

import type { AuthenticateContext, AuthenticatedUser } from "../app/define-app.js";
import { reject } from "../app/rejection.js";
import type { User } from "../app/user.js";
import { isLoopback } from "../requests/origins.js";
import { readSessionCookie } from "./cookies.js";
import { type Moderation, moderatedCode } from "./moderation.js";
import type { Sessions } from "./sessions.js";

export type Authenticator = (request: AuthenticateContext) => Promise<AuthenticatedUser | undefined>;

const toolMeta = Object.freeze({ isTool: true });

/** Whether it is a program of this machine, such as `holdfast publish`, which has no name but may use public channels. */
export function isTool({ id, meta }: User): boolean {
  return id === "" && meta === toolMeta;
}

export function createAuthenticate(sessions: Sessions, moderation: Moderation): Authenticator {
  return async (request) => {
    const session = await sessions.find(readSessionCookie(request.headers.cookie, request.url));
    if (session === undefined) return isFromTool(request) ? { id: "", meta: toolMeta } : undefined;
    const { user, name, expiresAt } = session;
    if (await moderation.isBanned(user)) reject(moderatedCode, "a moderator has banned you");
    return { id: user, info: { name }, expiresAt };
  };
}

/** Browsers always say an origin, and proxies whom they speak for, so that neither is taken for a program of this machine. */
function isFromTool({ headers, address }: AuthenticateContext): boolean {
  const isPassedOn = ["forwarded", "x-forwarded-for", "via"].some((name) => headers[name] !== undefined);
  return headers.origin === undefined && !isPassedOn && isLoopback(address.replace(/^::ffff:/, ""));
}
