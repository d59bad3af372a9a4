/**
 * Makes a store of a backup. Clients may have seen publications that it does not have, so all logs continue in new epochs, and clients
 * are told that something may be missing.
 *
 * A store can also be restored as of an earlier time: publications after it are left out. What retention had removed by the time of
 * the backup stays removed, and a key of a map that was set again later gets the value that the log still has, if any.
 */
import * as fs from "node:fs";
import { join, resolve } from "node:path";
import { messageOf } from "../../errors.js";
import {
  assertRoom,
  type Backup,
  backupError,
  backupFileName,
  type CopyProgress,
  describeFile,
  flushFile,
  indexName,
  intoEmptyFolder,
} from "./back-up-store.js";
import { dropAfter } from "./drop-after.js";
import { probeIndex } from "./store-check.js";
import { prepareFolder } from "./store-folder.js";
import { assertKnownFormat, writeMarker } from "./store-marker.js";

export interface RestoreOptions {
  /** The folder of the backup. */
  readonly backup: string;
  /** Of the new store: a folder that does not exist, or is empty. */
  readonly folder: string;
  /** Leaves out what was published later, Unix milliseconds. */
  readonly until?: number;
  readonly onProgress?: CopyProgress;
}

export interface Restored {
  readonly backup: Backup;
  /** Publications that were left out, since they came later than asked for. */
  readonly dropped: number;
  /** Keys of maps whose value at the time is unknown, and which have none now. */
  readonly lostKeys: number;
}

/**
 * @throws HF_STORE_BACKUP if the backup is incomplete or damaged, or the folder has no room, and then nothing is left in it;
 * HF_STORE_NEWER
 */
export async function restoreStore(options: RestoreOptions): Promise<Restored> {
  const source = resolve(options.backup);
  const backup = readBackup(source);
  const { until = backup.at } = options;
  if (until > backup.at)
    throw backupError(
      `the backup in ${source} was made ${Math.ceil((until - backup.at) / 1000)} s before that time, and has nothing that came later`,
    );
  const folder = resolve(options.folder);
  return await intoEmptyFolder(folder, async () => {
    const total = backup.files.reduce((sum, { bytes }) => sum + bytes, 0);
    assertRoom(folder, total);
    let done = 0;
    for (const file of backup.files) {
      const path = join(folder, file.name);
      // Of what was copied, so that it holds for both.
      fs.copyFileSync(join(source, file.name), path, fs.constants.COPYFILE_EXCL);
      fs.chmodSync(path, 0o600);
      if (describeFile(folder, file.name).sha256 !== file.sha256) throw damaged(source, file.name);
      flushFile(path);
      done += file.bytes;
      options.onProgress?.(done, total);
    }
    await probeIndex({ folder, path: join(folder, indexName), isReadOnly: false });
    const dropped = until === backup.at ? { dropped: 0, lostKeys: 0 } : await dropAfter(folder, until);
    const { run } = backup.marker;
    // As after a repair: every log of these runs continues in a new epoch.
    await writeMarker(folder, {
      ...backup.marker,
      isClean: false,
      repairedRun: run,
      hasJournalEnds: false,
    });
    prepareFolder(folder);
    return { backup, ...dropped };
  });
}

/** @throws HF_STORE_BACKUP, HF_STORE_NEWER */
export function readBackup(folder: string): Backup {
  const path = join(folder, backupFileName);
  if (!fs.existsSync(path))
    throw backupError(
      `${folder} is no backup, or one that was not completed: there is no ${backupFileName} in it`,
    );
  let backup: Partial<Backup>;
  try {
    backup = JSON.parse(fs.readFileSync(path, "utf8")) as Partial<Backup>;
  } catch (cause) {
    throw backupError(`${path} is not JSON (${messageOf(cause)})`, cause);
  }
  const { files, marker, at } = backup;
  const isOne = Array.isArray(files) && marker !== undefined && typeof at === "number";
  if (!isOne) throw backupError(`${path} does not describe a backup`);
  assertKnownFormat(folder, marker.format);
  for (const { name, bytes } of files) {
    if (typeof name !== "string" || !fileNames.test(name)) throw backupError(`${path} names a file ${name}`);
    const { size } = fs.statSync(join(folder, name), { throwIfNoEntry: false }) ?? { size: undefined };
    if (size === undefined) throw backupError(`the backup in ${folder} lacks the file ${name}`);
    if (size !== bytes)
      throw backupError(`the backup in ${folder} is damaged: ${name} has ${size} bytes of ${bytes}`);
  }
  return backup as Backup;
}

/** No path that leads elsewhere. */
const fileNames = /^(?:data\.mdb|journal-\d+\.log|reserve\.log)$/;

function damaged(folder: string, name: string) {
  return backupError(`the backup in ${folder} is damaged: ${name} fails its checksum`);
}
