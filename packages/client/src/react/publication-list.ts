/** Publications in the channel's order, each once, the newest of them up to a bound. */
import type { Publication } from "../index.js";

export class PublicationList<Data> {
  readonly #limit: number;
  #publications: Publication<Data>[] = [];
  #epoch: string | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** One that has come live: the newest, unless it has been here before. */
  add(publication: Publication<Data>): void {
    const { offset } = publication;
    const newest = this.#publications.at(-1)?.offset;
    const isNewest = offset === undefined || newest === undefined || offset > newest;
    if (!isNewest && this.#has(offset)) return;
    this.#publications.push(publication);
    if (!isNewest) this.#sort();
    if (this.#publications.length > this.#limit) this.#publications.shift();
  }

  /** Those of the log, in any order, of which some may have come live meanwhile. */
  addHistory(publications: readonly Publication<Data>[]): void {
    const further = publications.filter(({ offset }) => offset === undefined || !this.#has(offset));
    this.#publications = [...further, ...this.#publications];
    this.#sort();
    this.#publications.splice(0, Math.max(0, this.#publications.length - this.#limit));
  }

  /**
   * A subscription has begun that goes on from nothing. What is here goes where the log is another one, or has lost what
   * came in between; in channels without a log it stays.
   */
  beginAgain(epoch: string | undefined, hasGap: boolean): void {
    if (epoch !== undefined && (hasGap || (this.#epoch !== undefined && epoch !== this.#epoch)))
      this.#publications = [];
    this.#epoch = epoch;
  }

  toArray(): readonly Publication<Data>[] {
    return [...this.#publications];
  }

  /** From the end, where what comes twice stands. */
  #has(offset: number): boolean {
    return this.#publications.findLastIndex((each) => each.offset === offset) >= 0;
  }

  /** Stable; those without an offset stay where they are, since there is no log to have an order. */
  #sort(): void {
    this.#publications.sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0));
  }
}
