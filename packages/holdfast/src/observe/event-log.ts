/**
 * Events in the order of their times, bounded in bytes: kept in segments, of which the oldest is dropped as a whole. Costs nothing
 * until something is added.
 */

const segmentEntries = 1024;

interface Segment<E> {
  readonly times: Float64Array;
  readonly entries: E[];
  bytes: number;
}

export class EventLog<E> {
  readonly #maxBytes: number;
  #segments: Segment<E>[] = [];
  #bytes = 0;
  #number = 0;
  #droppedUntil: number | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the segment that the next event goes to, from 1. */
  get segment(): number {
    const last = this.#segments.at(-1);
    return last === undefined || last.entries.length === segmentEntries ? this.#number + 1 : this.#number;
  }

  /** Everything after it is kept; undefined if nothing was dropped. */
  get droppedUntil(): number | undefined {
    return this.#droppedUntil;
  }

  add(time: number, entry: E, bytes: number): void {
    let segment = this.#segments.at(-1);
    if (segment === undefined || segment.entries.length === segmentEntries) {
      segment = { times: new Float64Array(segmentEntries), entries: [], bytes: segmentEntries * 8 };
      this.#segments.push(segment);
      this.#bytes += segment.bytes;
      this.#number++;
    }
    segment.times[segment.entries.length] = time;
    segment.entries.push(entry);
    segment.bytes += bytes;
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes && this.#segments.length > 1) this.#dropOldest();
  }

  /** Calls back with each event, oldest first. */
  forEach(visit: (entry: E, time: number) => void): void {
    for (const { times, entries } of this.#segments)
      for (let i = 0; i < entries.length; i++) visit(entries[i] as E, times[i] as number);
  }

  #dropOldest(): void {
    const oldest = this.#segments.shift();
    if (oldest === undefined) return;
    this.#bytes -= oldest.bytes;
    this.#droppedUntil = oldest.times[oldest.entries.length - 1];
  }
}
