/** One channel's log in memory: publications with consecutive offsets, of which the oldest are dropped by count, bytes and age. */

import type { HistoryPage, HistoryQuery, NewPublication, Retention } from "../../channels/log.js";
import type { Owner } from "../../channels/quota.js";
import type { Position, Publication } from "../../wire/messages.js";
import { KeyedState } from "../keyed-state.js";
import { PageBuilder } from "../page-builder.js";

/** Estimated memory of a publication beyond its text. */
const overheadBytes = 160;

/** Bytes that a publication counts for. */
export function sizeOf(publication: NewPublication): number {
  const { data, info } = publication;
  return 2 * (data.length + (info?.connInfo?.length ?? 0)) + overheadBytes;
}

export class MemoryChannelLog {
  #epoch: string;
  /** Who published first and is charged; undefined for the server. */
  readonly owner: Owner;
  /** Oldest first; entries before `#start` are dropped, and removed from the array from time to time. */
  #entries: Publication[] = [];
  #start = 0;
  #head = 0;
  #bytes = 0;
  #retention: Retention | undefined;
  #keyed: KeyedState | undefined;
  /** When the log was last written or read, Unix milliseconds. */
  usedAt: number;

  constructor(epoch: string, now: number, owner?: Owner) {
    this.#epoch = epoch;
    this.owner = owner;
    this.usedAt = now;
  }

  get epoch(): string {
    return this.#epoch;
  }

  get position(): Position {
    return { epoch: this.#epoch, offset: this.#head };
  }

  get length(): number {
    return this.#entries.length - this.#start;
  }

  /** Bytes of publications and of keys. */
  get bytes(): number {
    return this.#bytes + (this.#keyed?.bytes ?? 0);
  }

  get retention(): Retention | undefined {
    return this.#retention;
  }

  get isEmpty(): boolean {
    return this.length === 0 && (this.#keyed?.size ?? 0) === 0;
  }

  /** The values of keys, if retention keeps them. */
  get keyed(): KeyedState | undefined {
    return this.#keyed;
  }

  /** Goes on in another epoch, with what it keeps. */
  restart(epoch: string): void {
    this.#epoch = epoch;
  }

  /** Applies the retention of the next publication. */
  retain(retention: Retention): void {
    this.#retention = retention;
    const { keys } = retention;
    if (keys === undefined) this.#keyed = undefined;
    else if (this.#keyed) this.#keyed.limits = keys;
    else this.#keyed = new KeyedState(keys);
  }

  append(publication: NewPublication, retention: Retention, now: number): Publication {
    const entry: Publication = { ...publication, offset: ++this.#head, time: now };
    this.#entries.push(entry);
    this.#bytes += sizeOf(entry);
    this.retain(retention);
    this.#keyed?.apply(entry);
    this.usedAt = now;
    this.trim(now);
    return entry;
  }

  /** Whether taking the publication drops older ones of at least its size, so that the log does not grow. */
  isFull(publication: NewPublication, { maxEntries, maxBytes }: Retention, now: number): boolean {
    this.trim(now);
    const oldest = this.#entries[this.#start];
    if (oldest === undefined) return false;
    if (this.#bytes + sizeOf(publication) > maxBytes) return true;
    return this.length >= maxEntries && sizeOf(oldest) >= sizeOf(publication);
  }

  /** Drops what the retention of the last publish no longer covers. */
  trim(now: number): void {
    if (this.#retention === undefined) return;
    const { maxEntries, maxBytes, ttlMs } = this.#retention;
    while (this.length > 0) {
      const oldest = this.#entries[this.#start] as Publication;
      const isKept = this.length <= maxEntries && this.#bytes <= maxBytes && now - oldest.time < ttlMs;
      if (isKept) break;
      this.#bytes -= sizeOf(oldest);
      this.#start++;
    }
    if (this.#start < 32 || this.#start * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#start);
    this.#start = 0;
  }

  /** Drops all publications that are kept; keys and the position stay. */
  clear(): void {
    this.#entries = [];
    this.#start = 0;
    this.#bytes = 0;
  }

  read(query: HistoryQuery, now: number): HistoryPage {
    this.trim(now);
    this.usedAt = now;
    const { sinceOffset, isReverse } = query;
    const step = isReverse ? -1 : 1;
    const from = isReverse ? (sinceOffset ?? this.#head + 1) - 1 : (sinceOffset ?? 0) + 1;
    const oldest = this.#head - this.length + 1;
    const page = new PageBuilder(query);
    let offset = isReverse ? Math.min(from, this.#head) : Math.max(from, oldest);
    for (; offset >= oldest && offset <= this.#head && !page.isFull; offset += step)
      page.add(this.#entries[this.#start + offset - oldest] as Publication);
    return { publications: page.publications, position: this.position };
  }
}
