/**
 * The numbers of the client protocol and their texts: errors in replies, disconnects (which are WebSocket close codes)
 * and unsubscribe pushes. SDKs act on the numbers; the texts are for people.
 */

/** Errors in replies. `isTemporary` tells SDKs to retry on their own. */
export const errorTable = {
  internal: { code: 100, message: "internal server error", isTemporary: true },
  unauthorized: { code: 101, message: "unauthorized", isTemporary: false },
  unknownChannel: { code: 102, message: "unknown channel", isTemporary: false },
  permissionDenied: { code: 103, message: "permission denied", isTemporary: false },
  methodNotFound: { code: 104, message: "method not found", isTemporary: false },
  alreadySubscribed: { code: 105, message: "already subscribed", isTemporary: false },
  limitExceeded: { code: 106, message: "limit exceeded", isTemporary: false },
  badRequest: { code: 107, message: "bad request", isTemporary: false },
  notAvailable: { code: 108, message: "not available", isTemporary: false },
  tokenExpired: { code: 109, message: "token expired", isTemporary: false },
  expired: { code: 110, message: "expired", isTemporary: false },
  tooManyRequests: { code: 111, message: "too many requests", isTemporary: true },
  unrecoverablePosition: { code: 112, message: "unrecoverable position", isTemporary: false },
  concurrentPagination: { code: 113, message: "concurrent pagination", isTemporary: true },
} as const;

export type ErrorName = keyof typeof errorTable;

/** An error in a reply. */
export interface ReplyError {
  readonly code: number;
  readonly message: string;
  readonly isTemporary: boolean;
}

/** @param detail what was wrong and what is accepted; follows the standard text after a colon */
export function replyError(name: ErrorName, detail?: string): ReplyError {
  const { code, message, isTemporary } = errorTable[name];
  return { code, message: detail === undefined ? message : `${message}: ${detail}`, isTemporary };
}

/**
 * Reasons to end a connection. SDKs reconnect after 3000–3499 and 4000–4499 and stay away after 3500–3999 and
 * 4500–4999, unless the reason is empty, which it never is here.
 */
export const disconnectTable = {
  shutdown: { code: 3001, reason: "shutdown" },
  internalError: { code: 3004, reason: "internal server error" },
  connectionExpired: { code: 3005, reason: "connection expired" },
  subscriptionExpired: { code: 3006, reason: "subscription expired" },
  slow: { code: 3008, reason: "slow" },
  insufficientState: { code: 3010, reason: "insufficient state" },
  forceReconnect: { code: 3011, reason: "force reconnect" },
  noPong: { code: 3012, reason: "no pong" },
  tooManyRequests: { code: 3013, reason: "too many requests" },
  invalidToken: { code: 3500, reason: "invalid token" },
  badRequest: { code: 3501, reason: "bad request" },
  stale: { code: 3502, reason: "stale" },
  forceDisconnect: { code: 3503, reason: "force disconnect" },
  connectionLimit: { code: 3504, reason: "connection limit" },
  channelLimit: { code: 3505, reason: "channel limit" },
  inappropriateProtocol: { code: 3506, reason: "inappropriate protocol" },
  permissionDenied: { code: 3507, reason: "permission denied" },
  notAvailable: { code: 3508, reason: "not available" },
} as const;

export type DisconnectName = keyof typeof disconnectTable;

export interface Disconnect {
  readonly code: number;
  readonly reason: string;
}

/** Whether SDKs reconnect after a connection that ended with the code. */
export function reconnectsAfter(code: number): boolean {
  return code < 3500 || (code >= 4000 && code < 4500) || code >= 5000;
}

/** @param detail follows the standard text after a colon; transports shorten the result to what their close can carry */
export function disconnect(name: DisconnectName, detail?: string): Disconnect {
  const { code, reason } = disconnectTable[name];
  return { code, reason: detail === undefined ? reason : `${reason}: ${detail}` };
}

/** Unsubscribe pushes: below 2500 the subscription ends, from 2500 on SDKs subscribe again and recover. */
export const unsubscribeTable = {
  server: { code: 2000, reason: "server unsubscribe" },
  insufficientState: { code: 2500, reason: "insufficient state" },
  expired: { code: 2501, reason: "subscription expired" },
  /** SDKs fetch a new token and subscribe again. */
  revoked: { code: 2502, reason: "token revoked" },
} as const;

/** HTTP statuses (RFC 9110 §15) of reply errors that are sent over plain HTTP. */
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

/** Statuses about the connection or a proxy, which no application can decide. */
const connectionStatuses = new Set([401, 407, 408, 421, 425, 426, 431]);

/** An application's own code becomes the status if it is a client error about the request; otherwise 403. */
export function httpStatusOf(code: number): number {
  const known = statuses[code];
  if (known !== undefined) return known;
  return code >= 400 && code < 500 && !connectionStatuses.has(code) ? code : 403;
}
