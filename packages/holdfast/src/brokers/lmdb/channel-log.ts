/**
 * One channel's log while it is in use: its head, what retention keeps, and its tail, which is not in the index yet. Reads combine
 * index and tail. Times are Unix milliseconds.
 */
import type { Durability, HistoryPage, HistoryQuery, Retention } from "../../channels/log.js";
import type { Owner } from "../../channels/quota.js";
import type { Position, Publication } from "../../wire/messages.js";
import { PageBuilder } from "../publication-format.js";
import {
  bytesBefore,
  type ChannelRecord,
  countOf,
  covers,
  type DamagedSegment,
  memoryOf,
  type Run,
  type Segment,
  type SegmentPart,
  sizeAt,
  sizeOf,
  timeAt,
} from "./format.js";
import { readBack, readOn } from "./history-page.js";
import type { NewLog, SharedByLogs } from "./loaded-logs.js";
import type { LogIndex } from "./log-index.js";
import { MapKeys } from "./map-keys.js";
import { isWeaker } from "./store-marker.js";
import { StoredLog } from "./stored-log.js";

export class ChannelLog {
  readonly name: string;
  readonly shared: SharedByLogs;
  /** The part in the index. */
  readonly stored: StoredLog;
  /** Who published first and is charged; undefined for the server. */
  readonly owner: Owner;
  readonly #index: LogIndex;
  #epoch: string;
  #since: number;
  #durability: Durability = "disk";
  #retention: Retention | undefined;
  #keyed: MapKeys | undefined;
  #run: number;
  #usedAt: number;
  #isKnown = false;
  #isDamageReported = false;
  /** Publications that are not acknowledged yet. */
  #pending = 0;
  /** Those of them that wait for a flush. */
  #unflushed = 0;
  /** The last offset that is in the journal or the index. */
  #journaledTo = 0;
  #next = 1;
  /** Bytes of all publications before `#next`. */
  #nextBytes = 0;
  #head = 0;
  #bytes = 0;
  #first = 1;
  #firstBytes = 0;
  #tail: Publication[] = [];
  #oldest: SegmentPart | undefined;

  constructor({ name, epoch, since, run, now, owner }: NewLog, shared: SharedByLogs) {
    this.owner = owner;
    this.name = name;
    this.#epoch = epoch;
    this.#since = since;
    this.#run = run;
    this.#usedAt = now;
    this.shared = shared;
    this.#index = shared.index;
    this.stored = new StoredLog(this, shared);
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** Stamp of the epoch's beginning. */
  get since(): number {
    return this.#since;
  }

  /** The weakest durability that publications of this epoch were acknowledged with. */
  get durability(): Durability {
    return this.#durability;
  }

  get retention(): Retention | undefined {
    return this.#retention;
  }

  /** The run up to which losses are accounted for: those of earlier runs have brought a new epoch. */
  get run(): number {
    return this.#run;
  }

  /** When it was last written or read, Unix milliseconds. */
  get usedAt(): number {
    return this.#usedAt;
  }

  /** Whether the journal or the index has it. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Whether publications are not acknowledged yet. */
  get hasPending(): boolean {
    return this.#pending > 0;
  }

  /** Whether some of them wait for a flush: later ones then wait, too, to keep the order. */
  get awaitsFlush(): boolean {
    return this.#unflushed > 0;
  }

  /** Offset that the next publication gets. */
  get next(): number {
    return this.#next;
  }

  use(now: number): void {
    this.#usedAt = now;
  }

  /** Applies the retention of the next publication. */
  retain(retention: Retention | undefined): void {
    if (retention === this.#retention) return;
    const known = this.#retention;
    this.#retention = retention;
    this.#keepKeys();
    if (!isSameRetention(retention, known)) this.stored.touch();
  }

  /**
   * From now on publications are acknowledged with this durability or a weaker one.
   * @returns whether that must be flushed first: if a known log gets a weaker durability than before
   */
  weaken(durability: Durability): boolean {
    if (!isWeaker(durability, this.#durability)) return false;
    this.#durability = durability;
    this.stored.touch();
    return this.#isKnown;
  }

  /** Losses of earlier runs are accounted for. */
  markRun(run: number): void {
    this.#run = run;
  }

  /** A publication is pending. */
  beginPublish(): void {
    this.#pending++;
  }

  /** It was acknowledged, or refused. */
  endPublish(): void {
    this.#pending--;
  }

  beginFlush(): void {
    this.#unflushed++;
  }

  endFlush(): void {
    this.#unflushed--;
  }

  /** The values of keys, if retention keeps them. */
  get keyed(): MapKeys | undefined {
    return this.#retention?.keys && this.#keyed;
  }

  /** Values that the index may lack, including values no longer kept. */
  get unstoredKeys(): MapKeys | undefined {
    return this.#keyed;
  }

  #keepKeys(): void {
    const { keys } = this.#retention ?? {};
    if (keys === undefined) this.#keyed?.clear();
    else if (this.#keyed) this.#keyed.state.limits = keys;
    else this.#keyed = new MapKeys(keys);
  }

  /** The last publication that was acknowledged. */
  get head(): number {
    return this.#head;
  }

  get position(): Position {
    return { epoch: this.epoch, offset: this.#head };
  }

  /** Bytes of publications and of keys. */
  get keptBytes(): number {
    return this.#bytes - this.#firstBytes + (this.#keyed?.state.bytes ?? 0);
  }

  /** The oldest kept offset; beyond the head if nothing is kept. */
  get first(): number {
    return this.#first;
  }

  /** Whether a new publication drops an older one, so that the log does not grow. */
  isAtBound({ maxEntries, maxBytes, keys }: Retention): boolean {
    return keys === undefined && (this.#head - this.#first + 1 >= maxEntries || this.keptBytes >= maxBytes);
  }

  get isEmpty(): boolean {
    return this.#first > this.#head && (this.#keyed?.state.size ?? 0) === 0;
  }

  /** When the oldest kept publication was published, Unix milliseconds. */
  get oldestTime(): number {
    return this.#at(this.#first)?.time ?? this.#usedAt;
  }

  /** Publications that are not in the index yet, oldest first. */
  get tail(): readonly Publication[] {
    return this.#tail;
  }

  /** The last offset that no longer has to be written to the index. */
  get storedTo(): number {
    return this.#head - this.#tail.length;
  }

  /** Bytes of all publications before `next`. */
  get nextBytes(): number {
    return this.#nextBytes;
  }

  /** Bytes of all publications before one of the tail, or before the next one. */
  bytesBefore(offset: number): number {
    let bytes = this.#bytes;
    for (let i = this.#tail.length - 1; i >= 0 && (this.#tail[i] as Publication).offset >= offset; i--)
      bytes -= sizeOf(this.#tail[i] as Publication);
    return bytes;
  }

  /**
   * Loads the log from the index.
   * @returns the offset from which publications were lost, if the end of the log cannot be read
   */
  load(record: ChannelRecord): number | undefined {
    this.#epoch = record.epoch;
    this.#since = record.since;
    this.#run = record.run;
    this.#durability = record.durability;
    this.#usedAt = record.usedAt;
    this.#isKnown = true;
    this.#retention = record.retention;
    this.#keepKeys();
    this.stored.load(record);
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
    this.#keyed?.load(this.#index, this.name, head, () => this.reportDamage(head));
    return lost;
  }

  /**
   * Applies a run of the journal, as far as it goes beyond the index. What lies between was not kept.
   * @returns false for a run of an earlier log of this name, which was forgotten
   */
  replay(run: Run): boolean {
    if (run.since < this.since) return false;
    const isNewer = run.since > this.since;
    if (isNewer && run.first <= this.#head) {
      this.#moveTo(run.first - 1, run.before);
      this.#keyed?.clear();
      this.stored.dropValues();
    }
    this.#epoch = run.epoch;
    this.#since = run.since;
    this.#run = Math.max(this.#run, run.run);
    if (isNewer || isWeaker(run.durability, this.#durability)) this.#durability = run.durability;
    this.retain(run.retention ?? this.#retention);
    this.#isKnown = true;
    this.stored.touch();
    for (const publication of run.publications) {
      if (publication.offset <= this.#head) {
        if (publication.offset > this.stored.valuesTo) this.keyed?.replay(publication);
        continue;
      }
      if (publication.offset > this.#head + 1) this.#moveTo(publication.offset - 1, run.before);
      this.#next = publication.offset + 1;
      this.#nextBytes += sizeOf(publication);
      this.append(publication);
    }
    this.#journaledTo = this.#head;
    return true;
  }

  /** Continues in a new epoch, since readers may have seen what was lost. */
  renew(epoch: string, since: number): void {
    this.#epoch = epoch;
    this.#since = since;
    this.stored.touch();
  }

  /** The state before a write, for `revert`. */
  mark(): LogMark {
    return {
      next: this.#next,
      nextBytes: this.#nextBytes,
      durability: this.#durability,
      retention: this.#retention,
    };
  }

  /** Returns to the state before a failed write. */
  revert({ next, nextBytes, durability, retention }: LogMark): void {
    this.#next = next;
    this.#nextBytes = nextBytes;
    this.#durability = durability;
    this.retain(retention);
  }

  /** All assigned publications are in the journal. */
  markJournaled(): void {
    this.#journaledTo = this.#next - 1;
    this.#isKnown = true;
  }

  /** Assigns the next offset to a publication. `append` makes it part of the log later. */
  assign(publication: Omit<Publication, "offset">): Publication {
    const placed: Publication = { ...publication, offset: this.#next++ };
    this.#nextBytes += sizeOf(placed);
    return placed;
  }

  /** Makes the next publication in order part of the log. */
  append(publication: Publication): void {
    const size = sizeOf(publication);
    this.#head = publication.offset;
    this.#bytes += size;
    this.keyed?.apply(publication);
    if (this.#retention?.maxEntries === 0 && this.#tail.length === 0) {
      this.#first = this.#head + 1;
      this.#firstBytes = this.#bytes;
      this.stored.touch();
      return;
    }
    this.#tail.push(publication);
    this.shared.room.addTailBytes(memoryOf(publication));
    this.#dropExcess();
  }

  /** Publications that retention drops before they are written need not be written at all. */
  #dropExcess(): void {
    const { maxEntries = Number.POSITIVE_INFINITY } = this.#retention ?? {};
    if (this.#tail.length <= 2 * maxEntries + minExcess) return;
    this.#jumpTo(Math.max(this.#first, this.#head - maxEntries + 1));
    this.dropTail(this.#first - 1);
  }

  /** Acknowledged publications that are neither in the journal nor in the index. */
  unwritten(): Publication[] {
    if (this.#journaledTo >= this.#head) return [];
    return this.#tail.filter(({ offset }) => offset > this.#journaledTo);
  }

  /** The tail up to an offset is in the index now. */
  dropTail(offset: number): void {
    const count = offset - this.storedTo;
    if (count <= 0) return;
    let bytes = 0;
    for (let i = 0; i < count; i++) bytes += memoryOf(this.#tail[i] as Publication);
    this.shared.room.addTailBytes(-bytes);
    this.#tail = this.#tail.slice(count);
  }

  /** Drops all publications; keys and the position stay. */
  forget(): void {
    this.#jumpTo(this.#head + 1);
    this.dropTail(this.#head);
    this.stored.touch();
  }

  /** Moves `first` to the oldest publication that retention still covers. Older ones are removed from the index later. */
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
    this.#usedAt = now;
    this.trim(now);
    const { sinceOffset, isReverse } = query;
    const page = new PageBuilder(query);
    if (isReverse) readBack(this, Math.min((sinceOffset ?? this.#head + 1) - 1, this.#head), page);
    else readOn(this, Math.max((sinceOffset ?? 0) + 1, this.#first), page);
    return { publications: page.publications, position: this.position };
  }

  /** A segment could not be read. Reported once per log. */
  reportDamage(offset: number): void {
    if (this.#isDamageReported) return;
    this.#isDamageReported = true;
    this.shared.onDamage(this.name, offset);
  }

  #moveTo(head: number, bytes: number): void {
    this.dropTail(this.#head);
    this.#oldest = undefined;
    this.#head = head;
    this.#bytes = bytes;
    this.#first = head + 1;
    this.#firstBytes = bytes;
    this.#next = head + 1;
    this.#nextBytes = bytes;
    this.#journaledTo = head;
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

  /** Time and size of a kept publication; undefined if it cannot be read. */
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

/** Publications beyond retention that may accumulate before any are dropped. */
const minExcess = 64;

/** The state of a log before a write, to return to if it fails. */
export type LogMark = Pick<ChannelLog, "next" | "nextBytes" | "durability" | "retention">;

/** Whether both are equal, so that nothing has to be written. */
function isSameRetention(a: Retention | undefined, b: Retention | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.maxEntries === b.maxEntries && a.maxBytes === b.maxBytes && a.ttlMs === b.ttlMs && hasSameKeys(a, b)
  );
}

function hasSameKeys({ keys: a }: Retention, { keys: b }: Retention): boolean {
  return (
    a?.maxKeys === b?.maxKeys &&
    a?.maxUserKeys === b?.maxUserKeys &&
    a?.maxBytes === b?.maxBytes &&
    a?.ttlMs === b?.ttlMs
  );
}
