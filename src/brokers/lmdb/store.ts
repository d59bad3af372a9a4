/**
 * Opens a store: a folder with a marker, an index (LMDB) and the journal. What the journal has beyond the index is taken
 * up again, whether the process ended by itself, was killed, or the machine went down with it.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { HoldfastError, messageOf } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import { readBootId } from "./boot-id.js";
import { checkIndexFile } from "./index-file.js";
import { Journal, journalNumbers, journalPath } from "./journal.js";
import { cutJournal, type JournalContents, readJournal } from "./journal-reader.js";
import { LogIndex } from "./log-index.js";
import { ReserveJournal } from "./reserve-journal.js";
import { decodeRuns, type Run } from "./runs.js";
import { corrupt } from "./store-errors.js";
import { emptyMarker, type Marker, nextMarker, readMarker, writeMarker } from "./store-marker.js";
import { StoreOwner } from "./store-owner.js";

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
  /** What the journal has, oldest first. */
  readonly runs: Iterable<Run>;
}

const indexName = "data.mdb";

/**
 * @throws HF_STORE_OPEN, HF_STORE_CORRUPT, HF_STORE_NEWER, HF_STORE_IN_USE; nothing is left open or changed then
 */
export async function openStore(options: OpenStoreOptions): Promise<OpenStore> {
  const { folder } = options;
  try {
    fs.mkdirSync(folder, { recursive: true });
    const owner = await StoreOwner.take(folder);
    try {
      return await openOwned(options, owner);
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
  const { folder, isRepair, clock } = options;
  const indexPath = join(folder, indexName);
  const boot = readBootId(clock.now());
  const last = findMarker(options, indexPath);
  const isOtherBoot = last !== undefined && last.boot !== boot;
  checkIndex(options, indexPath, isOtherBoot);
  const numbers = journalNumbers(folder);
  const contents = readJournals(options, numbers, isOtherBoot);
  // From here on a store that has lost its index can be told from one that never had any.
  if (last === undefined && !isRepair) await writeMarker(folder, emptyMarker(boot));
  const index = await openIndex(options, indexPath);
  try {
    // Another journal file is about to follow, and only the last one may have a torn end.
    for (const { path, goodBytes } of contents) await cutJournal(path, goodBytes);
    const known = last ?? (isRepair ? { ...emptyMarker(boot), run: lastRunOf(index, contents) } : undefined);
    const marker = nextMarker(known, boot, isRepair);
    await writeMarker(folder, marker);
    const journal = new Journal(folder, (numbers.at(-1) ?? 0) + 1);
    const oldestJournal = numbers[0] ?? journal.number;
    const reserve = await ReserveJournal.open(folder);
    const runs = withReserved(runsOf(contents), reserve.frames.flatMap(decodeRuns));
    return { folder, indexPath, index, journal, reserve, oldestJournal, marker, owner, runs };
  } catch (error) {
    await index.close();
    throw error;
  }
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
    mendOrThrow(error, options);
  }
  return marker;
}

/** What is damaged is put aside where it may be. @throws HF_STORE_CORRUPT */
function checkIndex(options: OpenStoreOptions, indexPath: string, isOtherBoot: boolean): void {
  if (!fs.existsSync(indexPath)) return;
  try {
    checkIndexFile(options.folder, indexPath, { isOtherBoot });
  } catch (error) {
    mendOrThrow(error, options);
    putAside(indexPath);
  }
}

async function openIndex(options: OpenStoreOptions, indexPath: string): Promise<LogIndex> {
  const { folder } = options;
  try {
    return await LogIndex.open(folder);
  } catch (cause) {
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
    mendOrThrow(error, options);
    putAside(indexPath);
    return await LogIndex.open(folder);
  }
}

function mendOrThrow(error: unknown, { isRepair, onNotice }: OpenStoreOptions): void {
  const isMended = isRepair && error instanceof HoldfastError && error.code === "HF_STORE_CORRUPT";
  if (!isMended) throw error;
  onNotice(error);
}

/** For somebody who can make more of it. */
function putAside(path: string): void {
  for (let n = 1; ; n++) {
    const aside = `${path}.damaged-${n}`;
    if (fs.existsSync(aside)) continue;
    fs.renameSync(path, aside);
    return;
  }
}

/** The last run that left something, where no marker says so. */
function lastRunOf(index: LogIndex, contents: readonly JournalContents[]): number {
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
): JournalContents[] {
  return numbers.map((number) => {
    const path = journalPath(folder, number);
    const contents = readJournal(path);
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

function* runsOf(contents: readonly JournalContents[]): Iterable<Run> {
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
  store.journal.close(isComplete);
  await store.reserve.close();
  await store.index.close();
  if (isComplete) await writeMarker(store.folder, { ...store.marker, isClean: true });
  store.owner.release();
}
