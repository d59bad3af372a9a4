/** Writes one log's tail to the index, and removes from it what the log does not keep any more. */
import type { Publication } from "../../wire/messages.js";
import type { ChannelLog } from "./channel-log.js";
import { duePeriodOf, periodAt } from "./due.js";
import { sizeOf } from "./entries.js";
import { encodeSegment, type LogIndex } from "./log-index.js";
import { chargeFor } from "./owner-use.js";
import { pageBytes, pagesPerPut } from "./store-space.js";

/** Larger segments are cut, so that reading one entry does not mean reading much, in bytes. */
const maxSegmentBytes = 64 * 1024;
/** Segments of one log that are removed in one go. */
const maxRemovals = 256;

interface StoreLogOptions {
  /** Unix milliseconds. */
  readonly now: number;
  /** Pages that may be written. A log's first segment is written in any case. */
  readonly budget: number;
  /** Gets the promises of all puts. */
  readonly puts: Promise<unknown>[];
}

interface Stored {
  /** Pages written, at most. */
  readonly spent: number;
  /** The tail up to this offset is in the index once the puts have resolved. */
  readonly to: number;
  /** Whether that is all of it. */
  readonly isComplete: boolean;
  /** Keys whose values are in the index once the puts have resolved. */
  readonly keys: readonly string[];
}

export function storeLog(log: ChannelLog, index: LogIndex, { now, budget, puts }: StoreLogOptions): Stored {
  log.trim(now);
  // What was gone before it came here would leave no trace otherwise of having been there.
  if (log.first - 1 > log.storedTo) log.isRecordDirty = true;
  let spent = 0;
  let to = Math.max(log.storedTo, log.first - 1);
  let before = log.bytesBefore(to + 1);
  while (to < log.head && spent < budget) {
    const publications = nextSegment(log.tail, to - log.storedTo);
    const bytes = encodeSegment(publications, before);
    puts.push(index.putSegment(log.name, bytes, to + 1));
    spent += pagesPerPut + Math.ceil(bytes.length / pageBytes);
    before += publications.reduce((sum, publication) => sum + sizeOf(publication), 0);
    to += publications.length;
  }
  const removed = removeOld(log, index, puts);
  spent += pagesPerPut * removed;
  const isStored = to === log.head && removed < maxRemovals;
  // Not before the publications that they are of, so that no value is of one that a crash takes away.
  const values = isStored ? putValues(log, index, puts, budget - spent) : nothing;
  spent += values.pages;
  const isComplete = isStored && log.unstoredKeys?.isDirty !== true;
  charge(log, puts);
  const expiry = log.keyed?.state.nextExpiry;
  const isDueEarlier = log.due > 0 && expiry !== undefined && periodAt(expiry) + 1 < log.due;
  if (log.isRecordDirty || !log.isStored || isDueEarlier) {
    if (log.due === 0 || isDueEarlier) {
      if (isDueEarlier) puts.push(index.removeDue(log.due, log.name));
      log.due = duePeriodOf(log, now);
      puts.push(index.putDue(log.due, log.name));
    }
    // In the transaction of the segments, and of the first of them: without it they would belong to nobody.
    puts.push(index.putChannel(log.name, log.recordAt(to)));
    log.isRecordDirty = !isComplete;
    log.markStored();
    spent += 2 * pagesPerPut;
  }
  const { keys } = values;
  return { spent: isComplete ? spent + pagesPerPut * log.keys.length : spent, to, isComplete, keys };
}

/** In the transaction of the record. */
function charge(log: ChannelLog, puts: Promise<unknown>[]): void {
  const { owner, charged } = log;
  if (!owner) return;
  const bytes = chargeFor(log.keptBytes, charged ?? 0);
  if (bytes === charged) return;
  log.shared.room.owners.change(
    owner,
    { logs: charged === undefined ? 1 : 0, bytes: bytes - (charged ?? 0) },
    puts,
  );
  log.charged = bytes;
  log.isRecordDirty = true;
}

const nothing = { keys: [] as readonly string[], pages: 0 };

/** With the last of them the record says that all are there. */
function putValues(
  log: ChannelLog,
  index: LogIndex,
  puts: Promise<unknown>[],
  budget: number,
): { readonly keys: readonly string[]; readonly pages: number } {
  const { unstoredKeys } = log;
  if (unstoredKeys?.isDirty !== true) return nothing;
  const put = unstoredKeys.put(log.name, index, puts, budget);
  if (unstoredKeys.isDirty) return put;
  log.valuesTo = log.head;
  log.isRecordDirty = true;
  return put;
}

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

/** @returns how many segments were removed */
function removeOld(log: ChannelLog, index: LogIndex, puts: Promise<unknown>[]): number {
  if (log.first === log.cleanedTo) return 0;
  const old = index.firstOffsetsBefore(log.name, log.first, maxRemovals + 1);
  // The last of them may reach beyond.
  const removable = log.first > log.storedTo ? old.slice(0, maxRemovals) : old.slice(0, -1);
  for (const first of removable) puts.push(index.removeSegment(log.name, first));
  if (removable.length < maxRemovals) log.cleanedTo = log.first;
  // With the last segment goes what says where the log ends.
  if (removable.length > 0 && log.first > log.storedTo) log.isRecordDirty = true;
  return removable.length;
}
