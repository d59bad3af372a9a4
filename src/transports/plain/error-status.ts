/** HTTP statuses for the codes of the client protocol (docs/reference/codes.md). */
import { comesBackAfter, disconnectTable, errorTable } from "../../wire/codes.js";
import { httpStatusOf } from "../../wire/http-status.js";

const statuses: Readonly<Record<number, number>> = {
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

/** Of an error in a reply, or of a disconnect, of which applications have their own, too. */
export function statusOf(code: number): number {
  if (code < 2000) return httpStatusOf(code);
  const known = statuses[code];
  if (known !== undefined) return known;
  if (code >= 4000) return 403;
  return code >= 3000 && comesBackAfter(code) ? 503 : 400;
}

/** For rejections that have a status only: the error in a reply that says the same. */
export function errorCodeFor(status: number): number {
  if (status === 403) return errorTable.permissionDenied.code;
  if (status === 429 || status === 503) return errorTable.tooManyRequests.code;
  return errorTable.badRequest.code;
}
