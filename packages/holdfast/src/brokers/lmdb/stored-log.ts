/**
 * What the index has of one log, and what it is to get: the record, segments, values of keys, idempotency keys, the owner's
 * charge, and when the sweeper visits the log next. All that one `put` writes is one transaction.
 */
import type { Publication } from "../../wire/messages.js";
import type { ChannelLog } from "./channel-log.js";
import { type ChannelRecord, encodeSegment, sizeOf } from "./format.js";
import type { IdempotencyKeys, KeyToStore } from "./idempotency-keys.js";
import type { SharedByLogs } from "./loaded-logs.js";
import { chargeFor, pageBytes, pagesPerPut } from "./store-room.js";

/** Larger segments are cut, so that reading one entry does not mean reading much, in bytes. */
const maxSegmentBytes = 64 * 1024;
/** Segments of one log that are removed in one go. */
const maxRemovals = 256;
/** Due times are periods, so that few of them are written. */
const periodMs = 10_000;
/** Logs are visited at least this often: a shorter age may have been set. */
const longestMs = 24 * 60 * 60 * 1000;

export function periodAt(time: number): number {
  return Math.floor(time / periodMs);
}

export interface PutOptions {
  /** Unix milliseconds. */
  readonly now: number;
  /** Pages that may be written. A log's first segment is written in any case. */
  readonly budget: number;
  /** Gets the promises of all puts. */
  readonly puts: Promise<unknown>[];
  /** Where idempotency keys of the log are found until the index has them. */
  readonly keys: IdempotencyKeys;
}

/** One put of a log: for `putDone` or `putFailed`, once the promises have settled. */
export interface LogPut {
  readonly stored: StoredLog;
  /** Pages written, at most. */
  readonly spent: number;
  /** Whether that is all of the log. */
  readonly isComplete: boolean;
  /** The tail up to this offset. */
  readonly to: number;
  /** Idempotency keys. */
  readonly keys: readonly KeyToStore[];
  /** Keys of a map whose values were put. */
  readonly values: readonly string[];
  /** What the record said before. */
  readonly valuesTo: number;
  readonly charged: number | undefined;
}

export class StoredLog {
  readonly #log: ChannelLog;
  readonly #shared: SharedByLogs;
  /** Whether the index has a record of it, or gets one with what is being put. */
  #hasRecord = false;
  /** Whether the record says something that the index does not have yet. */
  #isRecordDirty = false;
  /** Period in which the sweeper visits the log; 0 before that is known. */
  #due = 0;
  /** Bytes that the owner was charged with; undefined as long as the log does not count among the owner's. */
  #charged: number | undefined;
  /** The index has the values of keys as they are after this offset, or later ones. */
  #valuesTo = 0;
  /** Nothing before this offset is left in the index. */
  #cleanedTo = 0;
  /** Idempotency keys of publications that were acknowledged. */
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

  /** Whether there is something that the index does not have yet. */
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

  /** The record says something new. */
  touch(): void {
    this.#isRecordDirty = true;
  }

  /** The values of keys that the index has are of a log that was forgotten. */
  dropValues(): void {
    this.#valuesTo = 0;
  }

  addKey(key: KeyToStore): void {
    this.#keys.push(key);
  }

  /** Writes to the index what it does not have yet, or some of it, and removes what the log keeps no more. */
  put({ now, budget, puts, keys }: PutOptions): LogPut {
    const log = this.#log;
    const { index } = this.#shared;
    const valuesTo = this.#valuesTo;
    const charged = this.#charged;
    log.trim(now);
    // What expired before it was stored would leave no trace otherwise.
    if (log.first - 1 > log.storedTo) this.touch();
    const segments = this.#putSegments(budget, puts);
    let { spent } = segments;
    const removed = this.#removeOld(puts);
    spent += pagesPerPut * removed;
    const isStored = segments.to === log.head && removed < maxRemovals;
    // Not before the publications that they are of, so that no value is of one that a crash takes away.
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
      // In the transaction of the segments, and of the first of them: without it they would belong to no log.
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

  /** None of it is in the index. */
  putFailed({ keys, values, valuesTo, charged }: LogPut): void {
    this.#log.unstoredKeys?.putFailed(values);
    this.#valuesTo = valuesTo;
    this.#charged = charged;
    this.#isRecordDirty = true;
    this.#keys.push(...keys);
  }

  /** The sweeper has visited the log, and will again. */
  reschedule(now: number, puts: Promise<unknown>[]): void {
    const log = this.#log;
    const { index } = this.#shared;
    this.#due = Math.max(this.#duePeriod(now), periodAt(now) + 1);
    puts.push(index.putDue(this.#due, log.name));
    // In the same transaction: a log that is due at a time that its record does not name would never be visited.
    puts.push(index.putChannel(log.name, this.#record(log.storedTo)));
  }

  /** The log goes, with what is left of its segments. */
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

  /** What the index is to say where it has the log up to an offset. */
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
    // The last of them may reach beyond.
    const removable = first > storedTo ? old.slice(0, maxRemovals) : old.slice(0, -1);
    for (const segment of removable) puts.push(index.removeSegment(name, segment));
    if (removable.length < maxRemovals) this.#cleanedTo = first;
    // With the last segment goes what says where the log ends.
    if (removable.length > 0 && first > storedTo) this.touch();
    return removable.length;
  }

  /** With the last of them the record says that all are there. */
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
