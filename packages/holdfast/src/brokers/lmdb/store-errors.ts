/** The errors of a store, in one wording. */
import { HoldfastError, messageOf } from "../../errors.js";

/** @param what one sentence without full stop, that goes on after the folder's name */
export function corrupt(folder: string, what: string, cause?: unknown): HoldfastError {
  return new HoldfastError(
    "HF_STORE_CORRUPT",
    `the store in ${folder} ${what}. Put back a copy of the folder or leave it as it is, and start once with --repair-data (option repairData): what can be read is kept, and clients are told that something is missing`,
    cause === undefined ? {} : { cause },
  );
}

/** Of the file system, when something is used up that may be given back. */
const fullCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG", "EMFILE", "ENFILE"]);

/** Whether the disk is full or read-only. */
export function isNoRoom(cause: unknown): boolean {
  // LMDB says it in words.
  if (/no space left|read-only file system/i.test(messageOf(cause))) return true;
  return ["ENOSPC", "EDQUOT", "EROFS"].includes((cause as NodeJS.ErrnoException).code ?? "");
}

/** What publishers are told when something could not be written. */
export function toStoreError(cause: unknown): HoldfastError {
  if (cause instanceof HoldfastError) return cause;
  if (fullCodes.has((cause as NodeJS.ErrnoException).code ?? ""))
    return new HoldfastError("HF_BROKER_FULL", `the system has no room for the store: ${messageOf(cause)}`, {
      cause,
    });
  return new HoldfastError(
    "HF_STORE_FAILED",
    `the store is read-only after a write failure (${messageOf(cause)}). Reads go on; check the disk, and start the server again`,
    { cause },
  );
}

/** @throws HF_STORE_CORRUPT in the place of what LMDB throws when it cannot make sense of its file */
export function withStoreErrors<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    throw new HoldfastError(
      "HF_STORE_CORRUPT",
      `the index of the store cannot be read (${messageOf(cause)}). End the server, and start it again with --repair-data (option repairData)`,
      { cause },
    );
  }
}

/** How much of it is on the disk is unknown. */
export function flushFailure(cause: unknown): HoldfastError {
  return new HoldfastError(
    "HF_STORE_FAILED",
    `the store is read-only after a failed flush (${messageOf(cause)}). Reads go on; check the disk, and start the server again`,
    { cause },
  );
}
