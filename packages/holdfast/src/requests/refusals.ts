/**
 * Refusals as answers of HTTP, for every path: the status, and the body `{"error": {"code", "message"}}` with the codes of
 * the client protocol (docs/reference/codes.md). Pages get the sentence alone, since a person reads it.
 */
import type { ServerResponse } from "node:http";
import { errorCodes, HoldfastError } from "../errors.js";
import {
  comesBackAfter,
  disconnectTable,
  errorTable,
  httpStatusOf,
  type ReplyError,
  replyError,
} from "../wire/codes.js";

/** What a request is answered that is not carried out. */
export interface HttpRefusal {
  readonly status: number;
  readonly error: ReplyError;
  readonly headers?: Readonly<Record<string, string>>;
}

const ofDisconnects: Readonly<Record<number, number>> = {
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

/** The status of an error in a reply, or of a disconnect; applications have codes of their own for both. */
export function statusOf(code: number): number {
  if (code < 2000) return httpStatusOf(code);
  const known = ofDisconnects[code];
  if (known !== undefined) return known;
  if (code >= 4000) return 403;
  return code >= 3000 && comesBackAfter(code) ? 503 : 400;
}

/** The error of a reply that says the same as a status. */
export function errorCodeFor(status: number): number {
  if (status === 401) return errorTable.unauthorized.code;
  if (status === 403) return errorTable.permissionDenied.code;
  if (status === 429 || status === 503) return errorTable.tooManyRequests.code;
  return status >= 500 ? errorTable.internal.code : errorTable.badRequest.code;
}

/** @param message a sentence for whoever wrote the client */
export function refuse(
  status: number,
  message: string,
  headers?: Readonly<Record<string, string>>,
): HttpRefusal {
  const error = { code: errorCodeFor(status), message, isTemporary: status === 429 || status === 503 };
  return { status, error, ...(headers && { headers }) };
}

/** RFC 9110 §11.6.1: with 401 comes how to do better; RFC 6750 §3. */
export function toHttpRefusal(error: ReplyError): HttpRefusal {
  const status = statusOf(error.code);
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

/** @param methods that the path takes */
export function methodNotAllowed(method: string | undefined, methods: readonly string[]): HttpRefusal {
  const allowed = methods.join(", ");
  return refuse(405, `${method} is not accepted here, only ${allowed}.`, { Allow: `${allowed}, OPTIONS` });
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
  form: "json" | "text" = "json",
): void {
  const error = { code, message, ...(isTemporary && { temporary: true }) };
  const body = Buffer.from(`${form === "json" ? JSON.stringify({ error }) : message}\n`);
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
