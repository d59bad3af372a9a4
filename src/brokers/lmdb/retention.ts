/** Whether two say the same, so that nothing has to be written. */
import type { Retention } from "../../channels/broker.js";

export function isSameRetention(a: Retention | undefined, b: Retention | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.maxEntries === b.maxEntries && a.maxBytes === b.maxBytes && a.ttlMs === b.ttlMs && hasSameKeys(a, b)
  );
}

function hasSameKeys({ keys: a }: Retention, { keys: b }: Retention): boolean {
  return a?.maxKeys === b?.maxKeys && a?.maxBytes === b?.maxBytes && a?.ttlMs === b?.ttlMs;
}
