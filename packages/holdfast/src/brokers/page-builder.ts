/** Gathers a page of history up to the bounds of its query, for every broker. */
import type { HistoryQuery } from "../channels/log.js";
import type { Publication } from "../wire/messages.js";
import { payloadSize } from "../wire/payload.js";

export class PageBuilder {
  readonly #query: HistoryQuery;
  readonly publications: Publication[] = [];
  #bytes = 0;
  isFull: boolean;

  constructor(query: HistoryQuery) {
    this.#query = query;
    this.isFull = query.maxEntries === 0;
  }

  add(publication: Publication): void {
    if (this.isFull) return;
    this.#bytes += payloadSize(publication.data) + (publication.info?.connInfo?.length ?? 0);
    if (this.#bytes > this.#query.maxBytes && this.publications.length > 0) this.isFull = true;
    else this.publications.push(publication);
    if (this.publications.length >= this.#query.maxEntries) this.isFull = true;
  }

  clear(): void {
    this.publications.length = 0;
    this.#bytes = 0;
  }
}
