/**
 * Reads a channel's log for readers whose cursor the ring has left behind. Reads for the same range are done once and
 * shared, also as framed bytes.
 */
import type { Publication } from "../wire/messages.js";
import { framePublications, maxBatchBytes } from "./batches.js";
import type { Broker } from "./broker.js";
import type { Channel } from "./channel.js";
import type { Encoding } from "./reader.js";

const maxPageEntries = 1000;

/** Publications that follow an offset without a gap, or word that they are gone. */
export type LogPage =
  | {
      readonly isComplete: true;
      readonly epoch: string;
      readonly publications: readonly Publication[];
      bytesFor(encoding: Encoding): Uint8Array;
    }
  | { readonly isComplete: false; readonly reason: string };

export class LogReader {
  readonly #broker: Broker;
  /** Reads under way, by channel and offset. */
  readonly #reads = new Map<Channel, Map<number, Promise<LogPage>>>();

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  get pendingReads(): number {
    let count = 0;
    for (const ofChannel of this.#reads.values()) count += ofChannel.size;
    return count;
  }

  /** One bounded page after an offset. @throws what the broker's `history` throws */
  read(channel: Channel, sinceOffset: number): Promise<LogPage> {
    let ofChannel = this.#reads.get(channel);
    if (ofChannel === undefined) {
      ofChannel = new Map();
      this.#reads.set(channel, ofChannel);
    }
    const underWay = ofChannel.get(sinceOffset);
    if (underWay) return underWay;
    const reads = ofChannel;
    const read = this.#readPage(channel, sinceOffset).finally(() => {
      reads.delete(sinceOffset);
      if (reads.size === 0) this.#reads.delete(channel);
    });
    ofChannel.set(sinceOffset, read);
    return read;
  }

  async #readPage(channel: Channel, sinceOffset: number): Promise<LogPage> {
    const { epoch } = channel;
    const page = await this.#broker.history(channel.name, {
      sinceOffset,
      maxEntries: maxPageEntries,
      maxBytes: maxBatchBytes,
      isReverse: false,
    });
    if (page.position.epoch !== epoch)
      return { isComplete: false, reason: "the channel's log has started afresh" };
    const { publications } = page;
    const first = publications[0];
    if (first === undefined && page.position.offset > sinceOffset)
      return { isComplete: false, reason: `publications after ${sinceOffset} are no longer kept` };
    if (first !== undefined && first.offset !== sinceOffset + 1)
      return {
        isComplete: false,
        reason: `publications from ${sinceOffset + 1} to ${first.offset - 1} are no longer kept`,
      };
    const framed = new Map<Encoding, Uint8Array>();
    return {
      isComplete: true,
      epoch,
      publications,
      bytesFor(encoding) {
        const known = framed.get(encoding);
        if (known) return known;
        const bytes = framePublications(channel, publications, encoding) ?? new Uint8Array(0);
        framed.set(encoding, bytes);
        return bytes;
      },
    };
  }
}
