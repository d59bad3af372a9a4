/** Whether two say the same, so that nothing has to be written. */
import type { Retention } from "../../channels/log.js";
import type { ChannelLog } from "./channel-log.js";

export function isSameRetention(a: Retention | undefined, b: Retention | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.maxEntries === b.maxEntries && a.maxBytes === b.maxBytes && a.ttlMs === b.ttlMs && hasSameKeys(a, b)
  );
}

function hasSameKeys({ keys: a }: Retention, { keys: b }: Retention): boolean {
  return (
    a?.maxKeys === b?.maxKeys &&
    a?.maxUserKeys === b?.maxUserKeys &&
    a?.maxBytes === b?.maxBytes &&
    a?.ttlMs === b?.ttlMs
  );
}

/** Whether taking a publication makes an older one go, so that the log does not grow. */
export function isAtBound(
  log: Pick<ChannelLog, "first" | "head" | "keptBytes">,
  retention: Retention,
): boolean {
  const { maxEntries, maxBytes, keys } = retention;
  return keys === undefined && (log.head - log.first + 1 >= maxEntries || log.keptBytes >= maxBytes);
}
