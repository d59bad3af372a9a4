/**
 * The results of publishes with idempotency keys: in memory until they are in the index. Stored by periods of five minutes, of which
 * the current and the previous one count, so that whole periods can be removed.
 */
import { createHash } from "node:crypto";
import type { PublishResult } from "../../channels/log.js";
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import { idempotencyWindowMs, nameOfKey } from "../idempotency.js";
import type { ChannelLog } from "./channel-log.js";
import type { KeyRecord } from "./format.js";
import type { LogIndex } from "./log-index.js";

/** Most keys that are not in the index yet. Forgetting one early would break the guarantee. */
const maxPending = 500_000;
/** Length of the digest of sender and key, since LMDB bounds the length of keys. */
const nameCharacters = 32;

/** The idempotency key of a publish. */
export interface SentKey {
  readonly name: string;
  /** By the store's own time. */
  readonly time: number;
}

interface Pending {
  readonly result: Promise<PublishResult>;
  readonly time: number;
}

/** A key to write to the index, with its result. */
export interface KeyToStore extends KeyRecord {
  readonly channel: string;
  readonly name: string;
}

export class IdempotencyKeys {
  readonly #index: LogIndex;
  readonly #now: () => number;
  readonly #pending = new Map<string, Pending>();

  /** @param now the store's own time, in milliseconds */
  constructor(index: LogIndex, now: () => number) {
    this.#index = index;
    this.#now = now;
  }

  /** Keys that are not in the index yet. */
  get pending(): number {
    return this.#pending.size;
  }

  /** The key of a publish that comes now. */
  sent(sender: string, key: string): SentKey {
    return { name: digestOf(nameOfKey(sender, key)), time: this.#now() };
  }

  /**
   * The result of the first publish with the key, which may be pending.
   * @throws HF_BROKER_FULL if the key is new and no more can be remembered
   */
  find(channel: string, { name, time: now }: SentKey): Promise<PublishResult> | undefined {
    const pending = this.#pending.get(`${channel}\0${name}`);
    if (pending && now - pending.time < idempotencyWindowMs) return pending.result;
    const period = periodOf(now);
    for (const candidate of [period, period - 1]) {
      const known = this.#index.key(candidate, channel, name);
      if (known !== undefined && now - known.time < idempotencyWindowMs)
        return Promise.resolve(toResult(known));
    }
    if (this.#pending.size < maxPending) return undefined;
    throw new HoldfastError(
      "HF_BROKER_FULL",
      `${maxPending} idempotency keys wait to be stored, and no more can be remembered`,
    );
  }

  /** Adds a pending publish with the key. The key is forgotten if it fails. */
  add(log: ChannelLog, { name, time }: SentKey, result: Promise<PublishResult>): void {
    const place = `${log.name}\0${name}`;
    const pending = { result, time };
    this.#pending.set(place, pending);
    result.then(
      ({ position, suppressed }) =>
        log.stored.addKey({ channel: log.name, name, ...position, time, ...(suppressed && { suppressed }) }),
      () => {
        if (this.#pending.get(place) === pending) this.#pending.delete(place);
      },
    );
  }

  /** Adds a key from the journal. */
  restore(log: ChannelLog, key: KeyToStore): void {
    const result = Promise.resolve(toResult(key));
    this.#pending.set(`${log.name}\0${key.name}`, { result, time: key.time });
    log.stored.addKey(key);
  }

  put(keys: readonly KeyToStore[], puts: Promise<unknown>[]): void {
    for (const { channel, name, ...record } of keys)
      puts.push(this.#index.putKey(periodOf(record.time), channel, name, record));
  }

  /** The index has them now. */
  putDone(keys: readonly KeyToStore[]): void {
    for (const { channel, name, time } of keys) {
      const place = `${channel}\0${name}`;
      // If the store had no room for long, the key may belong to a later publish by now.
      if (this.#pending.get(place)?.time === time) this.#pending.delete(place);
    }
  }

  /** Removes expired keys. @returns whether there are more */
  expire(limit: number, puts: Promise<unknown>[]): boolean {
    return this.#index.removeKeysBefore(periodOf(this.#now()) - 1, limit, puts) === limit;
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text, "utf16le").digest("base64url").slice(0, nameCharacters);
}

function toResult({ epoch, offset, suppressed }: KeyRecord): PublishResult {
  return { position: { epoch, offset }, isDuplicate: true, ...(suppressed && { suppressed }) };
}

/** The start of a period in milliseconds. */
export function startOfPeriod(period: number): number {
  return period * idempotencyWindowMs;
}

function periodOf(time: number): number {
  return Math.floor(time / idempotencyWindowMs);
}

/** The store's own time, which continues where the last run has ended and is never set back. */
export class StoreTime {
  readonly #clock: Pick<Clock, "elapsed">;
  #offset: number;

  /** @param start where the last run has ended; for a new store the wall clock's time. In milliseconds */
  constructor(clock: Pick<Clock, "elapsed">, start: number) {
    this.#clock = clock;
    this.#offset = start - clock.elapsed();
  }

  now(): number {
    return Math.floor(this.#offset + this.#clock.elapsed());
  }

  /** Moves forward to a time that the store has recorded. */
  advanceTo(time: number): void {
    this.#offset = Math.max(this.#offset, time - this.#clock.elapsed());
  }
}
