/**
 * Makes the index of a store as small as what it holds: LMDB reuses the pages of what was removed, but never gives them back. No server
 * may use the store meanwhile, and needs none of its time: a new index is written beside the old one, and takes its place at once.
 */
import * as fs from "node:fs";
import { join, resolve } from "node:path";
import { assertRoom, flushFile, indexName, intoEmptyFolder } from "./back-up-store.js";
import { flushFolder } from "./journal.js";
import { LmdbLog, type SharedLmdbOptions } from "./lmdb-broker.js";
import { LogIndex } from "./log-index.js";
import { probeIndex } from "./store-check.js";
import { StoreOwner } from "./store-folder.js";
import { readBootId } from "./store-marker.js";
import { findStore } from "./store-view.js";

export type CompactOptions = Omit<SharedLmdbOptions, "sharing" | "repair" | "meter">;

export interface Compacted {
  /** Bytes of the index. */
  readonly before: number;
  readonly after: number;
}

const temporaryName = "compact.tmp";

/**
 * @throws HF_STORE_IN_USE while a server uses the store; HF_STORE_BACKUP if there is no room for the new index, and then the store is as
 * it was; HF_STORE_OPEN, HF_STORE_CORRUPT, HF_STORE_NEWER
 */
export async function compactStore(options: CompactOptions): Promise<Compacted> {
  const folder = resolve(options.folder);
  const { indexPath } = findStore(folder);
  await bringJournalToIndex({ ...options, folder });
  const owner = await StoreOwner.take(folder, readBootId(options.clock.now()));
  const temporary = join(folder, temporaryName);
  try {
    fs.rmSync(temporary, { recursive: true, force: true });
    const before = fs.statSync(indexPath).size;
    const after = await intoEmptyFolder(temporary, async () => {
      await copyIndex(folder, temporary);
      const path = join(temporary, indexName);
      const { size } = fs.statSync(path);
      if (size < before) {
        fs.renameSync(path, indexPath);
        flushFolder(folder);
      }
      return Math.min(size, before);
    });
    return { before, after };
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
    owner.release();
  }
}

/** As a server that starts and ends. */
async function bringJournalToIndex(options: CompactOptions): Promise<void> {
  const log = new LmdbLog(options);
  await log.open({ onPublication() {}, onDisconnect() {}, onReconnect() {} });
  await log.close();
}

async function copyIndex(folder: string, target: string): Promise<void> {
  const index = await LogIndex.open(folder, { isReadOnly: true });
  try {
    assertRoom(target, index.usedBytes);
    await index.copyTo(target);
  } finally {
    await index.close();
  }
  const path = join(target, indexName);
  await probeIndex({ folder: target, path, isReadOnly: true });
  fs.chmodSync(path, 0o600);
  flushFile(path);
}
