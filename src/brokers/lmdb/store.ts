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
import { decodeRuns, type Run } from "./runs.js";
import { corrupt } from "./store-errors.js";
import { type Marker, nextMarker, readMarker, writeMarker } from "./store-marker.js";
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
  const last = readLastMarker(options, indexPath);
  const boot = readBootId(clock.now());
  const isOtherBoot = last !== undefined && last.boot !== boot;
  if (fs.existsSync(indexPath)) checkIndexFile(folder, indexPath, isOtherBoot);
  const numbers = journalNumbers(folder);
  const contents = readJournals(options, numbers, isOtherBoot);
  // Another journal file is about to follow, and only the last one may have a torn end.
  for (const { path, end, goodBytes } of contents) if (end !== "whole") await cutJournal(path, goodBytes);
  const marker = nextMarker(last, boot, isRepair);
  await writeMarker(folder, marker);
  const index = await openIndex(folder);
  try {
    const journal = new Journal(folder, (numbers.at(-1) ?? 0) + 1);
    const oldestJournal = numbers[0] ?? journal.number;
    return { folder, indexPath, index, journal, oldestJournal, marker, owner, runs: runsOf(contents) };
  } catch (error) {
    await index.close();
    throw error;
  }
}

function readLastMarker({ folder, isRepair }: OpenStoreOptions, indexPath: string): Marker | undefined {
  const isThere = fs.existsSync(indexPath);
  const marker = readMarker(folder);
  if (marker && !isThere && !isRepair && marker.run > 1)
    throw corrupt(folder, `has lost its index (${indexPath})`);
  if (marker === undefined && isThere)
    throw corrupt(folder, "has an index, but no holdfast.json to say what it is");
  return marker;
}

async function openIndex(folder: string): Promise<LogIndex> {
  try {
    return await LogIndex.open(folder);
  } catch (error) {
    if (isMissingBinary(error))
      throw new HoldfastError(
        "HF_STORE_OPEN",
        `there is no compiled lmdb for this platform (${process.platform} ${process.arch}): ${messageOf(error)}. Keep history in memory instead (--data memory), or install lmdb where it can be compiled`,
        { cause: error },
      );
    throw corrupt(folder, `has an index that LMDB cannot open (${messageOf(error)})`, error);
  }
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

/** @param isComplete whether everything is in the index */
export async function closeStore(store: OpenStore, isComplete: boolean): Promise<void> {
  store.journal.close(isComplete);
  await store.index.close();
  if (isComplete) await writeMarker(store.folder, { ...store.marker, isClean: true });
  store.owner.release();
}
