/** Reads a room's history page by page into its timeline. */
import type { ReceivedPublication } from "./message.js";
import type { Position, Timeline } from "./timeline.js";

export interface HistoryRequest {
  limit: number;
  since?: Position;
  reverse: true;
}

export interface HistoryPage extends Position {
  publications: ReceivedPublication[];
}

export type HistoryState = "unread" | "loading" | "read" | "failed";

export const historyPageSize = 50;
/** Messages of unknown fate are looked for this far back. */
const maxSearchedPages = 20;
const unrecoverablePosition = 112;
const notAvailable = 108;

export interface RoomHistoryOptions {
  timeline: Timeline;
  request: (request: HistoryRequest) => Promise<HistoryPage>;
  /** Takes in a publication, which need not be new. */
  receive: (publication: ReceivedPublication) => void;
  onChange: () => void;
}

export class RoomHistory {
  state: HistoryState = "unread";
  /** Why the latest request failed, in words. */
  problem = "";
  readonly #options: RoomHistoryOptions;
  /** Positions before which nothing is kept, by now. */
  readonly #ends = new Set<string>();

  constructor(options: RoomHistoryOptions) {
    this.#options = options;
  }

  /** Whether there may be older messages than the oldest shown. */
  get hasEarlier(): boolean {
    const { timeline } = this.#options;
    const oldest = timeline.oldestOffset;
    if (oldest === undefined || !timeline.startsInPresentEpoch) return false;
    return oldest > 1 && this.canLoadBefore(oldest);
  }

  canLoadBefore(offset: number): boolean {
    return !this.#ends.has(this.#endAt(offset));
  }

  /** Reads the newest page. Never rejects: what went wrong is in `state` and `problem`. */
  async loadLatest(): Promise<void> {
    await this.#load(undefined);
  }

  /** Reads the page that ends before an offset. Never rejects. */
  async loadBefore(offset: number): Promise<void> {
    await this.#load(offset);
  }

  /**
   * Reads back from the newest until `isDone` or a publication at or before `floor` was reached.
   * @returns false where there is no history to read
   * @throws what the request rejected with
   */
  async search(isDone: () => boolean, floor: () => number): Promise<boolean> {
    let before: number | undefined;
    for (let pages = 0; pages < maxSearchedPages && !isDone(); pages++) {
      if (before !== undefined && before <= Math.max(1, floor() + 1)) break;
      try {
        const page = await this.#readPage(before);
        if (page.publications.length === 0) break;
        before = lowestOffset(page.publications);
      } catch (error) {
        if (codeOf(error) === notAvailable) return false;
        throw error;
      }
    }
    return true;
  }

  async #load(before: number | undefined): Promise<void> {
    this.state = "loading";
    this.problem = "";
    this.#options.onChange();
    try {
      const { publications } = await this.#readPage(before);
      const isLast = publications.length < historyPageSize;
      const oldest = publications.length > 0 ? lowestOffset(publications) : before;
      if (isLast && oldest !== undefined) this.#ends.add(this.#endAt(oldest));
      this.state = "read";
    } catch (error) {
      const isAtEnd = before !== undefined && codeOf(error) === unrecoverablePosition;
      if (isAtEnd) this.#ends.add(this.#endAt(before));
      this.state = isAtEnd ? "read" : "failed";
      if (!isAtEnd) this.problem = messageOf(error);
    }
    this.#options.onChange();
  }

  #endAt(offset: number): string {
    return `${this.#options.timeline.epoch}:${offset}`;
  }

  async #readPage(before: number | undefined): Promise<HistoryPage> {
    const { timeline, request, receive } = this.#options;
    const since = before === undefined ? undefined : { offset: before, epoch: timeline.epoch };
    const page = await request({ limit: historyPageSize, reverse: true, ...(since ? { since } : {}) });
    timeline.enterEpoch(page.epoch);
    for (const publication of page.publications) receive(publication);
    return page;
  }
}

function lowestOffset(publications: readonly ReceivedPublication[]): number {
  return Math.min(...publications.map(({ offset }) => offset ?? 0));
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code;
}

function messageOf(error: unknown): string {
  const { message } = (error ?? {}) as { message?: unknown };
  return typeof message === "string" ? message : "unknown reason";
}
