/**
 * The store's index in LMDB: for each channel a record and the segments of its log, idempotency keys, and when each channel is due
 * for the sweeper. Knows only keys and values, not what they are used for.
 *
 *     channels  name                      record, JSON
 *     log       name 0 offset of first    segment: a frame, see format.ts
 *     keys      period channel 0 name     result of a publish with an idempotency key, JSON
 *     due       period name               (nothing)
 *     values    name 0 key                newest publication of a map's key: a frame
 *     owners    owner                     logs and bytes, JSON
 *     epochs    "base"                    base of initial epochs, JSON
 *               group                     generation of the group, see epochs.ts
 */
import type { Database, RootDatabase } from "lmdb";
import {
  type ChannelRecord,
  type DamagedSegment,
  decodeSegment,
  decodeValue,
  type EpochBase,
  type KeyRecord,
  type Segment,
  type StoredValue,
} from "./format.js";
import { withPrivateFiles } from "./store-folder.js";
import type { OwnerRecord } from "./store-room.js";

/** The fields of LMDB's statistics that are used here. */
interface Stats {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

type Table = Database<Buffer, Buffer>;

const binary = { encoding: "binary", keyEncoding: "binary", cache: false } as const;

const offsetBytes = 6;
const periodBytes = 6;
export const greatestOffset = 2 ** 48 - 1;
const groupBytes = 2;
const removalsAtOnce = 1000;
const baseKey = Buffer.from("base");
/** LMDB's keys may have 1,978 bytes. */
const maxOwnerBytes = 1024;

export class LogIndex {
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #channels: Table;
  readonly #log: Table;
  readonly #keys: Table;
  readonly #due: Table;
  /** Undefined if a read-only store lacks it. */
  readonly #values: Table | undefined;
  readonly #owners: Table | undefined;
  readonly #epochs: Table | undefined;

  private constructor(root: RootDatabase<Buffer, Buffer>) {
    this.#root = root;
    this.#channels = root.openDB({ ...binary, name: "channels" });
    this.#log = root.openDB({ ...binary, name: "log" });
    this.#keys = root.openDB({ ...binary, name: "keys" });
    this.#due = root.openDB({ ...binary, name: "due" });
    this.#values = root.openDB({ ...binary, name: "values" });
    this.#owners = root.openDB({ ...binary, name: "owners" });
    this.#epochs = root.openDB({ ...binary, name: "epochs" });
  }

  /**
   * Loads LMDB only here, so that servers without a store need no native module.
   * @throws what LMDB throws if the file cannot be opened, or there is no binary for this platform
   */
  static async open(folder: string, { isReadOnly = false } = {}): Promise<LogIndex> {
    const { open } = await import("lmdb");
    const root: RootDatabase<Buffer, Buffer> = withPrivateFiles(() =>
      open({ ...binary, path: folder, noSubdir: false, maxDbs: 8, readOnly: isReadOnly }),
    );
    try {
      return new LogIndex(root);
    } catch (error) {
      await root.close();
      throw error;
    }
  }

  get channelCount(): number {
    return this.#channels.getCount();
  }

  /** Bytes of the file that are or were in use; LMDB reuses freed ones before it takes more. */
  get reachedBytes(): number {
    const { lastPageNumber, pageSize } = this.#root.getStats() as Stats;
    return (lastPageNumber + 1) * pageSize;
  }

  /** Bytes of the pages in use. */
  get usedBytes(): number {
    const tables = [
      this.#channels,
      this.#log,
      this.#keys,
      this.#due,
      this.#values,
      this.#owners,
      this.#epochs,
    ];
    return tables.reduce((sum, table) => {
      if (table === undefined) return sum;
      const stats = table.getStats() as Stats;
      const pages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
      return sum + pages * stats.pageSize;
    }, 0);
  }

  /** Resolves when all puts are written and flushed. */
  async flushed(): Promise<void> {
    await this.#root.flushed;
  }

  async close(): Promise<void> {
    await this.#root.close();
  }

  /**
   * Copies the index as of this moment into a folder, without the pages that are free. Writers go on meanwhile.
   * @throws what LMDB throws, such as that the disk is full
   */
  async copyTo(folder: string): Promise<void> {
    await this.#root.backup(folder, true);
  }

  channel(name: string): ChannelRecord | undefined {
    const bytes = this.#channels.get(Buffer.from(name));
    return bytes && (JSON.parse(bytes.toString()) as ChannelRecord);
  }

  /** Names of all channels. */
  *channelNames(): Iterable<string> {
    for (const key of this.#channels.getKeys()) yield key.toString();
  }

  /** Names of channels that have segments or values, whether or not they have a record. */
  *dataNames(): Iterable<string> {
    yield* firstParts(this.#log, offsetBytes);
    if (this.#values) yield* firstParts(this.#values, undefined);
  }

  /** Names of the channels after one, in the order of the index. */
  channelNamesAfter(name: string, limit: number): string[] {
    return [...this.#channels.getKeys({ start: Buffer.from(`${name}\0`), limit })].map((key) =>
      key.toString(),
    );
  }

  putChannel(name: string, record: ChannelRecord): Promise<boolean> {
    return this.#channels.put(Buffer.from(name), Buffer.from(JSON.stringify(record)));
  }

  removeChannel(name: string): Promise<boolean> {
    return this.#channels.remove(Buffer.from(name));
  }

  /** The segment that contains an offset, or the last one before it. */
  segmentAt(name: string, offset: number): Segment | DamagedSegment | undefined {
    const [entry] = this.#log.getRange({
      start: logKey(name, offset),
      end: logKey(name, -1),
      reverse: true,
      limit: 1,
    });
    return entry && toSegment(entry.key, entry.value);
  }

  lastSegment(name: string): Segment | DamagedSegment | undefined {
    return this.segmentAt(name, greatestOffset);
  }

  firstSegment(name: string): Segment | DamagedSegment | undefined {
    for (const segment of this.segmentsFrom(name, 0)) return segment;
    return undefined;
  }

  /** Segments whose first offset is at least the given one, ascending. */
  *segmentsFrom(name: string, offset: number): Iterable<Segment | DamagedSegment> {
    const range = { start: logKey(name, offset), end: logKey(name, greatestOffset) };
    for (const { key, value } of this.#log.getRange(range)) yield toSegment(key, value);
  }

  /** Segments whose first offset is at most the given one, descending. */
  *segmentsBack(name: string, offset: number): Iterable<Segment | DamagedSegment> {
    const range = { start: logKey(name, offset), end: logKey(name, -1), reverse: true };
    for (const { key, value } of this.#log.getRange(range)) yield toSegment(key, value);
  }

  /** First offsets of segments that begin before an offset, oldest first. */
  firstOffsetsBefore(name: string, offset: number, limit: number): number[] {
    const range = { start: logKey(name, 0), end: logKey(name, offset), limit };
    return [...this.#log.getKeys(range)].map((key) => key.readUIntBE(key.length - offsetBytes, offsetBytes));
  }

  putSegment(name: string, value: Buffer, first: number): Promise<boolean> {
    return this.#log.put(logKey(name, first), value);
  }

  removeSegment(name: string, first: number): Promise<boolean> {
    return this.#log.remove(logKey(name, first));
  }

  /** Removes segments from an offset on, so that new ones can take their place. */
  async removeSegmentsFrom(name: string, offset: number): Promise<void> {
    const puts: Promise<unknown>[] = [];
    for (const { first } of this.segmentsFrom(name, offset)) puts.push(this.removeSegment(name, first));
    await settled(puts);
  }

  /** Removes all segments of a log that ends at an offset. */
  async removeSegmentsUpTo(name: string, offset: number): Promise<void> {
    for (;;) {
      const firsts = this.firstOffsetsBefore(name, offset + 1, removalsAtOnce);
      if (firsts.length === 0) return;
      await settled(firsts.map((first) => this.removeSegment(name, first)));
    }
  }

  key(period: number, channel: string, key: string): KeyRecord | undefined {
    const bytes = this.#keys.get(periodKey(period, `${channel}\0${key}`));
    return bytes && (JSON.parse(bytes.toString()) as KeyRecord);
  }

  putKey(period: number, channel: string, key: string, record: KeyRecord): Promise<boolean> {
    return this.#keys.put(periodKey(period, `${channel}\0${key}`), Buffer.from(JSON.stringify(record)));
  }

  /** All idempotency keys, with their channels. */
  *keyRecords(): Iterable<StoredKey> {
    for (const { key, value } of this.#keys.getRange()) {
      const [channel = "", name = ""] = key.toString("utf8", periodBytes).split("\0");
      const record = JSON.parse(value.toString()) as KeyRecord;
      yield { period: key.readUIntBE(0, periodBytes), channel, name, record };
    }
  }

  removeKey({ period, channel, name }: Omit<StoredKey, "record">): Promise<boolean> {
    return this.#keys.remove(periodKey(period, `${channel}\0${name}`));
  }

  /** The last period with keys. */
  get lastKeyPeriod(): number | undefined {
    const [last] = this.#keys.getKeys({ reverse: true, limit: 1 });
    return last?.readUIntBE(0, periodBytes);
  }

  /** Removes keys of periods before the given one. @returns how many, at most the limit */
  removeKeysBefore(period: number, limit: number, puts: Promise<unknown>[]): number {
    const keys = [...this.#keys.getKeys({ end: periodKey(period, ""), limit })];
    for (const key of keys) puts.push(this.#keys.remove(key));
    return keys.length;
  }

  /** Channels that were due before a period, each with its own. */
  dueBefore(period: number, limit: number): { readonly due: number; readonly name: string }[] {
    return [...this.#due.getKeys({ end: periodKey(period, ""), limit })].map((key) => ({
      due: key.readUIntBE(0, periodBytes),
      name: key.toString("utf8", periodBytes),
    }));
  }

  isDue(period: number, name: string): boolean {
    return this.#due.get(periodKey(period, name)) !== undefined;
  }

  putDue(period: number, name: string): Promise<boolean> {
    return this.#due.put(periodKey(period, name), Buffer.alloc(0));
  }

  removeDue(period: number, name: string): Promise<boolean> {
    return this.#due.remove(periodKey(period, name));
  }

  /** Values of keys; damaged ones are skipped. @param onDamage called for each of those */
  *values(name: string, onDamage: (key: string) => void): Iterable<StoredValue> {
    const range = { start: valueKey(name, ""), end: Buffer.from(`${name}\x01`) };
    for (const { key, value } of this.#values?.getRange(range) ?? []) {
      const stored = decodeValue(value);
      if (stored) yield stored;
      else onDamage(key.toString("utf8", Buffer.byteLength(name) + 1));
    }
  }

  putValue(name: string, key: string, value: Buffer): Promise<boolean> {
    return writable(this.#values).put(valueKey(name, key), value);
  }

  removeValue(name: string, key: string): Promise<boolean> {
    return writable(this.#values).remove(valueKey(name, key));
  }

  owner(owner: string): OwnerRecord | undefined {
    const bytes = this.#owners?.get(ownerKey(owner));
    return bytes && (JSON.parse(bytes.toString()) as OwnerRecord);
  }

  putOwner(owner: string, record: OwnerRecord): Promise<boolean> {
    return writable(this.#owners).put(ownerKey(owner), Buffer.from(JSON.stringify(record)));
  }

  removeOwner(owner: string): Promise<boolean> {
    return writable(this.#owners).remove(ownerKey(owner));
  }

  epochBase(): EpochBase | undefined {
    const bytes = this.#epochs?.get(baseKey);
    return bytes && (JSON.parse(bytes.toString()) as EpochBase);
  }

  putEpochBase(base: EpochBase): Promise<boolean> {
    return writable(this.#epochs).put(baseKey, Buffer.from(JSON.stringify(base)));
  }

  *generations(): Iterable<readonly [group: number, generation: number]> {
    for (const { key, value } of this.#epochs?.getRange() ?? [])
      if (key.length === groupBytes) yield [key.readUInt16BE(), Number(value.toString())];
  }

  putGeneration(group: number, generation: number): Promise<boolean> {
    const key = Buffer.alloc(groupBytes);
    key.writeUInt16BE(group);
    return writable(this.#epochs).put(key, Buffer.from(String(generation)));
  }
}

/** An idempotency key as it stands in the index. */
export interface StoredKey {
  readonly period: number;
  readonly channel: string;
  readonly name: string;
  readonly record: KeyRecord;
}

/**
 * The channels in the keys of a table, each once: skips from one to the next.
 * @param restBytes after the name and a zero; undefined for a text of any length
 */
function* firstParts(table: Table, restBytes: number | undefined): Iterable<string> {
  let start = Buffer.alloc(0);
  for (;;) {
    const [key] = table.getKeys({ start, limit: 1 });
    if (key === undefined) return;
    const end = restBytes === undefined ? key.indexOf(0) : key.length - restBytes - 1;
    const name = key.subarray(0, Math.max(0, end));
    yield name.toString();
    start = Buffer.concat([name, Buffer.from([1])]);
  }
}

function writable(table: Table | undefined): Table {
  if (table === undefined) throw new Error("the index was opened for reading");
  return table;
}

function ownerKey(owner: string): Buffer {
  return Buffer.from(owner).subarray(0, maxOwnerBytes);
}

/** Resolves when all puts are written. Those of a turn are one transaction, and most share its promise. */
export async function settled(puts: readonly Promise<unknown>[]): Promise<void> {
  try {
    await Promise.all(new Set(puts));
  } catch (error) {
    // lmdb-js gives the cause in a second promise, which has no other listener.
    const { commitError } = error as { commitError?: Promise<unknown> };
    await commitError;
    throw error;
  }
}

function valueKey(name: string, key: string): Buffer {
  return Buffer.from(`${name}\0${key}`);
}

function toSegment(key: Buffer, value: Buffer): Segment | DamagedSegment {
  return decodeSegment(key.readUIntBE(key.length - offsetBytes, offsetBytes), value);
}

/** @param offset −1 for a key before all segments of the channel */
function logKey(name: string, offset: number): Buffer {
  const nameBytes = Buffer.byteLength(name);
  const key = Buffer.alloc(nameBytes + 1 + (offset < 0 ? 0 : offsetBytes));
  key.write(name);
  if (offset >= 0) key.writeUIntBE(offset, nameBytes + 1, offsetBytes);
  return key;
}

function periodKey(period: number, rest: string): Buffer {
  const key = Buffer.alloc(periodBytes + Buffer.byteLength(rest));
  key.writeUIntBE(period, 0, periodBytes);
  key.write(rest, periodBytes);
  return key;
}
