/**
 * The newest publication of each key of one channel, in memory: bounds, order, expiry, and conditions on the next publication.
 * Pending publications count for conditions, in the order of the calls. Times are Unix milliseconds. All maps with expiring keys share
 * one timer.
 */
import type { KeyRetention, KeysPage, KeysQuery, NewPublication, SuppressReason } from "../channels/log.js";
import type { Owner } from "../channels/quota.js";
import { HoldfastError } from "../errors.js";
import type { Clock } from "../time/clock.js";
import type { Publication, Version } from "../wire/messages.js";
import { payloadMemory, payloadSize } from "../wire/payload.js";

/** Estimated memory of a value beyond its data. */
const overheadBytes = 200;
/** Expired keys removed at once, so that readers keep up; the rest follows in the next round. */
const maxExpired = 128;

export interface KeyValue {
  readonly publication: Publication;
  /** When its lifetime began. */
  readonly since: number;
}

interface Value extends KeyValue {
  readonly bytes: number;
  /** Who has set it; empty for the server, or if unknown. */
  readonly owner: string;
}

/** The pending publications of a key. */
interface Pending {
  count: number;
  /** Owner of the last one. */
  owner: string;
  /** The key's value once all are applied; undefined for none. */
  last: NewPublication | undefined;
}

type SortKey = Pick<Publication, "key" | "score">;

export class KeyedState {
  /** The limits that came with the channel's last publication. */
  limits: KeyRetention;
  /** By key, in the order in which lifetimes began. */
  readonly #values = new Map<string, Value>();
  readonly #pending = new Map<string, Pending>();
  #pendingBytes = 0;
  /** The number of keys that each owner has set, or is setting. */
  readonly #owned = new Map<string, number>();
  #bytes = 0;
  /** Whether `#values` is in that order. */
  #isInOrder = true;
  #lastSince = 0;
  /** Created on demand. */
  #byKey: SortedList<SortKey> | undefined;
  #byScore: SortedList<SortKey> | undefined;

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

  /** When the first key expires; undefined if none does. */
  get nextExpiry(): number | undefined {
    const { ttlMs } = this.limits;
    if (ttlMs === undefined) return undefined;
    this.#sortByAge();
    for (const { since } of this.#values.values()) return since + ttlMs;
    return undefined;
  }

  /**
   * Checks whether a publication may follow.
   * @returns why it is suppressed, or undefined
   * @throws HF_MAP_FULL if it would exceed the bounds
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
    if (isOldVersion(version, last?.version)) return "version";
    if (!isRemoved) this.#assertRoom(publication, now, owner);
    return undefined;
  }

  /**
   * The publication is pending, and counts for checks from now on.
   * @returns a function to be called once it is applied, or has failed
   */
  begin(publication: NewPublication & { readonly key: string }, owner: Owner = ""): () => void {
    const { key, isRemoved } = publication;
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      pending = { count: 0, owner, last: undefined };
      this.#pending.set(key, pending);
    }
    const bytes = isRemoved ? 0 : sizeOfValue(publication);
    const added = isRemoved || pending.count > 0 || this.#values.has(key) ? 0 : 1;
    this.#count(owner, added);
    this.#pendingBytes += bytes;
    pending.count++;
    pending.owner = owner;
    pending.last = isRemoved ? undefined : publication;
    return () => {
      this.#count(owner, -added);
      this.#pendingBytes -= bytes;
      if (--pending.count === 0) this.#pending.delete(key);
    };
  }

  /** @param since when its lifetime began, if not with the publication */
  apply(publication: Publication, since = publication.time): void {
    const { key } = publication;
    if (key === undefined) return;
    this.#remove(key);
    if (publication.isRemoved) return;
    const bytes = sizeOfValue(publication);
    const owner = this.#pending.get(key)?.owner ?? ownerIn(publication);
    this.#values.set(key, { publication, since, bytes, owner });
    this.#count(owner, 1);
    if (since < this.#lastSince) this.#isInOrder = false;
    this.#lastSince = Math.max(this.#lastSince, since);
    this.#bytes += bytes;
    this.#byKey?.add(publication);
    this.#byScore?.add(publication);
  }

  /** The state matches the log: an expired key stays until its removal is published. */
  get(key: string): Publication | undefined {
    return this.#values.get(key)?.publication;
  }

  find(key: string): KeyValue | undefined {
    return this.#values.get(key);
  }

  /** Restarts the lifetime of a key. @returns whether the key has a value */
  renew(key: string, now: number): boolean {
    const value = this.#values.get(key);
    if (value === undefined || !this.#isFresh(value, now)) return false;
    this.#values.delete(key);
    this.#values.set(key, { ...value, since: now });
    this.#lastSince = Math.max(this.#lastSince, now);
    return true;
  }

  /** Expired keys without pending publications; a bounded number. */
  expired(now: number): string[] {
    const keys: string[] = [];
    this.#sortByAge();
    for (const [key, value] of this.#values) {
      if (this.#isFresh(value, now) || keys.length >= maxExpired) break;
      if (!this.#pending.has(key)) keys.push(key);
    }
    return keys;
  }

  /** Whether the key has expired, and its removal is not pending. */
  isExpired(key: string, now: number): boolean {
    const value = this.#values.get(key);
    return value !== undefined && !this.#isFresh(value, now) && !this.#pending.has(key);
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
    let index = isReverse ? list.length - 1 : 0;
    if (after) index = isReverse ? list.lowerBound(after) - 1 : indexAfter(list, after);
    const publications: Publication[] = [];
    let characters = 0;
    for (; index >= 0 && index < list.length; index += step) {
      const { publication } = this.#values.get(list.at(index).key as string) as Value;
      characters += charactersOf(publication);
      const isFull = publications.length >= maxEntries || characters > maxBytes;
      if (isFull && publications.length > 0) return { publications, hasMore: true, numKeys: this.size };
      publications.push(publication);
    }
    return { publications, hasMore: false, numKeys: this.size };
  }

  #sortedByKey(): SortedList<SortKey> {
    this.#byKey ??= new SortedList<SortKey>(compareKeys, this.#publications());
    return this.#byKey;
  }

  #sortedByScore(): SortedList<SortKey> {
    this.#byScore ??= new SortedList<SortKey>(compareScores, this.#publications());
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
    const pending = this.#pending.get(key);
    return pending ? pending.last : this.get(key);
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
    const isNew = known === undefined && !this.#pending.has(publication.key);
    if (isNew && this.#values.size + this.#pending.size >= maxKeys && this.#countAll(now) >= maxKeys)
      throw new HoldfastError("HF_MAP_FULL", `the map holds its limit of ${maxKeys} keys`);
    const isCrowded = isNew && 2 * (this.#values.size + this.#pending.size) >= maxKeys;
    if (isCrowded && owner && (this.#owned.get(owner) ?? 0) >= maxUserKeys)
      throw new HoldfastError(
        "HF_MAP_FULL",
        `half of the ${maxKeys} keys of the map are taken, and then each user may have set ${maxUserKeys} (maxUserKeys)`,
      );
    const bytes = this.#bytes + this.#pendingBytes - (known?.bytes ?? 0) + sizeOfValue(publication);
    if (bytes > maxBytes)
      throw new HoldfastError("HF_MAP_FULL", `the map holds its limit of ${maxBytes} bytes`);
  }

  /** Expired values do not count. */
  #countFresh(now: number): number {
    this.#sortByAge();
    let count = this.#values.size;
    for (const value of this.#values.values()) {
      if (this.#isFresh(value, now)) break;
      count--;
    }
    return count;
  }

  /** After a start, values come from the index and from the journal. */
  #sortByAge(): void {
    if (this.#isInOrder) return;
    this.#isInOrder = true;
    const values = [...this.#values].sort(([, a], [, b]) => a.since - b.since);
    this.#values.clear();
    for (const [key, value] of values) this.#values.set(key, value);
  }

  #countAll(now: number): number {
    let count = this.#countFresh(now);
    for (const [key, { last }] of this.#pending) if (last && !this.#values.has(key)) count++;
    return count;
  }
}

/** The owner of a value that was set before this start; the address of an anonymous one is unknown. */
function ownerIn({ info }: Publication): string {
  return info === undefined || info.user === "" ? "" : `user:${info.user}`;
}

/** Estimated characters of an entry in a page. */
export function charactersOf({ key = "", data, info, tags }: Publication): number {
  const infos = (info?.connInfo?.length ?? 0) + (info?.chanInfo?.length ?? 0);
  return key.length + payloadSize(data) + infos + (tags ? JSON.stringify(tags).length : 0);
}

/** The bytes that a value counts as. */
export function sizeOfValue({ key = "", data, info }: NewPublication): number {
  return payloadMemory(data) + 2 * (key.length + (info?.connInfo?.length ?? 0)) + overheadBytes;
}

function indexAfter(list: SortedList<SortKey>, after: SortKey): number {
  const index = list.lowerBound(after);
  return index < list.length && list.at(index).key === after.key ? index + 1 : index;
}

/** By code points, as their UTF-8 bytes are ordered: comparing strings would put surrogate pairs before U+E000. */
function compareKeys({ key: a = "" }: SortKey, { key: b = "" }: SortKey): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const difference = a.charCodeAt(i) - b.charCodeAt(i);
    if (difference !== 0) return isBothHigh(a, b, i) ? rankOf(a, i) - rankOf(b, i) : difference;
  }
  return a.length - b.length;
}

const firstSurrogate = 0xd800;
const afterSurrogates = 0xe000;

function isBothHigh(a: string, b: string, i: number): boolean {
  return a.charCodeAt(i) >= firstSurrogate && b.charCodeAt(i) >= firstSurrogate;
}

/** Puts surrogates after everything else. */
function rankOf(text: string, i: number): number {
  const code = text.charCodeAt(i);
  return code < afterSurrogates ? code + afterSurrogates : code;
}

/** Highest score first. */
function compareScores(a: SortKey, b: SortKey): number {
  return (b.score ?? 0) - (a.score ?? 0) || compareKeys(a, b);
}

/** Values in order. Finding one is a binary search; inserting moves all later ones. */
class SortedList<T> {
  readonly #compare: (a: T, b: T) => number;
  readonly #values: T[];

  /** @param compare negative if the first comes before the second; never 0 for two values in the list */
  constructor(compare: (a: T, b: T) => number, values: Iterable<T>) {
    this.#compare = compare;
    this.#values = [...values].sort(compare);
  }

  get length(): number {
    return this.#values.length;
  }

  at(index: number): T {
    return this.#values[index] as T;
  }

  add(value: T): void {
    this.#values.splice(this.lowerBound(value), 0, value);
  }

  remove(value: T): void {
    const index = this.lowerBound(value);
    if (index < this.#values.length && this.#compare(this.at(index), value) === 0)
      this.#values.splice(index, 1);
  }

  /** How many come before a value, which need not be there. */
  lowerBound(value: T): number {
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

const expiryIntervalMs = 1000;
/** If more keys have expired than are removed at once. */
const busyExpiryIntervalMs = 10;

/** What a map has left after a round: no keys that expire, keys that expire later, or more expired keys. */
export type ExpiryRound = "none" | "later" | "more";

/** Expires the keys of maps, for every broker. */
export class KeyExpiry<M> {
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #expire: (map: M) => ExpiryRound;
  readonly #maps = new Set<M>();
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(clock: Pick<Clock, "setTimer">, expire: (map: M) => ExpiryRound) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** The map has keys that expire. */
  add(map: M): void {
    if (this.#isStopped) return;
    this.#maps.add(map);
    this.#schedule(expiryIntervalMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
    this.#maps.clear();
  }

  #cancel(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer ??= this.#clock.setTimer(() => this.#expireAll(), delayMs);
  }

  #expireAll(): void {
    this.#cancelTimer = undefined;
    let isMore = false;
    for (const map of [...this.#maps]) {
      const left = this.#expire(map);
      if (left === "none") this.#maps.delete(map);
      if (left === "more") isMore = true;
    }
    if (this.#maps.size === 0 || this.#isStopped) return;
    // A map may have been added again meanwhile, which schedules the longer interval.
    this.#cancel();
    this.#schedule(isMore ? busyExpiryIntervalMs : expiryIntervalMs);
  }
}

/** Whether a publication comes too late: a version of the same epoch is known that is as new. */
export function isOldVersion(version: Version | undefined, known: Version | undefined): boolean {
  return version !== undefined && known?.epoch === version.epoch && version.number <= known.number;
}
