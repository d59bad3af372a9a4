/**
 * The newest publication of each key. For channels of kind `latest`: what a reader that lags gets, however far. For maps:
 * what the next publication of the key may be a patch of. One without a key counts as having the empty one.
 */
import type { Entry, RingLimits } from "./ring.js";

type PublicationEntry = Extract<Entry, { kind: "pub" }>;

export class NewestEntries {
  readonly #limits: RingLimits;
  /** By key, the one that was published last at the end. */
  readonly #entries = new Map<string, PublicationEntry>();
  #bytes = 0;
  #from: number;

  /** @param from nothing is known of publications up to this offset */
  constructor(limits: RingLimits, from: number) {
    this.#limits = limits;
    this.#from = from;
  }

  /** A reader that has everything up to this offset, or to a later one, can be served. */
  get from(): number {
    return this.#from;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(entry: PublicationEntry): void {
    const key = keyOf(entry);
    this.remove(key);
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    const { maxEntries, maxBytes } = this.#limits;
    while ((this.#entries.size > maxEntries || this.#bytes > maxBytes) && this.#entries.size > 1)
      this.#dropOldest();
  }

  get(key: string): PublicationEntry | undefined {
    return this.#entries.get(key);
  }

  /** Whether none of the same key has come after it. */
  isNewest(entry: PublicationEntry): boolean {
    return this.#entries.get(keyOf(entry)) === entry;
  }

  /** Those after an offset, in order. */
  *after(offset: number): Iterable<PublicationEntry> {
    for (const entry of this.#entries.values()) if (entry.offset > offset) yield entry;
  }

  #dropOldest(): void {
    const [key, entry] = this.#entries.entries().next().value as [string, PublicationEntry];
    this.#from = entry.offset;
    this.remove(key);
  }

  remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

function keyOf({ publication }: PublicationEntry): string {
  return publication.key ?? "";
}
