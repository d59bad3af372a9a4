/**
 * The cookie of a session (RFC 6265). `?as=NAME` in an address names a cookie of its own, so that two windows of one
 * browser can be two people.
 */
import { createHash } from "node:crypto";
import { sessionSeconds } from "./sessions.js";

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
