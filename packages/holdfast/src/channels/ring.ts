/**
 * A node's copy of the end of a channel: recent publications, and the joins and leaves between them, in the order they
 * happened. Bounded by count and bytes; what falls out is still in the broker's log (publications) or gone (joins and
 * leaves). Entries have sequence numbers that only this node knows. `NewestEntries` keeps the newest publication of each key beside
 * it, for the kinds that need it.
 */
import type { LimitSettings } from "../options/limits.js";
import type { Encoded } from "../wire/codec.js";
import type { ClientInfo, Publication } from "../wire/messages.js";

export type Entry = {
  /** Offset of the last publication up to and including this entry. */
  readonly offset: number;
  /** Estimated memory of the entry and its publication. */
  readonly bytes: number;
  /** As push messages, one per codec name. */
  readonly encoded: Map<string, Encoded>;
} & (
  | {
      readonly kind: "pub";
      readonly publication: Publication;
      /** The key's previous publication, in a map with readers of patches, if it is known. */
      readonly before?: Publication;
    }
  | { readonly kind: "join" | "leave"; readonly info: ClientInfo }
  /** A publication that is not in the log. */
  | { readonly kind: "announced"; readonly publication: Publication }
);

export type RingLimits = Pick<LimitSettings["ring"], "maxEntries" | "maxBytes">;

/** Bytes of all rings and newest entries of a node together. An entry in both counts twice. */
export interface RingPool {
  bytes: number;
}

export class Ring {
  readonly #limits: RingLimits;
  readonly #pool: RingPool | undefined;
  #entries: (Entry | undefined)[] = [];
  /** Sequence number of the oldest entry; equal to `#next` when there is none. */
  #first = 0;
  #next = 0;
  #bytes = 0;

  constructor(limits: RingLimits, pool?: RingPool) {
    this.#limits = limits;
    this.#pool = pool;
  }

  get first(): number {
    return this.#first;
  }

  /** Sequence number that the next entry will get. */
  get next(): number {
    return this.#next;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(entry: Entry): void {
    const { maxEntries, maxBytes } = this.#limits;
    if (this.#next - this.#first === this.#entries.length && this.#entries.length < maxEntries)
      this.#grow(Math.min(maxEntries, Math.max(8, 2 * this.#entries.length)));
    if (this.#next - this.#first === maxEntries) this.#dropFirst();
    this.#entries[this.#next % this.#entries.length] = entry;
    this.#next++;
    this.#count(entry.bytes);
    // The newest entry stays, however large.
    while (this.#bytes > maxBytes && this.#next - this.#first > 1) this.#dropFirst();
  }

  /** @throws RangeError unless `first` ≤ sequence < `next` */
  at(sequence: number): Entry {
    const entry = sequence >= this.#first && sequence < this.#next ? this.#slot(sequence) : undefined;
    if (entry === undefined)
      throw new RangeError(`entry ${sequence} is not within ${this.#first} to ${this.#next - 1}`);
    return entry;
  }

  /**
   * The sequence number of a publication.
   * @returns undefined if the publication is not in the ring
   */
  sequenceOf(offset: number): number | undefined {
    let low = this.#first;
    let high = this.#next;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#slot(middle) as Entry).offset < offset) low = middle + 1;
      else high = middle;
    }
    if (low === this.#next) return undefined;
    const entry = this.#slot(low) as Entry;
    // A join may carry the offset of a publication that has fallen out of the ring already.
    return entry.kind === "pub" && entry.offset === offset ? low : undefined;
  }

  clear(): void {
    this.#entries = [];
    this.#first = this.#next;
    this.#count(-this.#bytes);
  }

  /** Drops all but the newest entry. */
  shrink(): void {
    while (this.#next - this.#first > 1) this.#dropFirst();
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#pool) this.#pool.bytes += bytes;
  }

  #slot(sequence: number): Entry | undefined {
    return this.#entries[sequence % this.#entries.length];
  }

  #dropFirst(): void {
    const index = this.#first % this.#entries.length;
    this.#count(-(this.#entries[index] as Entry).bytes);
    this.#entries[index] = undefined;
    this.#first++;
  }

  #grow(capacity: number): void {
    const grown: (Entry | undefined)[] = new Array(capacity).fill(undefined);
    for (let i = this.#first; i < this.#next; i++) grown[i % capacity] = this.#slot(i);
    this.#entries = grown;
  }
}

export type PublicationEntry = Extract<Entry, { kind: "pub" }>;

/**
 * The newest publication of each key: in channels of kind `latest` what a lagging reader gets, in maps the base for patches. A
 * publication without a key has the empty key.
 */
export class NewestEntries {
  readonly #limits: RingLimits;
  readonly #pool: RingPool | undefined;
  /** By key, in the order of publication. */
  readonly #entries = new Map<string, PublicationEntry>();
  #bytes = 0;
  #from: number;

  /** @param from publications up to this offset are not known */
  constructor(limits: RingLimits, from: number, pool?: RingPool) {
    this.#limits = limits;
    this.#from = from;
    this.#pool = pool;
  }

  /** Readers that have everything up to this offset, or a later one, can be served. */
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
    this.#count(entry.bytes);
    const { maxEntries, maxBytes } = this.#limits;
    while ((this.#entries.size > maxEntries || this.#bytes > maxBytes) && this.#entries.size > 1)
      this.#dropOldest();
  }

  get(key: string): PublicationEntry | undefined {
    return this.#entries.get(key);
  }

  /** Whether no later entry has its key. */
  isNewest(entry: PublicationEntry): boolean {
    return this.#entries.get(keyOf(entry)) === entry;
  }

  /** The entries after an offset, in order. */
  *after(offset: number): Iterable<PublicationEntry> {
    for (const entry of this.#entries.values()) if (entry.offset > offset) yield entry;
  }

  #dropOldest(): void {
    const [key, entry] = this.#entries.entries().next().value as [string, PublicationEntry];
    this.#from = Math.max(this.#from, entry.offset);
    this.remove(key);
  }

  /** The key has no value since this offset. */
  removeAt(key: string, offset: number): void {
    this.#from = Math.max(this.#from, offset);
    this.remove(key);
  }

  remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#count(-entry.bytes);
  }

  /** Drops all but the newest entry. */
  shrink(): void {
    while (this.#entries.size > 1) this.#dropOldest();
  }

  /** Drops everything: publications up to this offset are not known. */
  clear(from: number): void {
    this.#from = from;
    this.#entries.clear();
    this.#count(-this.#bytes);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#pool) this.#pool.bytes += bytes;
  }
}

function keyOf({ publication }: PublicationEntry): string {
  return publication.key ?? "";
}
