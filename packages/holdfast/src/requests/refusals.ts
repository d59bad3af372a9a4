/**
 * Refusals over HTTP, the same for every path: the status, and the body `{"error": {"code", "message"}}` with the codes of the
 * client protocol (docs/reference/codes.md). People get plain text: the message alone.
 */
import type { ServerResponse } from "node:http";
import { errorCodes, HoldfastError } from "../errors.js";
import {
  disconnectTable,
  errorTable,
  httpStatusOf,
  type ReplyError,
  reconnectsAfter,
  replyError,
} from "../wire/codes.js";
import type { HeaderFields } from "./origins.js";

/** The answer to a request that is not carried out. */
export interface HttpRefusal {
  readonly status: number;
  readonly error: ReplyError;
  readonly headers?: HeaderFields;
}

/** `json` for programs, `text` for people. */
export type RefusalForm = "json" | "text";

const statusByDisconnect: Readonly<Record<number, number>> = {
  [disconnectTable.shutdown.code]: 503,
  [disconnectTable.internalError.code]: 500,
  [disconnectTable.connectionExpired.code]: 401,
  [disconnectTable.subscriptionExpired.code]: 401,
  [disconnectTable.insufficientState.code]: 503,
  [disconnectTable.forceReconnect.code]: 503,
  [disconnectTable.tooManyRequests.code]: 429,
  [disconnectTable.invalidToken.code]: 401,
  [disconnectTable.forceDisconnect.code]: 403,
  [disconnectTable.connectionLimit.code]: 429,
  [disconnectTable.channelLimit.code]: 429,
  [disconnectTable.permissionDenied.code]: 403,
};

/** The status for the code of an error reply or of a disconnect; applications may use their own codes for both. */
export function statusOf(code: number): number {
  if (code < 2000) return httpStatusOf(code);
  const known = statusByDisconnect[code];
  if (known !== undefined) return known;
  if (code >= 4000) return 403;
  return code >= 3000 && reconnectsAfter(code) ? 503 : 400;
}

/** The error code with the meaning of a status. */
export function errorCodeFor(status: number): number {
  if (status === 401) return errorTable.unauthorized.code;
  if (status === 403) return errorTable.permissionDenied.code;
  if (status === 429 || status === 503) return errorTable.tooManyRequests.code;
  return status >= 500 ? errorTable.internal.code : errorTable.badRequest.code;
}

/** @param message a sentence for the client's developer */
export function refuse(status: number, message: string, headers?: HeaderFields): HttpRefusal {
  const error = { code: errorCodeFor(status), message, isTemporary: status === 429 || status === 503 };
  return { status, error, ...(headers && { headers }) };
}

export function toHttpRefusal(error: ReplyError): HttpRefusal {
  const status = statusOf(error.code);
  return { status, error, headers: challengeFor(status) };
}

/** RFC 9110 §11.6.1, RFC 6750 §3: status 401 says which credentials are accepted. */
export function challengeFor(status: number): HeaderFields {
  return status === 401 ? { "WWW-Authenticate": "Bearer" } : {};
}

/** RFC 9110 §10.2.3. @param waitMs until another try makes sense */
export function retryAfter(waitMs: number): HeaderFields {
  return { "Retry-After": String(Math.max(1, Math.ceil(waitMs / 1000))) };
}

/** @param waitMs until another try makes sense */
export function tooMany(message: string, waitMs: number): HttpRefusal {
  return { status: 429, error: replyError("tooManyRequests", message), headers: retryAfter(waitMs) };
}

/** @param methods that the path accepts */
export function methodNotAllowed(method: string | undefined, methods: readonly string[]): HttpRefusal {
  const allowed = methods.join(", ");
  return refuse(405, `${method} is not allowed here, only ${allowed}.`, { Allow: `${allowed}, OPTIONS` });
}

/**
 * The answer to a request whose handler threw.
 * @param expectedFailure the error to answer an expected failure with; undefined for others
 * @returns undefined for an unexpected failure
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

/** @param headers of the answer besides those of the refusal */
export function sendRefusal(
  response: ServerResponse,
  { status, error: { code, message, isTemporary }, headers: own }: HttpRefusal,
  headers: HeaderFields = {},
  form: RefusalForm = "json",
): void {
  const error = { code, message, ...(isTemporary && { temporary: true }) };
  const body = Buffer.from(`${form === "json" ? JSON.stringify({ error }) : message}\n`);
  // The body that came with the request is read and dropped, so that the connection can go on.
  response.req?.resume();
  response.writeHead(status, {
    "Content-Type": form === "json" ? "application/json" : "text/plain; charset=utf-8",
    "Content-Length": body.length,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...headers,
    ...own,
  });
  response.end(body);
}
