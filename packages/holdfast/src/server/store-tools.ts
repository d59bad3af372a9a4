/** What can be done with the folder of a store from outside: look, check, copy, restore, compact. The command `holdfast store` is made of these. */
import { createEpoch } from "../brokers/epochs.js";
import { type Backup, type CopyProgress, backUpStore as copyStore } from "../brokers/lmdb/back-up-store.js";
import { type Compacted, compactStore as compact } from "../brokers/lmdb/compact-store.js";
import { type Restored, restoreStore as restore } from "../brokers/lmdb/restore-store.js";
import { type StoreVerification, verifyStore as verify } from "../brokers/lmdb/verify-store.js";
import { holdJournal } from "../brokers/shared/hold-journal.js";
import { systemClock } from "../sockets/system-clock.js";

export {
  type DescribeStoreOptions,
  describeStore,
  type StoredAmount,
  type StoreReport,
} from "../brokers/lmdb/describe-store.js";
export type { StoreFault } from "../brokers/lmdb/verify-store.js";
export type { Backup, Compacted, CopyProgress, Restored, StoreVerification };

const schedule = (run: () => void) => void setImmediate(run);

/**
 * Checks all checksums, that logs have no holes, and that journal and index agree; a server may use the store meanwhile.
 * @throws HF_STORE_OPEN if there is no store; HF_STORE_NEWER
 */
export function verifyStore(folder: string, onProgress?: CopyProgress): Promise<StoreVerification> {
  return verify(folder, { clock: systemClock, ...(onProgress && { onProgress }) });
}

/**
 * Copies a store as of one moment, while a server uses it or while none does.
 * @param target a folder that does not exist, or is empty
 * @throws HF_STORE_BACKUP, and then nothing is left in the target; HF_STORE_OPEN, HF_STORE_CORRUPT, HF_STORE_NEWER, HF_STORE_IN_USE
 */
export function backUpStore(folder: string, target: string, onProgress?: CopyProgress): Promise<Backup> {
  const hold = () => holdJournal({ folder, clock: systemClock, schedule });
  return copyStore({ folder, target, clock: systemClock, hold, ...(onProgress && { onProgress }) });
}

/**
 * Makes a store of a backup, in new epochs.
 * @param folder one that does not exist, or is empty
 * @param options.until leaves out what was published later, Unix milliseconds
 * @throws HF_STORE_BACKUP, and then nothing is left in the folder; HF_STORE_NEWER
 */
export function restoreStore(
  backup: string,
  folder: string,
  options: { readonly until?: number; readonly onProgress?: CopyProgress } = {},
): Promise<Restored> {
  return restore({ backup, folder, ...options });
}

/**
 * Gives the space of removed publications back to the disk; no server may use the store.
 * @throws HF_STORE_IN_USE; HF_STORE_BACKUP if there is no room for the new index; HF_STORE_OPEN, HF_STORE_CORRUPT, HF_STORE_NEWER
 */
export function compactStore(
  folder: string,
  onError: (error: unknown, context: { readonly stage: string }) => void,
): Promise<Compacted> {
  return compact({ folder, clock: systemClock, schedule, createEpoch, onError });
}
