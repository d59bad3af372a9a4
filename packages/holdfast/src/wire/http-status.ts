/** HTTP statuses (RFC 9110 §15) for errors in replies, wherever they are told over plain HTTP. */

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
export function httpStatusOf(code: number): number {
  const known = statuses[code];
  if (known !== undefined) return known;
  return code >= 400 && code < 500 && !ofConnections.has(code) ? code : 403;
}
