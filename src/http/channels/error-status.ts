/** Refusals as answers of HTTP: the status and the body `{"error": {"code", "message"}}`, by the codes of the protocol. */
import type { ServerResponse } from "node:http";
import { errorCodes, HoldfastError } from "../../errors.js";
import { type ReplyError, replyError } from "../../wire/codes.js";
import { httpStatusOf } from "../../wire/http-status.js";

/** What a request is answered that is not carried out. */
export interface HttpRefusal {
  readonly status: number;
  readonly error: ReplyError;
  readonly headers?: Readonly<Record<string, string>>;
}

/** RFC 9110 §11.6.1: with 401 comes how to do better; RFC 6750 §3. */
export function toHttpRefusal(error: ReplyError): HttpRefusal {
  const status = httpStatusOf(error.code);
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
  const status = thrown instanceof HoldfastError ? errorCodes[thrown.code].status : httpStatusOf(error.code);
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
