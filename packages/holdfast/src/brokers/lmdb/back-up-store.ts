/**
 * Copies a store into a folder while a server uses it, or while none does. The copy is as of one moment, shortly before the end: the
 * index as of the beginning, and the journal from before that until then. A server keeps its journal files meanwhile, and its users
 * notice nothing; whoever copies reads and writes, so that a full disk of theirs is no matter of the server.
 *
 *     data.mdb        the index, without free pages
 *     journal-N.log   as in a store
 *     reserve.log
 *     backup.json     written last: what the copy consists of, with checksums
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join, resolve } from "node:path";
import { HoldfastError, messageOf } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import type { JournalEnd } from "./checkpoints.js";
import {
  flushFolder,
  journalNumbers,
  journalPath,
  readJournal,
  readJournalEnds,
  reserveName,
} from "./journal.js";
import { LogIndex } from "./log-index.js";
import { probeIndex } from "./store-check.js";
import { isNoRoom } from "./store-errors.js";
import type { Marker } from "./store-marker.js";
import { reserveLockFile } from "./store-room.js";
import { findStore } from "./store-view.js";

export const backupFileName = "backup.json";
export const indexName = "data.mdb";

export interface BackedUpFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The contents of `backup.json`. */
export interface Backup {
  /** Of this file. */
  readonly backup: 1;
  /** The moment that it holds, Unix milliseconds. */
  readonly at: number;
  /** The folder of the store. */
  readonly from: string;
  /** `holdfast.json` of the store. */
  readonly marker: Marker;
  readonly channels: number;
  readonly files: readonly BackedUpFile[];
}

/** What a running server keeps for the copy. */
export interface HeldJournal {
  /** Where the journal ends. @throws HF_STORE_BACKUP if the server has ended, or has not kept it */
  readonly end: () => Promise<JournalEnd>;
  readonly release: () => void;
}

export interface BackUpOptions {
  /** The store. */
  readonly folder: string;
  /** A folder that does not exist, or is empty. */
  readonly target: string;
  readonly clock: Clock;
  /** Asks the server that uses the store to keep its journal; undefined if none uses it. */
  readonly hold: () => Promise<HeldJournal | undefined>;
  readonly onProgress?: CopyProgress;
}

/** @param done bytes, of a total that is an estimate */
export type CopyProgress = (done: number, total: number) => void;

/**
 * @throws HF_STORE_BACKUP, and nothing is left in the target; HF_STORE_OPEN if there is no store; HF_STORE_CORRUPT, HF_STORE_NEWER,
 * HF_STORE_IN_USE if the server that uses it does not share it
 */
export async function backUpStore(options: BackUpOptions): Promise<Backup> {
  const folder = resolve(options.folder);
  const target = resolve(options.target);
  findStore(folder);
  return await intoEmptyFolder(target, async () => {
    const held = await options.hold();
    try {
      return await copy({ ...options, folder, target }, held);
    } finally {
      held?.release();
    }
  });
}

async function copy(options: BackUpOptions, held: HeldJournal | undefined): Promise<Backup> {
  const { folder, target, clock } = options;
  const { marker, indexPath } = findStore(folder);
  const before = held ? undefined : stateOf(folder);
  await probeIndex({ folder, path: indexPath, isReadOnly: true });
  reserveLockFile(folder);
  const index = await LogIndex.open(folder, { isReadOnly: true });
  let channels: number;
  try {
    channels = index.channelCount;
    const total = index.usedBytes + journalBytes(folder);
    assertRoom(target, total);
    await copyIndex(index, options, total);
  } finally {
    await index.close();
  }
  const end = await held?.end();
  const at = clock.now();
  for (const number of journalNumbers(folder)) {
    // A file that came after the end.
    if (end !== undefined && end.number > 0 && number > end.number) break;
    copyJournal(folder, target, number, end?.number === number ? end.length : undefined);
  }
  const reserve = join(folder, reserveName);
  if (fs.existsSync(reserve)) fs.copyFileSync(reserve, join(target, reserveName));
  if (before !== undefined && before !== stateOf(folder))
    throw backupError(`a server has started on the store in ${folder} meanwhile; back it up again`);
  await probeIndex({ folder: target, path: join(target, indexName), isReadOnly: true });
  fs.rmSync(join(target, "lock.mdb"), { force: true });
  const files = fs
    .readdirSync(target)
    .sort()
    .map((name) => describeFile(target, name));
  const backup: Backup = { backup: 1, at, from: folder, marker, channels, files };
  writeFlushed(join(target, backupFileName), `${JSON.stringify(backup, null, 2)}\n`);
  flushFolder(target);
  return backup;
}

const progressMs = 250;

async function copyIndex(index: LogIndex, options: BackUpOptions, total: number): Promise<void> {
  const { target, clock, onProgress } = options;
  const path = join(target, indexName);
  let cancel = () => {};
  const watch = () => {
    cancel = clock.setTimer(() => {
      onProgress?.(Math.min(total, fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0), total);
      watch();
    }, progressMs);
  };
  if (onProgress) watch();
  try {
    await index.copyTo(target);
  } finally {
    cancel();
  }
  fs.chmodSync(path, 0o600);
  flushFile(path);
  onProgress?.(total, total);
}

/** @param length bytes up to which it was written when the copy ended; undefined for all */
function copyJournal(folder: string, target: string, number: number, length: number | undefined): void {
  const path = journalPath(folder, number);
  const { goodBytes, end } = readJournal(path);
  // What is torn was not acknowledged.
  if (end === "damaged" && length === undefined) throw damaged(path, goodBytes);
  if (length !== undefined && goodBytes < length) throw damaged(path, goodBytes);
  const bytes = fs.readFileSync(path).subarray(0, length ?? goodBytes);
  writeFlushed(journalPath(target, number), bytes);
}

function damaged(path: string, goodBytes: number): HoldfastError {
  return new HoldfastError(
    "HF_STORE_CORRUPT",
    `the journal is damaged behind byte ${goodBytes} of ${path}, and would be damaged in a copy, too. holdfast store check says what else is`,
  );
}

/** Changes whenever a server starts on the store, or writes to it. */
function stateOf(folder: string): string {
  const { run } = findStore(folder).marker;
  return JSON.stringify([run, readJournalEnds(folder)?.files]);
}

function journalBytes(folder: string): number {
  return journalNumbers(folder).reduce(
    (sum, number) => sum + (fs.statSync(journalPath(folder, number), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

/**
 * Makes or uses an empty folder. What is written to it goes if that fails.
 * @throws HF_STORE_BACKUP
 */
export async function intoEmptyFolder<T>(folder: string, fill: () => Promise<T>): Promise<T> {
  const isThere = fs.existsSync(folder);
  if (isThere && fs.readdirSync(folder).length > 0)
    throw backupError(`${folder} is not empty; name a folder that does not exist yet`);
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    return await fill();
  } catch (cause) {
    if (isThere) for (const name of fs.readdirSync(folder)) fs.rmSync(join(folder, name), { force: true });
    else fs.rmSync(folder, { recursive: true, force: true });
    if (cause instanceof HoldfastError) throw cause;
    const why = messageOf(cause);
    throw isNoRoom(cause) || /too large/i.test(why)
      ? backupError(`there is no room for the copy in ${folder} (${why}); nothing was left there`, cause)
      : backupError(`the copy in ${folder} failed (${why}); nothing was left there`, cause);
  }
}

/** @throws HF_STORE_BACKUP if the file system says that it has less room than needed */
export function assertRoom(folder: string, bytes: number): void {
  const { bavail, bsize } = fs.statfsSync(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw backupError(
    `there is no room for the copy in ${folder}: it needs ${inMiB(bytes)}, and ${inMiB(free)} are free; nothing was left there`,
  );
}

function inMiB(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

export function backupError(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("HF_STORE_BACKUP", message, cause === undefined ? {} : { cause });
}

export function describeFile(folder: string, name: string): BackedUpFile {
  const hash = createHash("sha256");
  const file = fs.openSync(join(folder, name), "r");
  let bytes = 0;
  try {
    const chunk = Buffer.allocUnsafe(1024 * 1024);
    for (;;) {
      const read = fs.readSync(file, chunk);
      if (read === 0) break;
      hash.update(chunk.subarray(0, read));
      bytes += read;
    }
  } finally {
    fs.closeSync(file);
  }
  return { name, bytes, sha256: hash.digest("hex") };
}

function writeFlushed(path: string, contents: string | Uint8Array): void {
  fs.writeFileSync(path, contents, { mode: 0o600, flag: "wx" });
  flushFile(path);
}

export function flushFile(path: string): void {
  const file = fs.openSync(path, "r+");
  try {
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}
