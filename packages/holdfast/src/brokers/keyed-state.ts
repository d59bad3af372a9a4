/**
 * The newest publication of each key of one channel, for brokers that keep them in memory: bounds, order, expiry, and
 * conditions on what is published next. What is under way counts for these, in the order of the calls. Times are Unix
 * milliseconds.
 */

import type { KeyRetention, KeysPage, KeysQuery, NewPublication, SuppressReason } from "../channels/log.js";
import type { Owner } from "../channels/quota.js";
import { HoldfastError } from "../errors.js";
import type { Publication } from "../wire/messages.js";

/** Estimated memory of a value beyond its text. */
const overheadBytes = 200;
/** Keys removed at once when their time is over, so that readers keep up; the rest follows at the next look. */
const maxExpired = 128;

export interface KeyValue {
  readonly publication: Publication;
  /** When its time began. */
  readonly since: number;
}

interface Value extends KeyValue {
  readonly bytes: number;
  /** Who has set it; empty where nobody knows, or it was the server. */
  readonly owner: string;
}

interface UnderWay {
  count: number;
  /** Of the last. */
  owner: string;
  /** The key's value once all of them are there; undefined for none. */
  last: NewPublication | undefined;
}

type Place = Pick<Publication, "key" | "score">;

export class KeyedState {
  /** What the channel's last publication said of them. */
  limits: KeyRetention;
  /** The one whose time began last at the end. */
  readonly #values = new Map<string, Value>();
  readonly #underWay = new Map<string, UnderWay>();
  #underWayBytes = 0;
  /** Keys that each user has set, or is setting. */
  readonly #owned = new Map<string, number>();
  #bytes = 0;
  /** Whether the one whose time began last is at the end. */
  #isInOrder = true;
  #lastSince = 0;
  /** Made when they are asked for. */
  #byKey: SortedList<Place> | undefined;
  #byScore: SortedList<Place> | undefined;

  constructor(limits: KeyRetention) {
    this.limits = limits;
  }

  get size(): number {
    return this.#values.size;
  }

  /** Estimated memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the first key's time will be over; undefined where none has an end. */
  get nextExpiry(): number | undefined {
    const { ttlMs } = this.limits;
    if (ttlMs === undefined) return undefined;
    this.#putInOrder();
    for (const { since } of this.#values.values()) return since + ttlMs;
    return undefined;
  }

  /**
   * Whether a publication may follow.
   * @returns why not
   * @throws HF_MAP_FULL where it would be more than the bounds allow
   */
  check(
    publication: NewPublication & { readonly key: string },
    keyMode: "if_new" | "if_exists" | undefined,
    now: number,
    owner?: Owner,
  ): SuppressReason | undefined {
    const { key, isRemoved, version } = publication;
    const last = this.#last(key);
    if (last === undefined && (isRemoved || keyMode === "if_exists")) return "key_not_found";
    if (last !== undefined && keyMode === "if_new") return "key_exists";
    const known = last?.version;
    if (version && known?.epoch === version.epoch && version.number <= known.number) return "version";
    if (!isRemoved) this.#assertRoom(publication, now, owner);
    return undefined;
  }

  /**
   * The publication was taken, and counts for what is checked from now on.
   * @returns to be called when it is applied, or has failed
   */
  begin(publication: NewPublication & { readonly key: string }, owner: Owner = ""): () => void {
    const { key, isRemoved } = publication;
    let underWay = this.#underWay.get(key);
    if (underWay === undefined) {
      underWay = { count: 0, owner, last: undefined };
      this.#underWay.set(key, underWay);
    }
    const bytes = isRemoved ? 0 : sizeOf(publication);
    const added = isRemoved || underWay.count > 0 || this.#values.has(key) ? 0 : 1;
    this.#count(owner, added);
    this.#underWayBytes += bytes;
    underWay.count++;
    underWay.owner = owner;
    underWay.last = isRemoved ? undefined : publication;
    return () => {
      this.#count(owner, -added);
      this.#underWayBytes -= bytes;
      if (--underWay.count === 0) this.#underWay.delete(key);
    };
  }

  /** @param since when its time began, where that was not with the publication */
  apply(publication: Publication, since = publication.time): void {
    const { key } = publication;
    if (key === undefined) return;
    this.#remove(key);
    if (publication.isRemoved) return;
    const bytes = sizeOf(publication);
    const owner = this.#underWay.get(key)?.owner ?? ownerIn(publication);
    this.#values.set(key, { publication, since, bytes, owner });
    this.#count(owner, 1);
    if (since < this.#lastSince) this.#isInOrder = false;
    this.#lastSince = Math.max(this.#lastSince, since);
    this.#bytes += bytes;
    this.#byKey?.add(publication);
    this.#byScore?.add(publication);
  }

  /** The state is what the log comes to: a key whose time is over stays until its removal is there. */
  get(key: string): Publication | undefined {
    return this.#values.get(key)?.publication;
  }

  find(key: string): KeyValue | undefined {
    return this.#values.get(key);
  }

  /** The key's time begins anew. @returns whether it is there */
  renew(key: string, now: number): boolean {
    const value = this.#values.get(key);
    if (value === undefined || !this.#isFresh(value, now)) return false;
    this.#values.delete(key);
    this.#values.set(key, { ...value, since: now });
    this.#lastSince = Math.max(this.#lastSince, now);
    return true;
  }

  /** Keys whose time is over, and that nothing is under way for; a bounded number. */
  expired(now: number): string[] {
    const keys: string[] = [];
    this.#putInOrder();
    for (const [key, value] of this.#values) {
      if (this.#isFresh(value, now) || keys.length >= maxExpired) break;
      if (!this.#underWay.has(key)) keys.push(key);
    }
    return keys;
  }

  /** Whether the key's time is over, and nobody was told yet. */
  isOver(key: string, now: number): boolean {
    const value = this.#values.get(key);
    return value !== undefined && !this.#isFresh(value, now) && !this.#underWay.has(key);
  }

  keys(): Iterable<string> {
    return this.#values.keys();
  }

  clear(): void {
    this.#values.clear();
    this.#owned.clear();
    this.#bytes = 0;
    this.#byKey = undefined;
    this.#byScore = undefined;
  }

  read(query: KeysQuery): Omit<KeysPage, "position"> {
    const { order = "key", isReverse = false, after, maxEntries, maxBytes } = query;
    const list = order === "score" ? this.#sortedByScore() : this.#sortedByKey();
    const step = isReverse ? -1 : 1;
    let place = isReverse ? list.length - 1 : 0;
    if (after) place = isReverse ? list.placeOf(after) - 1 : placeAfter(list, after);
    const publications: Publication[] = [];
    let characters = 0;
    for (; place >= 0 && place < list.length; place += step) {
      const { publication } = this.#values.get(list.at(place).key as string) as Value;
      characters += charactersOf(publication);
      const isFull = publications.length >= maxEntries || characters > maxBytes;
      if (isFull && publications.length > 0) return { publications, hasMore: true, numKeys: this.size };
      publications.push(publication);
    }
    return { publications, hasMore: false, numKeys: this.size };
  }

  #sortedByKey(): SortedList<Place> {
    this.#byKey ??= new SortedList<Place>(compareKeys, this.#publications());
    return this.#byKey;
  }

  #sortedByScore(): SortedList<Place> {
    this.#byScore ??= new SortedList<Place>(compareScores, this.#publications());
    return this.#byScore;
  }

  *#publications(): Iterable<Publication> {
    for (const { publication } of this.#values.values()) yield publication;
  }

  #remove(key: string): void {
    const value = this.#values.get(key);
    if (value === undefined) return;
    this.#values.delete(key);
    this.#count(value.owner, -1);
    this.#bytes -= value.bytes;
    this.#byKey?.remove(value.publication);
    this.#byScore?.remove(value.publication);
  }

  #last(key: string): NewPublication | undefined {
    const underWay = this.#underWay.get(key);
    return underWay ? underWay.last : this.get(key);
  }

  #isFresh({ since }: Value, now: number): boolean {
    const { ttlMs } = this.limits;
    return ttlMs === undefined || now < since + ttlMs;
  }

  #count(owner: string, by: number): void {
    if (owner === "" || by === 0) return;
    const count = (this.#owned.get(owner) ?? 0) + by;
    if (count > 0) this.#owned.set(owner, count);
    else this.#owned.delete(owner);
  }

  #assertRoom(publication: NewPublication & { readonly key: string }, now: number, owner: Owner): void {
    const { maxKeys, maxBytes, maxUserKeys = Math.max(1, Math.floor(maxKeys / 10)) } = this.limits;
    const known = this.#values.get(publication.key);
    const isNew = known === undefined && !this.#underWay.has(publication.key);
    if (isNew && this.#values.size + this.#underWay.size >= maxKeys && this.#countAll(now) >= maxKeys)
      throw new HoldfastError("HF_MAP_FULL", `the map holds its limit of ${maxKeys} keys`);
    const isCrowded = isNew && 2 * (this.#values.size + this.#underWay.size) >= maxKeys;
    if (isCrowded && owner && (this.#owned.get(owner) ?? 0) >= maxUserKeys)
      throw new HoldfastError(
        "HF_MAP_FULL",
        `half of the ${maxKeys} keys of the map are taken, and then each user may have set ${maxUserKeys} (maxUserKeys)`,
      );
    const bytes = this.#bytes + this.#underWayBytes - (known?.bytes ?? 0) + sizeOf(publication);
    if (bytes > maxBytes)
      throw new HoldfastError("HF_MAP_FULL", `the map holds its limit of ${maxBytes} bytes`);
  }

  /** Those that nobody could know of any more do not count. */
  #countFresh(now: number): number {
    this.#putInOrder();
    let count = this.#values.size;
    for (const value of this.#values.values()) {
      if (this.#isFresh(value, now)) break;
      count--;
    }
    return count;
  }

  /** After a start, values come from several places. */
  #putInOrder(): void {
    if (this.#isInOrder) return;
    this.#isInOrder = true;
    const values = [...this.#values].sort(([, a], [, b]) => a.since - b.since);
    this.#values.clear();
    for (const [key, value] of values) this.#values.set(key, value);
  }

  #countAll(now: number): number {
    let count = this.#countFresh(now);
    for (const [key, { last }] of this.#underWay) if (last && !this.#values.has(key)) count++;
    return count;
  }
}

/** Of a value whose setting this process has not seen: who has no user is not known any more. */
function ownerIn({ info }: Publication): string {
  return info === undefined || info.user === "" ? "" : `user:${info.user}`;
}

/** About what an entry takes in a page. */
function charactersOf({ key = "", data, info, tags }: Publication): number {
  const infos = (info?.connInfo?.length ?? 0) + (info?.chanInfo?.length ?? 0);
  return key.length + data.length + infos + (tags ? JSON.stringify(tags).length : 0);
}

/** Bytes that a value counts for. */
function sizeOf({ key = "", data, info }: NewPublication): number {
  return 2 * (key.length + data.length + (info?.connInfo?.length ?? 0)) + overheadBytes;
}

function placeAfter(list: SortedList<Place>, after: Place): number {
  const place = list.placeOf(after);
  return place < list.length && list.at(place).key === after.key ? place + 1 : place;
}

function compareKeys({ key: a = "" }: Place, { key: b = "" }: Place): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The highest first. */
function compareScores(a: Place, b: Place): number {
  return (b.score ?? 0) - (a.score ?? 0) || compareKeys(a, b);
}

/** Values in order. Finding a place takes some comparisons, and putting something there moves what comes after. */
class SortedList<T> {
  readonly #compare: (a: T, b: T) => number;
  readonly #values: T[];

  /** @param compare negative where the first comes before the second; never 0 for two of the list */
  constructor(compare: (a: T, b: T) => number, values: Iterable<T>) {
    this.#compare = compare;
    this.#values = [...values].sort(compare);
  }

  get length(): number {
    return this.#values.length;
  }

  at(place: number): T {
    return this.#values[place] as T;
  }

  add(value: T): void {
    this.#values.splice(this.placeOf(value), 0, value);
  }

  remove(value: T): void {
    const place = this.placeOf(value);
    if (place < this.#values.length && this.#compare(this.at(place), value) === 0)
      this.#values.splice(place, 1);
  }

  /** How many come before a value, which need not be there. */
  placeOf(value: T): number {
    let low = 0;
    let high = this.#values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(this.at(middle), value) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
