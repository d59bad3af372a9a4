/** HTTP statuses for the codes of the client protocol (docs/reference/codes.md). */
import { disconnectTable, errorTable } from "../../wire/codes.js";

const statuses: Readonly<Record<number, number>> = {
  [errorTable.internal.code]: 500,
  [errorTable.unauthorized.code]: 401,
  [errorTable.unknownChannel.code]: 404,
  [errorTable.permissionDenied.code]: 403,
  [errorTable.methodNotFound.code]: 404,
  [errorTable.alreadySubscribed.code]: 409,
  [errorTable.limitExceeded.code]: 429,
  [errorTable.tokenExpired.code]: 401,
  [errorTable.expired.code]: 401,
  [errorTable.tooManyRequests.code]: 429,
  [errorTable.unrecoverablePosition.code]: 410,
  [errorTable.concurrentPagination.code]: 409,
  [disconnectTable.shutdown.code]: 503,
  [disconnectTable.internalError.code]: 500,
  [disconnectTable.connectionExpired.code]: 401,
  [disconnectTable.subscriptionExpired.code]: 401,
  [disconnectTable.insufficientState.code]: 503,
  [disconnectTable.forceReconnect.code]: 503,
  [disconnectTable.tooManyRequests.code]: 429,
  [disconnectTable.invalidToken.code]: 401,
  [disconnectTable.stale.code]: 503,
  [disconnectTable.forceDisconnect.code]: 403,
  [disconnectTable.connectionLimit.code]: 429,
  [disconnectTable.channelLimit.code]: 429,
  [disconnectTable.permissionDenied.code]: 403,
};

/** Of an error in a reply, or of a disconnect. What applications refuse with codes of their own is forbidden. */
export function statusOf(code: number): number {
  const isApplications = (code >= 400 && code < 2000) || code >= 4000;
  return statuses[code] ?? (isApplications ? 403 : 400);
}

/** For rejections that have a status only: the error in a reply that says the same. */
export function errorCodeFor(status: number): number {
  if (status === 403) return errorTable.permissionDenied.code;
  if (status === 429 || status === 503) return errorTable.tooManyRequests.code;
  return errorTable.badRequest.code;
}
