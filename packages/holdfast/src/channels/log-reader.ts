/**
 * Reads pages of channels' logs for readers whose cursors lie before the ring. Readers of the same range share one read and its
 * framed bytes.
 */
import type { Publication } from "../wire/messages.js";
import { type Encoding, type Framed, framePublications, maxBatchBytes, type View } from "./batches.js";
import type { Channel } from "./channel.js";
import type { Log } from "./log.js";

const maxPageEntries = 1000;
/** Pages cached for other readers of the same range, each of at most one batch. */
const maxCachedPages = 64;

/** Publications that follow an offset without a gap. */
interface CompletePage {
  readonly isComplete: true;
  readonly channel: string;
  readonly epoch: string;
  readonly publications: readonly Publication[];
  /** Whether the log ended with them when they were read. */
  readonly isToEnd: boolean;
  /** Framed; undefined if the view shows none of them. */
  framedFor(encoding: Encoding, view: View): Framed | undefined;
}

/** What follows an offset, or why it is gone. */
export type LogPage =
  | CompletePage
  | { readonly isComplete: false; readonly cause: "epoch" | "expired"; readonly reason: string };

export class LogReader {
  readonly #log: Log;
  /** Pending reads, by channel and offset. */
  readonly #reads = new Map<Channel, Map<number, Promise<LogPage>>>();
  /** The pages read last, by channel and offset. Within an epoch a page never changes. */
  readonly #kept = new Map<string, CompletePage>();

  constructor(log: Log) {
    this.#log = log;
  }

  get pendingReads(): number {
    let count = 0;
    for (const ofChannel of this.#reads.values()) count += ofChannel.size;
    return count;
  }

  /** One bounded page after an offset. @throws what the log's `history` throws */
  read(channel: Channel, sinceOffset: number): Promise<LogPage> {
    const pending = this.#reads.get(channel)?.get(sinceOffset);
    if (pending) return pending;
    const kept = this.#kept.get(keyOf(channel, channel.epoch, sinceOffset));
    // If the page ended with the log, there may be more by now.
    if (kept && (!kept.isToEnd || (kept.publications.at(-1)?.offset ?? 0) >= channel.seen))
      return Promise.resolve(kept);
    const reads = this.#reads.get(channel) ?? new Map<number, Promise<LogPage>>();
    this.#reads.set(channel, reads);
    const read = this.#readPage(channel, sinceOffset).finally(() => {
      reads.delete(sinceOffset);
      if (reads.size === 0) this.#reads.delete(channel);
    });
    reads.set(sinceOffset, read);
    return read;
  }

  async #readPage(channel: Channel, sinceOffset: number): Promise<LogPage> {
    const { epoch } = channel;
    const page = await this.#log.history(channel.name, {
      sinceOffset,
      maxEntries: maxPageEntries,
      maxBytes: maxBatchBytes,
      isReverse: false,
    });
    if (page.position.epoch !== epoch)
      return { isComplete: false, cause: "epoch", reason: "the channel's log has started afresh" };
    const { publications } = page;
    const first = publications[0];
    if (first === undefined && page.position.offset > sinceOffset)
      return {
        isComplete: false,
        cause: "expired",
        reason: `publications after ${sinceOffset} are no longer kept`,
      };
    if (first !== undefined && first.offset !== sinceOffset + 1)
      return {
        isComplete: false,
        cause: "expired",
        reason: `publications from ${sinceOffset + 1} to ${first.offset - 1} are no longer kept`,
      };
    const framed = new Map<Encoding, Framed | undefined>();
    const complete: CompletePage = {
      isComplete: true,
      channel: channel.name,
      epoch,
      publications,
      isToEnd: publications.length === 0 || publications.at(-1)?.offset === page.position.offset,
      framedFor(encoding, view) {
        // Rare views are not cached, so that the cache is bounded.
        if (view.filter || view.delta !== "none")
          return framePublications(channel, publications, encoding, view);
        if (!framed.has(encoding)) framed.set(encoding, framePublications(channel, publications, encoding));
        return framed.get(encoding);
      },
    };
    // An empty page says only that there are none yet.
    if (publications.length > 0) this.#keep(keyOf(channel, epoch, sinceOffset), complete);
    return complete;
  }

  /** Drops the channel's pages: its history was removed. */
  forget(channel: string): void {
    for (const [key, page] of this.#kept) if (page.channel === channel) this.#kept.delete(key);
  }

  #keep(key: string, page: CompletePage): void {
    this.#kept.set(key, page);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= maxCachedPages) return;
      this.#kept.delete(oldest);
    }
  }
}

function keyOf({ name }: Channel, epoch: string, sinceOffset: number): string {
  return `${sinceOffset} ${epoch} ${name}`;
}
