/** One reader's place in one channel. */
import type { Channel } from "./channel.js";
import type { Reader } from "./reader.js";
import { type View, viewAfterPublication } from "./view.js";

export class Subscription {
  readonly channel: Channel;
  readonly reader: Reader;
  /** What it gets. */
  view: View;
  /** Next entry of the channel's ring to deliver. May lie before the ring's first: then the log is read. */
  cursor: number;
  /** Offset of the last publication delivered. */
  offset: number;
  /** A read of the log is under way; the delivery passes by. */
  isReading = false;
  /** No longer part of the channel. */
  isEnded = false;
  /** Of a map: the offset from which on the reader has every value. */
  readonly #wholeUntil: number;

  constructor(
    channel: Channel,
    reader: Reader,
    options: {
      readonly cursor: number;
      readonly offset: number;
      readonly view: View;
      readonly wholeUntil?: number;
    },
  ) {
    this.channel = channel;
    this.reader = reader;
    this.cursor = options.cursor;
    this.offset = options.offset;
    this.view = options.view;
    this.#wholeUntil = options.wholeUntil ?? 0;
  }

  /** The reader has got what comes before `cursor`, up to `offset`. */
  noteDelivered(hasPublication: boolean): void {
    if (this.view.delta !== "first") return;
    const hasBase = this.channel.kind === "map" ? this.offset >= this.#wholeUntil : hasPublication;
    if (hasBase) this.view = viewAfterPublication(this.view);
  }
}
