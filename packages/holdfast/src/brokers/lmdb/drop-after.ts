/** Removes from a store that no server uses what was published after a time: from the index, and from the journal. */
import * as fs from "node:fs";
import { join } from "node:path";
import type { Publication } from "../../wire/messages.js";
import {
  type ChannelRecord,
  decodeFileFrames,
  decodeRuns,
  encodeRuns,
  encodeSegment,
  encodeValue,
  publicationsOf,
  type Run,
  type Segment,
  sizeOf,
} from "./format.js";
import { journalNumbers, journalPath, readJournal, reserveName } from "./journal.js";
import { greatestOffset, LogIndex, settled } from "./log-index.js";
import { channelPages } from "./store-view.js";

export interface Dropped {
  /** Publications. */
  readonly dropped: number;
  /** Keys of maps whose value at the time is unknown. */
  readonly lostKeys: number;
}

/** Of the server itself: a token that was revoked later stays revoked. */
const ownChannel = /^\p{Cc}/u;

/** @param time Unix milliseconds */
export async function dropAfter(folder: string, time: number): Promise<Dropped> {
  const index = await LogIndex.open(folder);
  const dropping = new Dropping(index, time);
  try {
    for await (const names of channelPages(index)) {
      for (const name of names) if (!ownChannel.test(name)) dropping.fromIndex(name);
      await dropping.written();
    }
    dropping.keys();
    await dropping.written();
    await index.flushed();
  } finally {
    await index.close();
  }
  for (const number of journalNumbers(folder)) dropping.fromJournal(journalPath(folder, number));
  const reserve = join(folder, reserveName);
  if (fs.existsSync(reserve)) dropping.fromJournal(reserve);
  return dropping.result;
}

class Dropping {
  readonly #index: LogIndex;
  readonly #time: number;
  /** Where logs end that lost publications: of that log, nothing later may come back, whatever its time. */
  readonly #ends = new Map<string, number>();
  /** Where logs ended in the index, to count what the journal has, too, once. */
  readonly #heads = new Map<string, number>();
  #puts: Promise<unknown>[] = [];
  #dropped = 0;
  #lostKeys = 0;

  constructor(index: LogIndex, time: number) {
    this.#index = index;
    this.#time = time;
  }

  get result(): Dropped {
    return { dropped: this.#dropped, lostKeys: this.#lostKeys };
  }

  async written(): Promise<void> {
    await settled(this.#puts.splice(0));
  }

  fromIndex(name: string): void {
    const index = this.#index;
    const record = index.channel(name);
    if (record === undefined) return;
    this.#heads.set(name, record.head);
    const cut = this.#cutSegments(name);
    if (cut === undefined) return;
    const { head, bytes, keys } = cut;
    this.#ends.set(name, head);
    if (head === 0) {
      this.#forget(name, record);
      return;
    }
    if (record.retention?.keys) this.#cutValues(name, head, keys);
    const valuesTo = record.valuesTo === undefined ? {} : { valuesTo: Math.min(record.valuesTo, head) };
    this.#puts.push(index.putChannel(name, { ...record, head, bytes, ...valuesTo }));
  }

  /** @returns the new end of the log, and the keys of what was dropped; undefined if all stays */
  #cutSegments(
    name: string,
  ): { readonly head: number; readonly bytes: number; readonly keys: Set<string> } | undefined {
    const keys = new Set<string>();
    let end: { readonly head: number; readonly bytes: number } | undefined;
    for (const segment of this.#index.segmentsBack(name, greatestOffset)) {
      if ("isDamaged" in segment) {
        this.#puts.push(this.#index.removeSegment(name, segment.first));
        continue;
      }
      const publications = publicationsOf(segment);
      const place = firstAfter(publications, this.#time);
      if (place === publications.length) break;
      for (const { key } of publications.slice(place)) if (key !== undefined) keys.add(key);
      this.#dropped += publications.length - place;
      end = this.#shorten(name, segment, publications.slice(0, place));
      if (place > 0) break;
    }
    return end && { ...end, keys };
  }

  #shorten(name: string, { first, before }: Segment, kept: readonly Publication[]) {
    const index = this.#index;
    if (kept.length === 0) this.#puts.push(index.removeSegment(name, first));
    else this.#puts.push(index.putSegment(name, encodeSegment(kept, before), first));
    const bytes = before + kept.reduce((sum, publication) => sum + sizeOf(publication), 0);
    return { head: first + kept.length - 1, bytes };
  }

  /** Gives keys that were set or removed later the newest value that is left of them in the log. */
  #cutValues(name: string, head: number, keys: Set<string>): void {
    const index = this.#index;
    for (const { publication } of index.values(name, () => {}))
      if (publication.offset > head && publication.key !== undefined) keys.add(publication.key);
    let first = head + 1;
    for (const segment of index.segmentsBack(name, head)) {
      if ("isDamaged" in segment || keys.size === 0) break;
      first = segment.first;
      for (const publication of publicationsOf(segment).reverse()) {
        const { key, offset, isRemoved, time: since } = publication;
        if (offset > head || key === undefined || !keys.delete(key)) continue;
        if (isRemoved) this.#puts.push(index.removeValue(name, key));
        else this.#puts.push(index.putValue(name, key, encodeValue({ publication, since })));
      }
    }
    // With the whole log, they were first set later.
    if (first > 1) this.#lostKeys += keys.size;
    for (const key of keys) this.#puts.push(index.removeValue(name, key));
  }

  /** The log began later. */
  #forget(name: string, { due, owner, charged = 0 }: ChannelRecord): void {
    const index = this.#index;
    for (const { publication } of index.values(name, () => {}))
      if (publication.key !== undefined) this.#puts.push(index.removeValue(name, publication.key));
    this.#puts.push(index.removeDue(due, name), index.removeChannel(name));
    // Anonymous clients behind one address have an empty owner, who is charged nothing.
    const use = owner ? index.owner(owner) : undefined;
    if (!owner || use === undefined) return;
    const logs = use.logs - 1;
    const bytes = Math.max(0, use.bytes - charged);
    this.#puts.push(logs > 0 ? index.putOwner(owner, { logs, bytes }) : index.removeOwner(owner));
  }

  /** A repeat of a publish that was dropped must take effect. */
  keys(): void {
    for (const key of this.#index.keyRecords()) {
      const end = this.#ends.get(key.channel);
      if (end !== undefined && key.record.offset > end) this.#puts.push(this.#index.removeKey(key));
    }
  }

  fromJournal(path: string): void {
    const { frames } = path.endsWith(reserveName)
      ? decodeFileFrames(fs.readFileSync(path))
      : readJournal(path);
    const kept = frames.map((frame) => decodeRuns(frame).flatMap((run) => this.#cutRun(run)));
    const bytes = kept.filter((runs) => runs.length > 0).map(encodeRuns);
    const file = fs.openSync(path, "w", 0o600);
    try {
      fs.writeFileSync(file, Buffer.concat(bytes));
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
  }

  #cutRun(run: Run): Run[] {
    const { channel, publications, first } = run;
    if (ownChannel.test(channel)) return [run];
    const end = this.#ends.get(channel) ?? Number.POSITIVE_INFINITY;
    const kept = publications
      .slice(0, firstAfter(publications, this.#time))
      .filter(({ offset }) => offset <= end);
    if (kept.length === publications.length && first <= end + 1) return [run];
    const last = first + kept.length - 1;
    const counted = Math.max(last, this.#heads.get(channel) ?? 0);
    this.#dropped += publications.filter(({ offset }) => offset > counted).length;
    this.#ends.set(channel, Math.min(end, last));
    if (kept.length === 0) return [];
    return [{ ...run, publications: kept, keys: run.keys.filter(([, offset]) => offset <= last) }];
  }
}

/** The place of the first publication after a time. */
function firstAfter(publications: readonly Publication[], time: number): number {
  const place = publications.findIndex((publication) => publication.time > time);
  return place < 0 ? publications.length : place;
}
