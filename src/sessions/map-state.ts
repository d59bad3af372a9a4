/** One page of a map's state, as a subscriber gets it. */
import type { Broker, KeysPage, KeysQuery } from "../channels/broker.js";
import { whole } from "../channels/view.js";
import { replyError } from "../wire/codes.js";
import type { MapParams, Publication, SubscribeParams } from "../wire/messages.js";
import type { MapPaging } from "./map-paging.js";
import { type Failure, isPatched } from "./subscribing.js";

/** Entries of a page; fewer where they are large. */
const maxMapPage = 1000;
const leastMapPage = 100;
/** Characters of a page. */
export const maxPageCharacters = 128 * 1024;

interface StatePage {
  readonly page: KeysPage;
  /** What of it the subscriber gets. */
  readonly state: readonly Publication[];
  /** Undefined after the last page. */
  readonly cursor: string | undefined;
}

/** @throws what the broker's `keys` throws */
export async function readState(
  broker: Pick<Broker, "keys">,
  { channel, terms, start }: MapPaging,
  params: SubscribeParams & { readonly map: MapParams },
): Promise<StatePage | Failure> {
  const { map, filter } = params;
  const after = map.cursor === undefined ? undefined : parseCursor(map.cursor);
  if (after === null)
    return { error: replyError("badRequest", "subscribe.cursor is none that this server has given") };
  const isOrdered = terms.rules.map?.isOrdered === true;
  const page = await broker.keys(channel.name, {
    order: isOrdered ? "score" : "key",
    isReverse: isOrdered && map.isAscending,
    ...(after && { after }),
    maxEntries: entriesOf(map.limit),
    maxBytes: maxPageCharacters,
  });
  const limit = start?.offset ?? page.position.offset;
  const state = page.publications.filter(
    // Those that are newer come as changes.
    ({ offset, tags }) => offset <= limit && (filter?.passes(tags) ?? true),
  );
  const last = page.publications.at(-1);
  return {
    page,
    state: isPatched(params, terms.rules) ? state.map(whole) : state,
    cursor: page.hasMore && last ? cursorOf(last) : undefined,
  };
}

export function entriesOf(limit: number, least = leastMapPage): number {
  return limit === 0 ? maxMapPage : Math.min(maxMapPage, Math.max(least, limit));
}

/** Where a page ended; clients send it back as it is. */
export function cursorOf({ key = "", score = 0 }: Publication): string {
  return `${score}:${key}`;
}

/** @returns null where it is none */
export function parseCursor(cursor: string): KeysQuery["after"] | null {
  const [, score = "", key = ""] = /^([^:]+):(.+)$/s.exec(cursor) ?? [];
  return key === "" || !Number.isFinite(Number(score)) ? null : { score: Number(score), key };
}
