/**
 * What a reader of a live channel must have been given: nothing is kept for it, but as long as it is subscribed it gets
 * everything, or is told. Where a connection ended, nobody knows what was on its way; so only the last subscription
 * counts, if nothing has ended it.
 */
import type { ChannelHistory } from "./channel-history.js";
import { nameOf, type Reading } from "./history.js";

/** @returns the names of acknowledged publications that are missing */
export function findMissingLive(
  { publications, restedAt }: Pick<ChannelHistory, "publications" | "restedAt">,
  { events }: Reading,
): string[] {
  let subscribedAt = Number.POSITIVE_INFINITY;
  for (const { kind, at } of events) {
    if (at > restedAt) break;
    if (kind === "subscribed") subscribedAt = at;
    else if (kind !== "delivered") subscribedAt = Number.POSITIVE_INFINITY;
  }
  const delivered = new Set(
    events.flatMap((event) => (event.kind === "delivered" ? [nameOf(event.id)] : [])),
  );
  return [...publications]
    .filter(([name, { attempts }]) => {
      const isDue = (attempts[0]?.sentAt ?? 0) > subscribedAt && !delivered.has(name);
      return isDue && attempts.some(({ acknowledgement }) => acknowledgement !== undefined);
    })
    .map(([name]) => name);
}
