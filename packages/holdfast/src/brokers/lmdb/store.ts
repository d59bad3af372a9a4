/**
 * Opens a store: a folder with a marker, an index (LMDB) and the journal. What the journal has beyond the index is taken
 * up again, whether the process ended by itself, was killed, or the machine went down with it.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { HoldfastError, messageOf } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import { readBootId } from "./boot-id.js";
import { startOfPeriod } from "./idempotency-keys.js";
import { Journal, journalNumbers, journalPath } from "./journal.js";
import { JournalEnds, journalEndsPath, type KnownEnds, readJournalEnds } from "./journal-ends.js";
import { cutJournal, type JournalContents, readJournal } from "./journal-reader.js";
import { LogIndex } from "./log-index.js";
import { probeIndex } from "./probe-index.js";
import { ReserveJournal } from "./reserve-journal.js";
import { decodeRuns, type Run } from "./runs.js";
import { prepareFolder } from "./store-access.js";
import { corrupt, isNoRoom } from "./store-errors.js";
import { emptyMarker, type Marker, nextMarker, readMarker, writeMarker } from "./store-marker.js";
import { StoreOwner } from "./store-owner.js";
import { reserveLockFile } from "./store-space.js";
import { StoreTime } from "./store-time.js";

export interface OpenStoreOptions {
  readonly folder: string;
  /** Goes on with what is left of a damaged store; clients are told that something is missing. */
  readonly isRepair: boolean;
  readonly clock: Clock;
  /** Gets what was found and could be dealt with. */
  readonly onNotice: (error: HoldfastError) => void;
}

export interface OpenStore {
  readonly folder: string;
  readonly indexPath: string;
  readonly index: LogIndex;
  readonly journal: Journal;
  readonly reserve: ReserveJournal;
  /** Number of the oldest journal file that is there. */
  readonly oldestJournal: number;
  readonly marker: Marker;
  readonly owner: StoreOwner;
  readonly time: StoreTime;
  /** What the journal has, oldest first. */
  readonly runs: Iterable<Run>;
  /** Why the store is only read, where it is. */
  readonly refusal?: HoldfastError;
}

const indexName = "data.mdb";

/**
 * @throws HF_STORE_OPEN, HF_STORE_CORRUPT, HF_STORE_NEWER, HF_STORE_IN_USE; nothing is left open or changed then
 */
export async function openStore(options: OpenStoreOptions): Promise<OpenStore> {
  const { folder } = options;
  try {
    prepareFolder(folder);
    const owner = await StoreOwner.take(folder);
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

interface Found {
  readonly indexPath: string;
  readonly boot: string;
  /** Undefined where there is no store yet, or it has lost its marker. */
  readonly last: Marker | undefined;
  readonly contents: readonly NumberedJournal[];
  readonly ends: KnownEnds | undefined;
}

/** Looks at what is there, and changes nothing but what is put aside by a repair. @throws HF_STORE_CORRUPT, HF_STORE_NEWER */
async function lookAt(options: OpenStoreOptions, isReadOnly: boolean): Promise<Found> {
  const { folder, clock } = options;
  const indexPath = join(folder, indexName);
  const boot = readBootId(clock.now());
  const last = findMarker(options, indexPath);
  const isOtherBoot = last !== undefined && last.boot !== boot;
  await checkIndex(options, indexPath, isReadOnly);
  const contents = readJournals(options, journalNumbers(folder), isOtherBoot);
  const ends = last?.hasJournalEnds ? readJournalEnds(folder) : undefined;
  checkEnds(options, {
    marker: last,
    ends,
    contents,
    isSameBoot: last?.boot === boot && ends?.boot === boot,
  });
  return { indexPath, boot, last, contents, ends };
}

async function openOwned(options: OpenStoreOptions, owner: StoreOwner): Promise<OpenStore> {
  const { folder, isRepair } = options;
  const { indexPath, boot, last, contents, ends } = await lookAt(options, false);
  // From here on a store that has lost its index can be told from one that never had any.
  if (last === undefined && !isRepair) await writeMarker(folder, emptyMarker(boot));
  const index = await openIndex(options, indexPath);
  try {
    // Another journal file is about to follow, and only the last one may have a torn end.
    for (const { path, goodBytes } of contents) await cutJournal(path, goodBytes);
    const known = last ?? (isRepair ? { ...emptyMarker(boot), run: lastRunOf(index, contents) } : undefined);
    const marker = { ...nextMarker(known, boot, isRepair), hasJournalEnds: true };
    const time = timeOf(options, index, ends);
    const files = contents.map(({ number, goodBytes: written }) => ({ number, written, flushed: written }));
    const journalEnds = new JournalEnds(folder, { boot, files, now: () => time.now() });
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

/** Serves what is there, with nothing written but what has room kept for it. @throws the cause, where there is no store yet */
async function openReadOnly(
  options: OpenStoreOptions,
  owner: StoreOwner,
  cause: unknown,
): Promise<OpenStore> {
  const { folder, isRepair, onNotice } = options;
  const { indexPath, boot, last, contents, ends } = await lookAt(options, true);
  if (last === undefined || isRepair || !fs.existsSync(indexPath)) throw cause;
  // Clients are told this, too.
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
        `the store in ${folder} is read-only, since the disk has no room (${messageOf(cause)}). What it has is served, and publishes are refused; make room, and start the server again`,
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

/** No key that the index has may lie ahead of it. */
function timeOf({ clock }: OpenStoreOptions, index: LogIndex, ends: KnownEnds | undefined): StoreTime {
  const time = new StoreTime(clock, ends?.time ?? clock.now());
  time.advanceTo(startOfPeriod(index.lastKeyPeriod ?? 0));
  return time;
}

function findMarker(options: OpenStoreOptions, indexPath: string): Marker | undefined {
  const { folder } = options;
  const isThere = fs.existsSync(indexPath);
  let marker: Marker | undefined;
  try {
    marker = readMarker(folder);
    if (marker && marker.run > 0 && !isThere) throw corrupt(folder, `has lost its index (${indexPath})`);
    if (marker === undefined && isThere)
      throw corrupt(folder, `has an index (${indexPath}), but no holdfast.json to say what it is`);
  } catch (error) {
    repairOrThrow(error, options);
  }
  return marker;
}

/** What is damaged is put aside where it may be. @throws HF_STORE_CORRUPT */
async function checkIndex(options: OpenStoreOptions, path: string, isReadOnly: boolean): Promise<void> {
  if (!fs.existsSync(path)) return;
  const { folder } = options;
  try {
    reserveLockFile(folder);
    await probeIndex({ folder, path, isReadOnly });
  } catch (error) {
    repairOrThrow(error, options);
    quarantine(path);
  }
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

function repairOrThrow(error: unknown, { isRepair, onNotice }: OpenStoreOptions): void {
  const isRepairable = isRepair && error instanceof HoldfastError && error.code === "HF_STORE_CORRUPT";
  if (!isRepairable) throw error;
  onNotice(error);
}

/** For somebody who can make more of it. */
function quarantine(path: string): void {
  for (let n = 1; ; n++) {
    const aside = `${path}.damaged-${n}`;
    if (fs.existsSync(aside)) continue;
    fs.renameSync(path, aside);
    return;
  }
}

/** The last run that left something, where no marker says so. */
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

/** @throws HF_STORE_CORRUPT when a file ends otherwise than by the end of the process or of the machine */
function readJournals(
  { folder, isRepair, onNotice }: OpenStoreOptions,
  numbers: readonly number[],
  isOtherBoot: boolean,
): NumberedJournal[] {
  return numbers.map((number) => {
    const path = journalPath(folder, number);
    const contents = { ...readJournal(path), number };
    const { end, goodBytes, bytes } = contents;
    if (end === "whole") return contents;
    const isLast = number === numbers.at(-1);
    const rest = `${bytes - goodBytes} bytes behind byte ${goodBytes} of ${path}`;
    const isExpected = isLast && (end === "torn" || isOtherBoot);
    const error = corrupt(folder, `has a damaged journal: ${rest} are not what was written`);
    if (!isExpected && !isRepair) throw error;
    if (!isExpected) onNotice(error);
    return contents;
  });
}

type NumberedJournal = JournalContents & { readonly number: number };

interface FoundJournal {
  readonly marker: Marker | undefined;
  readonly ends: KnownEnds | undefined;
  readonly contents: readonly NumberedJournal[];
  /** Whether all that was written must be there, flushed or not. */
  readonly isSameBoot: boolean;
}

/** @throws HF_STORE_CORRUPT when the journal is not all that was written */
function checkEnds(options: OpenStoreOptions, { marker, ends, contents, isSameBoot }: FoundJournal): void {
  const { folder } = options;
  try {
    if (ends === undefined && marker?.hasJournalEnds && !marker.isClean)
      throw corrupt(folder, `has lost ${journalEndsPath(folder)}, which says how far its journal goes`);
    for (const { number, written, flushed } of ends?.files ?? []) {
      const path = journalPath(folder, number);
      const needed = isSameBoot ? written : flushed;
      const found = contents.find((each) => each.number === number);
      if (found === undefined) throw corrupt(folder, `has lost a part of its journal: there is no ${path}`);
      if (found.goodBytes < needed)
        throw corrupt(
          folder,
          `has lost a part of its journal: ${path} has ${found.goodBytes} good bytes of ${needed}`,
        );
    }
  } catch (error) {
    repairOrThrow(error, options);
  }
}

function* runsOf(contents: readonly NumberedJournal[]): Iterable<Run> {
  for (const { frames } of contents) for (const frame of frames) yield* decodeRuns(frame);
}

/** What the journal had no room for belongs between what it had room for. */
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
  await store.journal.close(isComplete);
  await store.reserve.close();
  await store.index.close();
  if (isComplete) await writeMarker(store.folder, { ...store.marker, isClean: true });
  store.owner.release();
}
