/** Creates the errors of a store. */
import { HoldfastError, messageOf } from "../../errors.js";

/** @param what continues the sentence after the folder's name, without a full stop */
export function corrupt(folder: string, what: string, cause?: unknown): HoldfastError {
  return new HoldfastError(
    "HF_STORE_CORRUPT",
    `the store in ${folder} ${what}. Put back a copy of the folder or leave it as it is, and start once with --repair-data (option repairData): what can be read is kept, and clients are told that something is missing`,
    cause === undefined ? {} : { cause },
  );
}

/** Codes of the file system for resources that are used up and may become free again. */
const fullCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG", "EMFILE", "ENFILE"]);

/** Whether the disk is full or read-only. */
export function isNoRoom(cause: unknown): boolean {
  // LMDB only has texts.
  if (/no space left|read-only file system/i.test(messageOf(cause))) return true;
  return ["ENOSPC", "EDQUOT", "EROFS"].includes((cause as NodeJS.ErrnoException).code ?? "");
}

/** The error for publishers after a failed write. */
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

/** @throws HF_STORE_CORRUPT instead of what LMDB throws when it cannot read its file */
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

/** The error after a failed flush, when it is unknown how much is on the disk. */
export function flushFailure(cause: unknown): HoldfastError {
  return new HoldfastError(
    "HF_STORE_FAILED",
    `the store is read-only after a failed flush (${messageOf(cause)}). Reads go on; check the disk, and start the server again`,
    { cause },
  );
}
