/** Who asks, as an ordinary request says it: with a token (RFC 6750 §2.1, §2.3), or in what an application looks at itself. */
import type { IncomingMessage } from "node:http";
import type { ConnectionRequest, Credentials } from "../../sessions/identity.js";

/** The query of a request target; empty where it has none. */
export function queryOf(url: string): URLSearchParams {
  const start = url.indexOf("?");
  return new URLSearchParams(start < 0 ? "" : url.slice(start + 1));
}

/** @param address whom it comes from, as a trusted proxy has it */
export function credentialsOf({ headers, url = "/" }: IncomingMessage, address: string): Credentials {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.authorization ?? "")?.[1];
  const token = bearer ?? queryOf(url).get("token");
  // Of a request, no field but Set-Cookie comes as a list, and that one means nothing here.
  const request = { headers: headers as ConnectionRequest["headers"], url, address };
  return { request, ...(token && { token }) };
}
