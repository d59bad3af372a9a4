/**
 * Whether a store has room for a publication, for the log of another channel, and for another idempotency key, shared by users
 * (quota.ts). Also allocates disk space for LMDB ahead of its writes.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import type { PublishOptions } from "../../channels/log.js";
import { assertRoom, type Bound, type Owner, Quota, WindowQuota } from "../../channels/quota.js";
import { HoldfastError } from "../../errors.js";
import { idempotencyWindowMs } from "../idempotency.js";
import type { ChannelLog } from "./channel-log.js";
import type { LogIndex } from "./log-index.js";
import { toStoreError } from "./store-errors.js";

export interface StoreRoomOptions {
  readonly index: LogIndex;
  readonly space: IndexSpace;
  readonly maxChannels: number;
  readonly maxPendingBytes: number;
  readonly maxIdempotencyKeys: number;
  readonly userPercent: number;
}

export class StoreRoom {
  /** Logs without a record in the index. */
  readonly unstored: Quota;
  /** Use by owners, of logs with a record in the index. */
  readonly owners: OwnerUse;
  readonly #options: StoreRoomOptions;
  readonly #logs: Bound;
  readonly #keys: WindowQuota;
  #tailBytes = 0;

  constructor(options: StoreRoomOptions) {
    const { index, maxChannels: max, userPercent } = options;
    this.#options = options;
    this.#logs = { max, userPercent, what: "channels of the store", option: "store.maxChannels" };
    this.unstored = new Quota(this.#logs);
    this.owners = new OwnerUse(index);
    const what = "idempotency keys of 5 minutes";
    const keys = { max: options.maxIdempotencyKeys, userPercent, what, option: "maxIdempotencyKeys" };
    this.#keys = new WindowQuota(keys, idempotencyWindowMs);
  }

  /** Estimated memory of all publications that are not in the index yet. */
  get tailBytes(): number {
    return this.#tailBytes;
  }

  addTailBytes(bytes: number): void {
    this.#tailBytes += bytes;
  }

  /** @throws HF_BROKER_FULL */
  assertNewLog({ owner, isReserved }: PublishOptions): void {
    if (isReserved) return;
    const all = this.#options.index.channelCount + this.unstored.all;
    const own = owner ? this.owners.of(owner).logs + this.unstored.of(owner) : 0;
    assertRoom(this.#logs, owner, { all, own });
  }

  /** Counts a new idempotency key. @param now monotonic milliseconds @throws HF_BROKER_FULL */
  takeKey({ owner }: PublishOptions, now: number): void {
    this.#keys.take(owner, now);
  }

  /**
   * What users add is charged to the owner of the channel.
   * @param waitingBytes of publications that wait to be written to the journal
   * @throws HF_BROKER_FULL
   */
  assertPublication(log: ChannelLog | undefined, options: PublishOptions, waitingBytes: number): void {
    const { owner, retention, isReserved } = options;
    if (isReserved) return;
    const { space, maxPendingBytes } = this.#options;
    const payer = owner === undefined || log === undefined ? owner : (log.owner ?? "");
    const isGrowing = log === undefined || !log.isAtBound(retention);
    space.assertRoom(payer && !isGrowing ? "" : payer, (each) => this.owners.of(each).bytes);
    if (this.#tailBytes + waitingBytes > maxPendingBytes)
      throw new HoldfastError(
        "HF_BROKER_FULL",
        `${maxPendingBytes} bytes of publications wait to be stored; retry when some have been`,
      );
  }
}

export interface OwnerRecord {
  /** Number of the owner's logs in the index. */
  readonly logs: number;
  /** Bytes of these logs, as charged when they were last written. */
  readonly bytes: number;
}

const nothing: OwnerRecord = Object.freeze({ logs: 0, bytes: 0 });

export class OwnerUse {
  readonly #index: LogIndex;
  /** Changes that are not written yet. */
  readonly #pending = new Map<string, OwnerRecord>();

  constructor(index: LogIndex) {
    this.#index = index;
  }

  of(owner: string): OwnerRecord {
    return this.#pending.get(owner) ?? this.#index.owner(owner) ?? nothing;
  }

  change(owner: string, change: OwnerRecord, puts: Promise<unknown>[]): void {
    const known = this.of(owner);
    const logs = Math.max(0, known.logs + change.logs);
    const record = { logs, bytes: logs === 0 ? 0 : Math.max(0, known.bytes + change.bytes) };
    this.#pending.set(owner, record);
    const put = logs === 0 ? this.#index.removeOwner(owner) : this.#index.putOwner(owner, record);
    const done = () => {
      if (this.#pending.get(owner) === record) this.#pending.delete(owner);
    };
    put.then(done, done);
    puts.push(put);
  }
}

/** Charges are whole units, so that a record is not rewritten for every small growth. */
const chargedUnit = 16 * 1024;

/** @param charged what the log was last charged with */
export function chargeFor(bytes: number, charged: number): number {
  const units = Math.floor(bytes / chargedUnit) * chargedUnit;
  // The size of logs at their bound keeps changing a little.
  return units < charged && bytes > charged - 2 * chargedUnit ? charged : units;
}

export interface IndexSpaceOptions {
  readonly path: string;
  readonly index: LogIndex;
  /** Most bytes of the pages in use. */
  readonly maxBytes: number;
  readonly userPercent: number;
}

export const pageBytes = 4096;
/** Pages that a put or removal may change: those on the way from the root of the tree. */
export const pagesPerPut = 3;
const minReserveBytes = 4 * 1024 * 1024;
const maxReserveBytes = 32 * 1024 * 1024;
/** Written in one turn of the event loop. */
const maxPages = 1024;
/** More than LMDB needs for its default number of readers. */
const lockFileBytes = 16 * 1024;
const chunk = Buffer.alloc(512 * 1024);

export class IndexSpace {
  readonly #options: IndexSpaceOptions;
  readonly #bound: Bound;
  /** At the last `refreshUsage`. */
  #usedBytes = 0;

  constructor(options: IndexSpaceOptions) {
    this.#options = options;
    const { maxBytes: max, userPercent } = options;
    this.#bound = { max, userPercent, what: "bytes of the store", option: "store.maxBytes" };
    this.refreshUsage();
  }

  /**
   * @param bytesOf the bytes of an owner; called only if they matter
   * @throws HF_BROKER_FULL if the store was at its bound when last measured, or the owner at its share of it
   */
  assertRoom(owner: Owner, bytesOf: (owner: string) => number): void {
    const all = this.#usedBytes;
    const counts = owner && all >= this.#bound.max / 2;
    assertRoom(this.#bound, owner, { all, own: counts ? bytesOf(owner) : 0 });
  }

  /** Must be called when the store has changed. */
  refreshUsage(): void {
    this.#usedBytes = this.#options.index.usedBytes;
  }

  /**
   * Allocates disk space for the next write.
   * @returns the pages that may be written before the next call
   * @throws HF_BROKER_FULL if the disk is full
   */
  async reserve(): Promise<number> {
    const { index, path } = this.#options;
    const reached = index.reachedBytes;
    const reserve = Math.min(maxReserveBytes, Math.max(minReserveBytes, Math.floor(reached / 8)));
    const { size } = fs.statSync(path);
    if (size < reached + reserve) await extend(path, size, reached + 2 * reserve);
    // Half is left for pages that the budget does not count.
    return Math.min(maxPages, Math.floor(reserve / pageBytes / 2));
  }
}

/**
 * LMDB creates this file and maps it into memory: without disk space, writing to it would crash the process.
 * @throws what the file system throws
 */
export function reserveLockFile(folder: string): void {
  const path = join(folder, "lock.mdb");
  const size = fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > 0) return;
  try {
    fs.writeFileSync(path, Buffer.alloc(lockFileBytes), { mode: 0o600 });
  } catch (error) {
    fs.rmSync(path, { force: true });
    throw error;
  }
}

async function extend(path: string, from: number, to: number): Promise<void> {
  const file = await fs.promises.open(path, "r+").catch((cause: unknown) => {
    throw toStoreError(cause);
  });
  try {
    for (let at = from; at < to; at += chunk.length) {
      const { bytesWritten } = await file.write(chunk, 0, chunk.length, at);
      if (bytesWritten < chunk.length)
        throw new HoldfastError("HF_BROKER_FULL", "the disk has no room for the store");
    }
  } catch (cause) {
    throw toStoreError(cause);
  } finally {
    await file.close();
  }
}
