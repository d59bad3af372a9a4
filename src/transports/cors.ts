/** Which pages may read an answer (Fetch standard, §3.2): the same ones that may connect. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AllowedOrigins } from "./origins.js";

/** How long a browser may remember the answer to a preflight, in seconds. */
const preflightSeconds = "300";

/** For an answer to a page that is not refused. Where every page may connect, none may send what it has signed in with. */
export function corsHeaders(origin: string | undefined, allowed: AllowedOrigins): Record<string, string> {
  if (origin === undefined) return allowed === "*" ? {} : { Vary: "Origin" };
  if (allowed === "*") return { "Access-Control-Allow-Origin": "*" };
  return {
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Allow-Credentials": "true",
    Vary: "Origin",
  };
}

/** Answers the request that browsers send ahead. @param methods such as "POST, OPTIONS" */
export function answerPreflight(
  request: IncomingMessage,
  response: ServerResponse,
  methods: string,
  cors: Readonly<Record<string, string>>,
): void {
  const asked = request.headers["access-control-request-headers"];
  response.writeHead(204, {
    ...cors,
    Allow: methods,
    "Access-Control-Allow-Methods": methods,
    "Access-Control-Max-Age": preflightSeconds,
    ...(asked !== undefined && { "Access-Control-Allow-Headers": asked }),
  });
  response.end();
}
