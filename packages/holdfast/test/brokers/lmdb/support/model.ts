/** A log as the contract describes it, in memory, to compare a broker with. */
import type { HistoryPage, HistoryQuery, Retention } from "../../../../src/channels/log.js";
import type { Publication } from "../../../../src/wire/messages.js";

export class LogModel {
  readonly #publications: Publication[] = [];
  #retention: Retention | undefined;
  /** Offset from which on everything is kept, whatever has come since. */
  #first = 1;

  get head(): number {
    return this.#publications.length;
  }

  publish(data: string, time: number, retention: Retention): number {
    this.#first = this.#firstAt(time);
    this.#publications.push({ offset: this.head + 1, data, time });
    this.#retention = retention;
    this.#first = this.#firstAt(time);
    return this.head;
  }

  /**
   * Pages that a broker may give. There is more than one where a wider retention has followed a narrower one: what is
   * still there of what the narrower one did not cover may count again.
   */
  pages(query: HistoryQuery, now: number): Pick<HistoryPage, "publications">[] {
    const widest = this.#firstAt(now, 1);
    const candidates = this.#firstAt(now) - widest;
    return Array.from({ length: candidates + 1 }, (_, index) => this.#page(query, widest + index));
  }

  #page({ sinceOffset, maxEntries, maxBytes, isReverse }: HistoryQuery, first: number) {
    const kept = this.#publications.slice(first - 1);
    const ordered = isReverse ? kept.reverse() : kept;
    const publications: Publication[] = [];
    let bytes = 0;
    for (const publication of ordered) {
      const { offset, data } = publication;
      if (sinceOffset !== undefined && (isReverse ? offset >= sinceOffset : offset <= sinceOffset)) continue;
      bytes += data.length;
      if (publications.length === maxEntries || (publications.length > 0 && bytes > maxBytes)) break;
      publications.push(publication);
    }
    return { publications };
  }

  #firstAt(now: number, from = this.#first): number {
    if (this.#retention === undefined) return from;
    const { maxEntries, maxBytes, ttlMs } = this.#retention;
    let first = this.head + 1;
    for (let bytes = 0; first > Math.max(from, this.head - maxEntries + 1); first--) {
      const { data, time } = this.#publications[first - 2] as Publication;
      bytes += data.length;
      if (bytes > maxBytes || now - time >= ttlMs) break;
    }
    return first;
  }
}
