/** Refusals as answers of HTTP: the status and the body `{"error": {"code", "message"}}`, by the codes of the protocol. */
import type { ServerResponse } from "node:http";
import { errorCodes, HoldfastError } from "../../errors.js";
import { type ReplyError, replyError } from "../../wire/codes.js";

/** What a request is answered that is not carried out. */
export interface HttpRefusal {
  readonly status: number;
  readonly error: ReplyError;
  readonly headers?: Readonly<Record<string, string>>;
}

/** By the codes of replies. */
const statuses: Readonly<Record<number, number>> = {
  100: 500,
  101: 401,
  102: 404,
  103: 403,
  104: 404,
  105: 409,
  106: 507,
  107: 400,
  108: 400,
  109: 401,
  110: 401,
  111: 429,
  112: 410,
  113: 409,
};

/** Statuses that say something of the connection, or of a proxy, which an application cannot know. */
const ofConnections = new Set([401, 407, 408, 421, 425, 426, 431]);

/** An application's own code is the status where it is one of those that say what is wrong with a request; else 403. */
export function statusOf({ code }: ReplyError): number {
  const known = statuses[code];
  if (known !== undefined) return known;
  return code >= 400 && code < 500 && !ofConnections.has(code) ? code : 403;
}

/** RFC 9110 §11.6.1: with 401 comes how to do better; RFC 6750 §3. */
export function toHttpRefusal(error: ReplyError): HttpRefusal {
  const status = statusOf(error);
  return { status, error, ...(status === 401 && { headers: { "WWW-Authenticate": "Bearer" } }) };
}

/** @param waitMs until it is worth trying again */
export function tooMany(message: string, waitMs: number): HttpRefusal {
  return {
    status: 429,
    error: replyError("tooManyRequests", message),
    headers: { "Retry-After": String(Math.max(1, Math.ceil(waitMs / 1000))) },
  };
}

/**
 * What is answered where something was thrown.
 * @param expectedFailure the error of a failure that was foreseen; undefined for others
 * @returns undefined for what nobody foresaw
 */
export function refusalOfThrown(
  thrown: unknown,
  expectedFailure: (error: unknown) => ReplyError | undefined,
): HttpRefusal | undefined {
  const error = expectedFailure(thrown);
  if (error === undefined) return undefined;
  const status = thrown instanceof HoldfastError ? errorCodes[thrown.code].status : statusOf(error);
  return { status, error };
}

/** @param headers of the answer beside those of the refusal */
export function sendRefusal(
  response: ServerResponse,
  { status, error: { code, message, isTemporary }, headers: own }: HttpRefusal,
  headers: Readonly<Record<string, string>> = {},
): void {
  const error = { code, message, ...(isTemporary && { temporary: true }) };
  const body = Buffer.from(JSON.stringify({ error }));
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": body.length,
    "Cache-Control": "no-store",
    ...headers,
    ...own,
  });
  response.end(body);
}
