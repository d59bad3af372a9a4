/** What a plain request says of who sends it. */
import type { IncomingHttpHeaders } from "node:http";

/** RFC 6750 §2.1 and §2.3: the field counts before the parameter. @returns undefined where there is no token */
export function tokenOf(headers: IncomingHttpHeaders, query: URLSearchParams): string | undefined {
  const [, inField] = /^bearer +(\S+) *$/i.exec(headers.authorization ?? "") ?? [];
  return inField ?? (query.get("token") || undefined);
}
