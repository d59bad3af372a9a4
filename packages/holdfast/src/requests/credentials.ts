/** Who asks, as an ordinary request says it: with a token (RFC 6750 §2.1, §2.3), or in what an application looks at itself. */
import type { ConnectionRequest, Credentials } from "../sessions/identity.js";

/** The query of a request target; empty where it has none. */
export function queryOf(url: string): URLSearchParams {
  const start = url.indexOf("?");
  return new URLSearchParams(start < 0 ? "" : url.slice(start + 1));
}

/** The field counts before the parameter. @returns undefined where there is no token */
export function tokenOf({ headers, url }: ConnectionRequest): string | undefined {
  const [, inField] = /^bearer +(\S+) *$/i.exec(headers.authorization ?? "") ?? [];
  return inField ?? (queryOf(url).get("token") || undefined);
}

export function credentialsOf(request: ConnectionRequest): Credentials {
  const token = tokenOf(request);
  return { request, ...(token && { token }) };
}
