/**
 * One log's part in the index, and what must be written to it: the record, segments, values of keys, idempotency keys, the owner's
 * charge, and when the sweeper visits the log next. One `put` is one transaction.
 */
import type { Publication } from "../../wire/messages.js";
import type { ChannelLog } from "./channel-log.js";
import { type ChannelRecord, encodeSegment, sizeOf } from "./format.js";
import type { IdempotencyKeys, KeyToStore } from "./idempotency-keys.js";
import type { SharedByLogs } from "./loaded-logs.js";
import { chargeFor, pageBytes, pagesPerPut } from "./store-room.js";

/** Most bytes of a segment, so that reading one entry does not read much. */
const maxSegmentBytes = 64 * 1024;
/** Most segments of one log that are removed at once. */
const maxRemovals = 256;
/** Due times are rounded to periods, so that they are rarely rewritten. */
const periodMs = 10_000;
/** Logs are visited at least this often, since a shorter retention may have been set. */
const longestMs = 24 * 60 * 60 * 1000;

export function periodAt(time: number): number {
  return Math.floor(time / periodMs);
}

export interface PutOptions {
  /** Unix milliseconds. */
  readonly now: number;
  /** Pages that may be written. The first segment of a log is always written. */
  readonly budget: number;
  /** Gets the promises of all puts. */
  readonly puts: Promise<unknown>[];
  /** The idempotency keys that are not in the index yet. */
  readonly keys: IdempotencyKeys;
}

/** One put of a log: for `putDone` or `putFailed`, once the promises have settled. */
export interface LogPut {
  readonly stored: StoredLog;
  /** Most pages that were written. */
  readonly spent: number;
  /** Whether the log is now complete in the index. */
  readonly isComplete: boolean;
  /** The tail was put up to this offset. */
  readonly to: number;
  /** Idempotency keys. */
  readonly keys: readonly KeyToStore[];
  /** Keys of a map whose values were put. */
  readonly values: readonly string[];
  /** The record's values before this put. */
  readonly valuesTo: number;
  readonly charged: number | undefined;
}

export class StoredLog {
  readonly #log: ChannelLog;
  readonly #shared: SharedByLogs;
  /** Whether the index has a record of it, or gets one with the current put. */
  #hasRecord = false;
  /** Whether the record has changes that are not in the index. */
  #isRecordDirty = false;
  /** Period in which the sweeper visits the log; 0 until known. */
  #due = 0;
  /** Bytes charged to the owner; undefined until the log counts among the owner's. */
  #charged: number | undefined;
  /** The index has the values of keys as of this offset, or later ones. */
  #valuesTo = 0;
  /** The index has nothing before this offset. */
  #cleanedTo = 0;
  /** Idempotency keys of acknowledged publications that are not in the index yet. */
  #keys: KeyToStore[] = [];

  constructor(log: ChannelLog, shared: SharedByLogs) {
    this.#log = log;
    this.#shared = shared;
    shared.room.unstored.add(log.owner);
  }

  get due(): number {
    return this.#due;
  }

  get valuesTo(): number {
    return this.#valuesTo;
  }

  /** Whether the log has changes that are not in the index. */
  get isDirty(): boolean {
    const { tail, unstoredKeys } = this.#log;
    return (
      tail.length > 0 ||
      this.#isRecordDirty ||
      !this.#hasRecord ||
      this.#keys.length > 0 ||
      unstoredKeys?.isDirty === true
    );
  }

  load({ due, charged, valuesTo = 0 }: ChannelRecord): void {
    this.#due = due;
    this.#charged = charged;
    this.#valuesTo = valuesTo;
    this.#markRecord();
  }

  /** The record has changed. */
  touch(): void {
    this.#isRecordDirty = true;
  }

  /** The index's values of keys belong to an earlier, forgotten log. */
  dropValues(): void {
    this.#valuesTo = 0;
  }

  addKey(key: KeyToStore): void {
    this.#keys.push(key);
  }

  /** Writes changes to the index, within a budget, and removes what the log no longer keeps. */
  put({ now, budget, puts, keys }: PutOptions): LogPut {
    const log = this.#log;
    const { index } = this.#shared;
    const valuesTo = this.#valuesTo;
    const charged = this.#charged;
    log.trim(now);
    // Publications that expired before they were stored must still advance the record.
    if (log.first - 1 > log.storedTo) this.touch();
    const segments = this.#putSegments(budget, puts);
    let { spent } = segments;
    const removed = this.#removeOld(puts);
    spent += pagesPerPut * removed;
    const isStored = segments.to === log.head && removed < maxRemovals;
    // After their publications, so that no value belongs to a publication that a crash loses.
    const values = isStored ? this.#putValues(puts, budget - spent) : nothing;
    spent += values.pages;
    const isComplete = isStored && log.unstoredKeys?.isDirty !== true;
    this.#charge(puts);
    const expiry = log.keyed?.state.nextExpiry;
    const isDueEarlier = this.#due > 0 && expiry !== undefined && periodAt(expiry) + 1 < this.#due;
    if (this.#isRecordDirty || !this.#hasRecord || isDueEarlier) {
      if (this.#due === 0 || isDueEarlier) {
        if (isDueEarlier) puts.push(index.removeDue(this.#due, log.name));
        this.#due = this.#duePeriod(now);
        puts.push(index.putDue(this.#due, log.name));
      }
      // In the same transaction as the first segments, which would belong to no log without it.
      puts.push(index.putChannel(log.name, this.#record(segments.to)));
      this.#isRecordDirty = !isComplete;
      this.#markRecord();
      spent += 2 * pagesPerPut;
    }
    const keysPut = isComplete ? this.#keys.splice(0) : [];
    keys.put(keysPut, puts);
    spent += pagesPerPut * keysPut.length;
    return {
      stored: this,
      spent,
      isComplete,
      to: segments.to,
      keys: keysPut,
      values: values.keys,
      valuesTo,
      charged,
    };
  }

  putDone({ to }: LogPut): void {
    this.#log.dropTail(to);
  }

  /** Nothing of the put is in the index. */
  putFailed({ keys, values, valuesTo, charged }: LogPut): void {
    this.#log.unstoredKeys?.putFailed(values);
    this.#valuesTo = valuesTo;
    this.#charged = charged;
    this.#isRecordDirty = true;
    this.#keys.push(...keys);
  }

  /** Schedules the sweeper's next visit. */
  reschedule(now: number, puts: Promise<unknown>[]): void {
    const log = this.#log;
    const { index } = this.#shared;
    this.#due = Math.max(this.#duePeriod(now), periodAt(now) + 1);
    puts.push(index.putDue(this.#due, log.name));
    // In the same transaction: a log whose record names another due time would never be visited.
    puts.push(index.putChannel(log.name, this.#record(log.storedTo)));
  }

  /** Removes the log and its segments from the index. */
  remove(puts: Promise<unknown>[]): void {
    const { name, owner, head } = this.#log;
    const { index, room } = this.#shared;
    if (this.#due !== 0) puts.push(index.removeDue(this.#due, name));
    if (owner && this.#charged !== undefined)
      room.owners.change(owner, { logs: -1, bytes: -this.#charged }, puts);
    for (const first of index.firstOffsetsBefore(name, head + 1, Number.MAX_SAFE_INTEGER))
      puts.push(index.removeSegment(name, first));
    puts.push(index.removeChannel(name));
  }

  /** The record of a log that is in the index up to an offset. */
  #record(head: number): ChannelRecord {
    const { epoch, since, run, durability, retention, usedAt, owner } = this.#log;
    const charged = this.#charged;
    const values = this.#valuesTo > 0 ? { valuesTo: this.#valuesTo } : {};
    const charge = owner === undefined ? {} : { owner, ...(charged !== undefined && { charged }) };
    const bytes = this.#log.bytesBefore(head + 1);
    const due = this.#due;
    return { epoch, since, run, durability, retention, head, bytes, due, usedAt, ...values, ...charge };
  }

  #markRecord(): void {
    if (this.#hasRecord) return;
    this.#hasRecord = true;
    this.#shared.room.unstored.add(this.#log.owner, -1);
  }

  /**
   * The period after the one in which the log's oldest publication or its first key will have expired, or the log can be
   * forgotten.
   */
  #duePeriod(now: number): number {
    const log = this.#log;
    if (log.isEmpty) return periodAt(log.usedAt + this.#shared.metaTtlMs) + 1;
    const { nextExpiry = Number.POSITIVE_INFINITY } = log.keyed?.state ?? {};
    const hasPublications = log.first <= log.head;
    const oldest = hasPublications ? log.oldestTime : now;
    const ttlMs = hasPublications ? (log.retention?.ttlMs ?? longestMs) : longestMs;
    return periodAt(Math.min(oldest + Math.min(ttlMs, longestMs), nextExpiry)) + 1;
  }

  #putSegments(budget: number, puts: Promise<unknown>[]): { readonly spent: number; readonly to: number } {
    const log = this.#log;
    let spent = 0;
    let to = Math.max(log.storedTo, log.first - 1);
    let before = log.bytesBefore(to + 1);
    while (to < log.head && spent < budget) {
      const publications = nextSegment(log.tail, to - log.storedTo);
      const bytes = encodeSegment(publications, before);
      puts.push(this.#shared.index.putSegment(log.name, bytes, to + 1));
      spent += pagesPerPut + Math.ceil(bytes.length / pageBytes);
      before += publications.reduce((sum, publication) => sum + sizeOf(publication), 0);
      to += publications.length;
    }
    return { spent, to };
  }

  /** @returns how many segments were removed */
  #removeOld(puts: Promise<unknown>[]): number {
    const { name, first, storedTo } = this.#log;
    const { index } = this.#shared;
    if (first === this.#cleanedTo) return 0;
    const old = index.firstOffsetsBefore(name, first, maxRemovals + 1);
    // The last of them may extend beyond `first`.
    const removable = first > storedTo ? old.slice(0, maxRemovals) : old.slice(0, -1);
    for (const segment of removable) puts.push(index.removeSegment(name, segment));
    if (removable.length < maxRemovals) this.#cleanedTo = first;
    // Without segments only the record tells where the log ends.
    if (removable.length > 0 && first > storedTo) this.touch();
    return removable.length;
  }

  /** Once all are written, the record says so. */
  #putValues(
    puts: Promise<unknown>[],
    budget: number,
  ): { readonly keys: readonly string[]; readonly pages: number } {
    const { unstoredKeys, name, head } = this.#log;
    if (unstoredKeys?.isDirty !== true) return nothing;
    const put = unstoredKeys.put(name, this.#shared.index, puts, budget);
    if (unstoredKeys.isDirty) return put;
    this.#valuesTo = head;
    this.touch();
    return put;
  }

  #charge(puts: Promise<unknown>[]): void {
    const { owner, keptBytes } = this.#log;
    if (!owner) return;
    const charged = this.#charged;
    const bytes = chargeFor(keptBytes, charged ?? 0);
    if (bytes === charged) return;
    const change = { logs: charged === undefined ? 1 : 0, bytes: bytes - (charged ?? 0) };
    this.#shared.room.owners.change(owner, change, puts);
    this.#charged = bytes;
    this.touch();
  }
}

const nothing = { keys: [] as readonly string[], pages: 0 };

function nextSegment(tail: readonly Publication[], from: number): Publication[] {
  const publications: Publication[] = [];
  let bytes = 0;
  for (let i = from; i < tail.length; i++) {
    const publication = tail[i] as Publication;
    bytes += sizeOf(publication);
    if (bytes > maxSegmentBytes && publications.length > 0) break;
    publications.push(publication);
  }
  return publications;
}
