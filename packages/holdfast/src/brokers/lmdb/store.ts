/**
 * Opens a store: a folder with a marker, an index (LMDB) and the journal. What the journal has beyond the index is replayed, whether
 * the process ended on its own, was killed, or the machine went down.
 */
import * as fs from "node:fs";
import { HoldfastError, messageOf } from "../../errors.js";
import { decodeRuns, type Run } from "./format.js";
import { StoreTime, startOfPeriod } from "./idempotency-keys.js";
import { Journal, JournalEnds, type KnownEnds, ReserveJournal, truncateJournal } from "./journal.js";
import { LogIndex } from "./log-index.js";
import {
  inspectStore,
  type NumberedJournal,
  type OpenStoreOptions,
  quarantine,
  repairOrThrow,
  stampIndex,
} from "./store-check.js";
import { corrupt, isNoRoom } from "./store-errors.js";
import { prepareFolder, StoreOwner } from "./store-folder.js";
import { emptyMarker, type Marker, nextMarker, readBootId, writeMarker } from "./store-marker.js";
import { reserveLockFile } from "./store-room.js";

export interface OpenStore {
  readonly folder: string;
  readonly indexPath: string;
  readonly index: LogIndex;
  readonly journal: Journal;
  readonly reserve: ReserveJournal;
  /** Number of the oldest journal file. */
  readonly oldestJournal: number;
  readonly marker: Marker;
  readonly owner: StoreOwner;
  readonly time: StoreTime;
  /** The runs in the journal, oldest first. */
  readonly runs: Iterable<Run>;
  /** Why the store is read-only, if it is. */
  readonly refusal?: HoldfastError;
}

/**
 * @throws HF_STORE_OPEN, HF_STORE_CORRUPT, HF_STORE_NEWER, HF_STORE_IN_USE; then nothing is left open or changed
 */
export async function openStore(options: OpenStoreOptions): Promise<OpenStore> {
  const { folder } = options;
  try {
    prepareFolder(folder);
    const owner = await StoreOwner.take(folder, readBootId(options.clock.now()), options.sharing);
    try {
      return await openOwned(options, owner).catch(async (cause: unknown) => {
        if (!isNoRoom(cause)) throw cause;
        return await openReadOnly(options, owner, cause);
      });
    } catch (error) {
      owner.release();
      throw error;
    }
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    throw new HoldfastError(
      "HF_STORE_OPEN",
      `the store in ${folder} could not be opened: ${messageOf(cause)}`,
      { cause, details: { folder } },
    );
  }
}

async function openOwned(options: OpenStoreOptions, owner: StoreOwner): Promise<OpenStore> {
  const { folder, isRepair } = options;
  const { indexPath, boot, last, contents, ends } = await inspectStore(options, false);
  // From here on a store that has lost its index differs from one that never had any.
  if (last === undefined && !isRepair) await writeMarker(folder, emptyMarker(boot));
  const index = await openIndex(options, indexPath);
  try {
    // Another journal file follows, and only the last one may have a torn end.
    for (const { path, goodBytes } of contents) await truncateJournal(path, goodBytes);
    const known = last ?? (isRepair ? { ...emptyMarker(boot), run: lastRunOf(index, contents) } : undefined);
    const marker = { ...nextMarker(known, boot, isRepair), hasJournalEnds: true };
    const time = timeOf(options, index, ends);
    const files = contents.map(({ number, goodBytes: written }) => ({ number, written, flushed: written }));
    const journalEnds = new JournalEnds(folder, {
      boot,
      files,
      index: stampIndex(indexPath),
      now: () => time.now(),
    });
    try {
      await writeMarker(folder, marker);
      const journal = Journal.begin(folder, (contents.at(-1)?.number ?? 0) + 1, journalEnds);
      const oldestJournal = contents[0]?.number ?? journal.number;
      const reserve = await ReserveJournal.open(folder);
      const runs = withReserved(runsOf(contents), reserve.frames.flatMap(decodeRuns));
      return { folder, indexPath, index, journal, reserve, oldestJournal, marker, owner, time, runs };
    } catch (error) {
      journalEnds.close();
      throw error;
    }
  } catch (error) {
    await index.close();
    throw error;
  }
}

/** Opens a store read-only: nothing is written, except to the reserve. @throws the cause, if there is no store yet */
async function openReadOnly(
  options: OpenStoreOptions,
  owner: StoreOwner,
  cause: unknown,
): Promise<OpenStore> {
  const { folder, isRepair, onNotice } = options;
  const { indexPath, boot, last, contents, ends } = await inspectStore(options, true);
  if (last === undefined || isRepair || !fs.existsSync(indexPath)) throw cause;
  // Clients see this text, too.
  const refusal = new HoldfastError(
    "HF_BROKER_FULL",
    "the store is read-only, since its disk had no room when the server started",
    { cause },
  );
  reserveLockFile(folder);
  const index = await LogIndex.open(folder, { isReadOnly: true });
  try {
    const marker = { ...nextMarker(last, boot, false), hasJournalEnds: true };
    const time = timeOf(options, index, ends);
    const journal = Journal.refusing(folder, refusal);
    const reserve = await ReserveJournal.open(folder);
    const runs = withReserved(runsOf(contents), reserve.frames.flatMap(decodeRuns));
    onNotice(
      new HoldfastError(
        "HF_BROKER_FULL",
        `the store in ${folder} is read-only, since the disk has no room (${messageOf(cause)}). Reads go on, and publishes are refused; make room, and start the server again`,
        { cause, details: { folder } },
      ),
    );
    return {
      folder,
      indexPath,
      index,
      journal,
      reserve,
      oldestJournal: 0,
      marker,
      owner,
      time,
      runs,
      refusal,
    };
  } catch (error) {
    await index.close();
    throw error;
  }
}

/** The store's time, which must not lie before that of any key in the index. */
function timeOf({ clock }: OpenStoreOptions, index: LogIndex, ends: KnownEnds | undefined): StoreTime {
  const time = new StoreTime(clock, ends?.time ?? clock.now());
  time.advanceTo(startOfPeriod(index.lastKeyPeriod ?? 0));
  return time;
}

async function openIndex(options: OpenStoreOptions, indexPath: string): Promise<LogIndex> {
  const { folder } = options;
  try {
    reserveLockFile(folder);
    return await LogIndex.open(folder);
  } catch (cause) {
    if (isNoRoom(cause)) throw cause;
    if (isMissingBinary(cause))
      throw new HoldfastError(
        "HF_STORE_OPEN",
        `there is no compiled lmdb for this platform (${process.platform} ${process.arch}): ${messageOf(cause)}. Keep history in memory instead (--data memory), or install lmdb where it can be compiled`,
        { cause },
      );
    const error = corrupt(
      folder,
      `has an index that cannot be opened (${indexPath}: ${messageOf(cause)})`,
      cause,
    );
    repairOrThrow(error, options);
    quarantine(indexPath);
    return await LogIndex.open(folder);
  }
}

/** The last run that left data, if there is no marker. */
function lastRunOf(index: LogIndex, contents: readonly NumberedJournal[]): number {
  let last = 1;
  for (const name of index.channelNames()) last = Math.max(last, index.channel(name)?.run ?? 0);
  for (const { run } of runsOf(contents)) last = Math.max(last, run);
  return last;
}

function isMissingBinary(error: unknown): boolean {
  return /no native build|ERR_DLOPEN_FAILED|MODULE_NOT_FOUND/i.test(
    `${(error as NodeJS.ErrnoException).code ?? ""} ${messageOf(error)}`,
  );
}

function* runsOf(contents: readonly NumberedJournal[]): Iterable<Run> {
  for (const { frames } of contents) for (const frame of frames) yield* decodeRuns(frame);
}

/** Merges the runs of the reserve with those of the journal, in order. */
function* withReserved(runs: Iterable<Run>, reserved: readonly Run[]): Iterable<Run> {
  const channels = new Set(reserved.map(({ channel }) => channel));
  const later = [...reserved];
  for (const run of runs) {
    if (channels.has(run.channel)) later.push(run);
    else yield run;
  }
  yield* later.sort((a, b) => a.since - b.since || a.first - b.first);
}

/** @param isComplete whether everything is in the index */
export async function closeStore(store: OpenStore, isComplete: boolean): Promise<void> {
  try {
    await store.index.close();
    store.journal.noteIndex(stampIndex(store.indexPath));
    await store.journal.close(isComplete);
    if (isComplete) await writeMarker(store.folder, { ...store.marker, isClean: true });
  } finally {
    // Left open, its file would end the process when it is collected. Nothing is written any more: the next owner repairs what is
    // incomplete.
    await store.reserve.close().finally(() => store.owner.release());
  }
}
