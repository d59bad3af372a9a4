/**
 * Room for LMDB on the disk. LMDB cannot cope with a disk that is full in the middle of a write, so the file is made
 * larger here, ahead of what it needs, and where that fails nothing is given to LMDB at all.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { assertRoom, type Bound, type Owner } from "../../channels/quota.js";
import { HoldfastError } from "../../errors.js";
import type { LogIndex } from "./log-index.js";
import { toStoreError } from "./store-errors.js";

export interface StoreSpaceOptions {
  readonly path: string;
  readonly index: LogIndex;
  /** Most bytes of the pages that hold something. */
  readonly maxBytes: number;
  readonly userPercent: number;
}

export const pageBytes = 4096;
/** Pages that any put or removal may change: those from the root of the tree down. */
export const pagesPerPut = 3;
const leastReserveBytes = 4 * 1024 * 1024;
const mostReserveBytes = 32 * 1024 * 1024;
/** Written in one turn of the event loop. */
const mostPages = 1024;
/** More than LMDB needs for as many readers as it has places for by default. */
const lockFileBytes = 16 * 1024;
const chunk = Buffer.alloc(512 * 1024);

export class StoreSpace {
  readonly #options: StoreSpaceOptions;
  readonly #bound: Bound;
  /** At the last look. */
  #usedBytes = 0;

  constructor(options: StoreSpaceOptions) {
    this.#options = options;
    const { maxBytes: max, userPercent } = options;
    this.#bound = { max, userPercent, what: "bytes of the store", option: "store.maxBytes" };
    this.look();
  }

  /**
   * @param bytesOf what an owner has; asked where that counts
   * @throws HF_BROKER_FULL when the store was at its bound at the last look, or the owner was at its share of it
   */
  assertRoom(owner: Owner, bytesOf: (owner: string) => number): void {
    const all = this.#usedBytes;
    const counts = owner && all >= this.#bound.max / 2;
    assertRoom(this.#bound, owner, { all, own: counts ? bytesOf(owner) : 0 });
  }

  /** To be called when the store has changed. */
  look(): void {
    this.#usedBytes = this.#options.index.usedBytes;
  }

  /**
   * Sees to it that there is room for a write.
   * @returns the pages that may be written before the next call
   * @throws HF_BROKER_FULL when the disk has no more
   */
  async reserve(): Promise<number> {
    const { index, path } = this.#options;
    const reached = index.reachedBytes;
    const reserve = Math.min(mostReserveBytes, Math.max(leastReserveBytes, Math.floor(reached / 8)));
    const { size } = fs.statSync(path);
    if (size < reached + reserve) await extend(path, size, reached + 2 * reserve);
    // A write changes pages on the way to those it fills, too; the budget counts them, and this is for the rest.
    return Math.min(mostPages, Math.floor(reserve / pageBytes / 2));
  }
}

/**
 * LMDB makes this file, and writes to it in memory: without room on the disk, that would end the process.
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
