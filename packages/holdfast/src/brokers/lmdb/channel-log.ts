/**
 * One channel's log while it is in use: where it ends, what of it is kept, and its tail, which is not in the index yet.
 * Reads go through both. Times are Unix milliseconds.
 */

import type { Durability, HistoryPage, HistoryQuery, Retention } from "../../channels/log.js";
import type { Owner } from "../../channels/quota.js";
import type { Position, Publication } from "../../wire/messages.js";
import { isWeaker } from "./durability.js";
import { countOf, sizeAt, sizeOf, timeAt } from "./entries.js";
import type { KeyToStore } from "./idempotency-keys.js";
import type { ChannelRecord, DamagedSegment, Segment } from "./index-records.js";
import type { LogIndex } from "./log-index.js";
import { LogKeys } from "./log-keys.js";
import { readBack, readOn } from "./log-pages.js";
import type { LogsInUse, NewLog } from "./logs-in-use.js";
import { PageBuilder } from "./page-builder.js";
import { isSameRetention } from "./retention.js";
import type { Run } from "./runs.js";
import { bytesBefore, covers, memoryOf, type SegmentPart } from "./sizes.js";

export class ChannelLog {
  readonly name: string;
  readonly shared: LogsInUse;
  /** Whose first publication it began with; undefined for the server's own. */
  readonly owner: Owner;
  /** Bytes that its owner was charged with; undefined as long as the log does not count among the owner's. */
  charged: number | undefined;
  readonly #index: LogIndex;
  epoch: string;
  /** Stamp of the epoch's beginning. */
  since: number;
  /** The least that its publications were acknowledged with in this epoch. */
  durability: Durability = "disk";
  #retention: Retention | undefined;
  #keyed: LogKeys | undefined;
  /** The run up to which all losses of the log's are accounted for: those of earlier runs have brought a new epoch. */
  run: number;
  usedAt: number;
  /** Period in which it is looked at again; 0 before that is known. */
  due = 0;
  /** Whether the journal or the index knows of it. */
  isKnown = false;
  /** Whether the index has a record of it, or gets one with what is under way. */
  #isStored = false;
  #isDamageTold = false;
  /** Whether the record says something that the index does not have yet. */
  isRecordDirty = false;
  /** Nothing before this offset is left in the index. */
  cleanedTo = 0;
  /** Idempotency keys of publications that were told of, which the index does not have yet. */
  readonly keys: KeyToStore[] = [];
  /** What the record says of values of keys. */
  valuesTo = 0;
  /** Publications that were taken and not told of yet. */
  underWay = 0;
  /** Of those, the ones that wait for a flush. */
  unflushed = 0;
  /** The last offset that is in the journal or the index. */
  journaledTo = 0;
  /** Offset that the next publication gets. */
  next = 1;
  /** Bytes of all publications before `next`. */
  nextBytes = 0;
  #head = 0;
  #bytes = 0;
  #first = 1;
  #firstBytes = 0;
  #tail: Publication[] = [];
  #oldest: SegmentPart | undefined;

  constructor({ name, epoch, since, run, now, owner }: NewLog, shared: LogsInUse) {
    shared.room.unstored.add(owner);
    this.owner = owner;
    this.name = name;
    this.epoch = epoch;
    this.since = since;
    this.run = run;
    this.usedAt = now;
    this.shared = shared;
    this.#index = shared.index;
  }

  get retention(): Retention | undefined {
    return this.#retention;
  }

  set retention(retention: Retention | undefined) {
    if (retention === this.#retention) return;
    const known = this.#retention;
    this.#retention = retention;
    this.#keepKeys();
    if (!isSameRetention(retention, known)) this.isRecordDirty = true;
  }

  /** Where retention keeps keys. */
  get keyed(): LogKeys | undefined {
    return this.#retention?.keys && this.#keyed;
  }

  /** Values that the index may not have, also those that are no longer kept. */
  get unstoredKeys(): LogKeys | undefined {
    return this.#keyed;
  }

  #keepKeys(): void {
    const { keys } = this.#retention ?? {};
    if (keys === undefined) this.#keyed?.clear();
    else if (this.#keyed) this.#keyed.state.limits = keys;
    else this.#keyed = new LogKeys(keys);
  }

  /** The last publication that was told of. */
  get head(): number {
    return this.#head;
  }

  /** Bytes of all publications up to the head. */
  get bytes(): number {
    return this.#bytes;
  }

  get position(): Position {
    return { epoch: this.epoch, offset: this.#head };
  }

  /** Of publications and of keys. */
  get keptBytes(): number {
    return this.#bytes - this.#firstBytes + (this.#keyed?.state.bytes ?? 0);
  }

  /** Oldest offset that is kept; beyond the head where none is. */
  get first(): number {
    return this.#first;
  }

  get isStored(): boolean {
    return this.#isStored;
  }

  /** There is a record of it now. */
  markStored(): void {
    if (this.#isStored) return;
    this.#isStored = true;
    this.shared.room.unstored.add(this.owner, -1);
  }

  get isEmpty(): boolean {
    return this.#first > this.#head && (this.#keyed?.state.size ?? 0) === 0;
  }

  /** When the oldest publication that is kept was published, Unix milliseconds. */
  get oldestTime(): number {
    return this.#at(this.#first)?.time ?? this.usedAt;
  }

  /** What is not in the index yet, oldest first. */
  get tail(): readonly Publication[] {
    return this.#tail;
  }

  /** Whether there is something that the index does not have yet. */
  get isDirty(): boolean {
    if (this.#tail.length > 0 || this.isRecordDirty || !this.isStored) return true;
    return this.keys.length > 0 || this.#keyed?.isDirty === true;
  }

  /** The last offset that need not be written to the index any more. */
  get storedTo(): number {
    return this.#head - this.#tail.length;
  }

  /** What the index is to say where it has the log up to an offset. */
  recordAt(head: number): ChannelRecord {
    const { epoch, since, run, durability, retention, due, usedAt } = this;
    const { owner, charged } = this;
    const values = this.valuesTo > 0 ? { valuesTo: this.valuesTo } : {};
    const charge = owner === undefined ? {} : { owner, ...(charged !== undefined && { charged }) };
    const bytes = this.bytesBefore(head + 1);
    return { epoch, since, run, durability, retention, head, bytes, due, usedAt, ...values, ...charge };
  }

  /** Bytes of all publications before one that is not in the index yet, or before the next one. */
  bytesBefore(offset: number): number {
    let bytes = this.#bytes;
    for (let i = this.#tail.length - 1; i >= 0 && (this.#tail[i] as Publication).offset >= offset; i--)
      bytes -= sizeOf(this.#tail[i] as Publication);
    return bytes;
  }

  /**
   * Takes what the index has.
   * @returns the offset from which publications were lost, where the end of the log cannot be read
   */
  load(record: ChannelRecord): number | undefined {
    const { epoch, since, run, durability, retention, due, usedAt } = record;
    this.#retention = retention;
    this.valuesTo = record.valuesTo ?? 0;
    this.charged = record.charged;
    this.#keepKeys();
    Object.assign(this, { epoch, since, run, durability, due, usedAt, isKnown: true });
    this.markStored();
    let lost: number | undefined;
    let last = this.#index.lastSegment(this.name);
    while (last && "isDamaged" in last) {
      lost = last.first;
      last = last.first === 0 ? undefined : this.#index.segmentAt(this.name, last.first - 1);
    }
    const end = last ? last.first + countOf(last.index) - 1 : 0;
    const head = lost === undefined ? Math.max(end, record.head) : lost - 1;
    const isContinuous = last !== undefined && end === head;
    const bytes = isContinuous ? bytesBefore(last as Segment, head + 1) : record.bytes;
    this.#moveTo(head, bytes);
    if (isContinuous) this.#first = this.#index.firstSegment(this.name)?.first ?? head + 1;
    const first = this.#index.segmentAt(this.name, this.#first);
    this.#firstBytes = isContinuous && first && !("isDamaged" in first) ? first.before : bytes;
    this.#keyed?.load(this.#index, this.name, head, () => this.tellDamage(head));
    return lost;
  }

  /**
   * Takes what the journal has beyond the index. What lies between was not kept.
   * @returns false for a run of a log of this name that was forgotten since
   */
  replay(run: Run): boolean {
    if (run.since < this.since) return false;
    const isNewer = run.since > this.since;
    if (isNewer && run.first <= this.#head) {
      this.#moveTo(run.first - 1, run.before);
      this.#keyed?.clear();
      this.valuesTo = 0;
    }
    this.epoch = run.epoch;
    this.since = run.since;
    this.run = Math.max(this.run, run.run);
    this.durability = isNewer || isWeaker(run.durability, this.durability) ? run.durability : this.durability;
    this.retention = run.retention ?? this.retention;
    this.isKnown = true;
    this.isRecordDirty = true;
    for (const publication of run.publications) {
      if (publication.offset <= this.#head) {
        if (publication.offset > this.valuesTo) this.keyed?.replay(publication);
        continue;
      }
      if (publication.offset > this.#head + 1) this.#moveTo(publication.offset - 1, run.before);
      this.next = publication.offset + 1;
      this.nextBytes += sizeOf(publication);
      this.append(publication);
    }
    this.journaledTo = this.#head;
    return true;
  }

  /** The log goes on in a new epoch, since readers may have seen what it has lost. */
  renew(epoch: string, since: number): void {
    this.epoch = epoch;
    this.since = since;
    this.isRecordDirty = true;
  }

  /** Gives a publication its place. It is told of later, by `append`. */
  assign(publication: Omit<Publication, "offset">): Publication {
    const placed: Publication = { ...publication, offset: this.next++ };
    this.nextBytes += sizeOf(placed);
    return placed;
  }

  /** The next publication in order; from now on it is part of the log. */
  append(publication: Publication): void {
    const size = sizeOf(publication);
    this.#head = publication.offset;
    this.#bytes += size;
    this.keyed?.apply(publication);
    if (this.#retention?.maxEntries === 0 && this.#tail.length === 0) {
      this.#first = this.#head + 1;
      this.#firstBytes = this.#bytes;
      this.isRecordDirty = true;
      return;
    }
    this.#tail.push(publication);
    this.shared.tailBytes += memoryOf(publication);
    this.#dropExcess();
  }

  /** What retention does not cover before it comes to be written need not be written at all. */
  #dropExcess(): void {
    const { maxEntries = Number.POSITIVE_INFINITY } = this.#retention ?? {};
    if (this.#tail.length <= 2 * maxEntries + leastExcess) return;
    this.#jumpTo(Math.max(this.#first, this.#head - maxEntries + 1));
    this.dropTail(this.#first - 1);
  }

  /** What was told of, and is neither in the journal nor in the index. */
  unwritten(): Publication[] {
    if (this.journaledTo >= this.#head) return [];
    return this.#tail.filter(({ offset }) => offset > this.journaledTo);
  }

  /** The tail up to an offset is in the index now. */
  dropTail(offset: number): void {
    const count = offset - this.storedTo;
    if (count <= 0) return;
    for (const publication of this.#tail.slice(0, count)) this.shared.tailBytes -= memoryOf(publication);
    this.#tail = this.#tail.slice(count);
  }

  /** Nothing that was told of is kept any more; the place where it ends stays. */
  forget(): void {
    this.#jumpTo(this.#head + 1);
    this.dropTail(this.#head);
    this.isRecordDirty = true;
  }

  /** Moves `first` to what the retention still covers. What lies before is to be removed from the index. */
  trim(now: number): void {
    if (this.#retention === undefined) return;
    const { maxEntries, maxBytes, ttlMs } = this.#retention;
    const byCount = this.#head - maxEntries + 1;
    if (byCount > this.#first) this.#jumpTo(byCount);
    while (this.#first <= this.#head) {
      const oldest = this.#at(this.#first);
      const isKept =
        oldest !== undefined && this.#bytes - this.#firstBytes <= maxBytes && now - oldest.time < ttlMs;
      if (isKept) return;
      this.#first++;
      this.#firstBytes += oldest?.size ?? 0;
    }
    this.#firstBytes = this.#bytes;
  }

  read(query: HistoryQuery, now: number): HistoryPage {
    this.usedAt = now;
    this.trim(now);
    const { sinceOffset, isReverse } = query;
    const page = new PageBuilder(query);
    if (isReverse) readBack(this, Math.min((sinceOffset ?? this.#head + 1) - 1, this.#head), page);
    else readOn(this, Math.max((sinceOffset ?? 0) + 1, this.#first), page);
    return { publications: page.publications, position: this.position };
  }

  /** A segment could not be read. Told once. */
  tellDamage(offset: number): void {
    if (this.#isDamageTold) return;
    this.#isDamageTold = true;
    this.shared.onDamage(this.name, offset);
  }

  #moveTo(head: number, bytes: number): void {
    this.dropTail(this.#head);
    this.#oldest = undefined;
    this.#head = head;
    this.#bytes = bytes;
    this.#first = head + 1;
    this.#firstBytes = bytes;
    this.next = head + 1;
    this.nextBytes = bytes;
    this.journaledTo = head;
  }

  #jumpTo(first: number): void {
    this.#first = first;
    if (first > this.#head) {
      this.#firstBytes = this.#bytes;
      return;
    }
    const tailStart = this.storedTo + 1;
    if (first < tailStart) {
      const segment = this.#index.segmentAt(this.name, first);
      if (segment && !("isDamaged" in segment)) this.#firstBytes = bytesBefore(segment, first);
      return;
    }
    const kept = this.#tail.slice(first - tailStart);
    this.#firstBytes = this.#bytes - kept.reduce((sum, publication) => sum + sizeOf(publication), 0);
  }

  /** Time and size of a kept publication; undefined where it cannot be read. */
  #at(offset: number): { readonly time: number; readonly size: number } | undefined {
    const tailStart = this.storedTo + 1;
    if (offset >= tailStart) {
      const publication = this.#tail[offset - tailStart] as Publication;
      return { time: publication.time, size: sizeOf(publication) };
    }
    if (this.#oldest === undefined || !covers(this.#oldest, offset)) {
      const segment: Segment | DamagedSegment | undefined = this.#index.segmentAt(this.name, offset);
      if (segment === undefined || "isDamaged" in segment) return undefined;
      this.#oldest = { first: segment.first, index: segment.index };
      if (offset === segment.first) this.#firstBytes = segment.before;
    }
    const { first, index } = this.#oldest;
    if (!covers(this.#oldest, offset)) return undefined;
    return { time: timeAt(index, offset - first), size: sizeAt(index, offset - first) };
  }
}

/** Publications beyond retention that may gather before any are dropped. */
const leastExcess = 64;
