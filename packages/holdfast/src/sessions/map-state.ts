/** Pages of a map's state, and where each ends. */
import type { Broker, KeysPage, KeysQuery } from "../channels/broker.js";
import type { ChannelRules } from "../channels/rules.js";
import type { Publication } from "../wire/messages.js";

/** Entries of a page; fewer where they are large. */
const maxMapPage = 1000;
/** Of those that subscribe. */
export const leastMapPage = 100;
/** Characters of a page. */
const maxPageCharacters = 128 * 1024;

export interface StateRequest {
  readonly channel: string;
  /** Most entries; 0 for as many as one page may have. */
  readonly limit: number;
  /** Entries that a page has at least where it has more behind it. @default 1 */
  readonly least?: number;
  /** Where the page before ended. */
  readonly cursor?: string | undefined;
  /** Lowest score first. @default false */
  readonly isAscending?: boolean;
}

export interface StatePage extends KeysPage {
  /** Where the next page begins; undefined after the last one. */
  readonly cursor: string | undefined;
}

/**
 * One page of a map in its order, for whoever reads it.
 * @returns undefined where the cursor is none that this server has given
 * @throws what the broker's `keys` throws
 */
export async function readState(
  broker: Pick<Broker, "keys">,
  { map }: ChannelRules,
  { channel, limit, least = 1, cursor, isAscending = false }: StateRequest,
): Promise<StatePage | undefined> {
  const after = cursor === undefined ? undefined : parseCursor(cursor);
  if (after === null) return undefined;
  const isOrdered = map?.isOrdered === true;
  const page = await broker.keys(channel, {
    order: isOrdered ? "score" : "key",
    isReverse: isOrdered && isAscending,
    ...(after && { after }),
    maxEntries: entriesOf(limit, least),
    maxBytes: maxPageCharacters,
  });
  const last = page.publications.at(-1);
  return { ...page, cursor: page.hasMore && last ? cursorOf(last) : undefined };
}

/** What is said of a cursor that leads nowhere. */
export const cursorFault = "cursor is none that this server has given";

/** Entries of a page, by what is asked for. */
export function entriesOf(limit: number, least: number): number {
  return limit === 0 ? maxMapPage : Math.min(maxMapPage, Math.max(least, limit));
}

/** Where a page ended; clients send it back as it is. */
function cursorOf({ key = "", score = 0 }: Publication): string {
  return `${score}:${key}`;
}

/** @returns null where it is none */
function parseCursor(cursor: string): KeysQuery["after"] | null {
  const [, score = "", key = ""] = /^([^:]+):(.+)$/s.exec(cursor) ?? [];
  return key === "" || !Number.isFinite(Number(score)) ? null : { score: Number(score), key };
}
