/**
 * Inspects a store's folder before anything is changed: the marker, whether the index can be read, how far the journal goes. Damage
 * is HF_STORE_CORRUPT; with repair it is reported and skipped.
 *
 * LMDB maps its file into memory and has no checksums of its pages: a truncated or overwritten file can crash the process that reads
 * it. So the index is first opened by a child process, which reads both ends of every table, if it is not as the store left it
 * (`IndexStamp`), after the end of the machine, and with repair. Damage further inside is found when data is read, by its checksums.
 */
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import {
  type IndexStamp,
  type JournalContents,
  journalEndsPath,
  journalNumbers,
  journalPath,
  type KnownEnds,
  readJournal,
  readJournalEnds,
} from "./journal.js";
import { corrupt, isNoRoom } from "./store-errors.js";
import type { StoreSharing } from "./store-folder.js";
import { type Marker, readBootId, readMarker } from "./store-marker.js";
import { reserveLockFile } from "./store-room.js";

export interface OpenStoreOptions {
  readonly folder: string;
  /** Continues with what is left of a damaged store; clients are told of the gap. */
  readonly isRepair: boolean;
  readonly clock: Clock;
  /** Gets damage that was found and repaired. */
  readonly onNotice: (error: HoldfastError) => void;
  /** Undefined: no other process may use it. */
  readonly sharing?: StoreSharing | undefined;
}

/** The result of an inspection. */
export interface FoundStore {
  readonly indexPath: string;
  readonly boot: string;
  /** Undefined if there is no store yet, or it has lost its marker. */
  readonly last: Marker | undefined;
  readonly contents: readonly NumberedJournal[];
  readonly ends: KnownEnds | undefined;
}

export type NumberedJournal = JournalContents & { readonly number: number };

/** Reads marker, index and journal, and changes nothing except what a repair quarantines. @throws HF_STORE_CORRUPT, HF_STORE_NEWER */
export async function inspectStore(options: OpenStoreOptions, isReadOnly: boolean): Promise<FoundStore> {
  const { folder, clock } = options;
  const indexPath = join(folder, indexName);
  const boot = readBootId(clock.now());
  const last = findMarker(options, indexPath);
  const isOtherBoot = last !== undefined && last.boot !== boot;
  const ends = last?.hasJournalEnds ? readJournalEnds(folder) : undefined;
  const isTrusted = !isOtherBoot && !options.isRepair && isAsLeft(indexPath, ends?.index);
  if (!isTrusted) await checkIndex(options, indexPath, isReadOnly);
  const contents = readJournals(options, journalNumbers(folder), isOtherBoot);
  checkEnds(options, {
    marker: last,
    ends,
    contents,
    isSameBoot: last?.boot === boot && ends?.boot === boot,
  });
  return { indexPath, boot, last, contents, ends };
}

const indexName = "data.mdb";

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

/** Quarantines a damaged index, with repair. @throws HF_STORE_CORRUPT without */
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

/** @throws HF_STORE_CORRUPT if a file ends in a way that no crash of the process or the machine explains */
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

interface FoundJournal {
  readonly marker: Marker | undefined;
  readonly ends: KnownEnds | undefined;
  readonly contents: readonly NumberedJournal[];
  /** Whether everything written must exist, flushed or not. */
  readonly isSameBoot: boolean;
}

/** @throws HF_STORE_CORRUPT if parts of the journal are missing */
function checkEnds(options: OpenStoreOptions, { marker, ends, contents, isSameBoot }: FoundJournal): void {
  const { folder } = options;
  try {
    if (ends === undefined && marker?.hasJournalEnds && !marker.isClean)
      throw corrupt(folder, `has lost ${journalEndsPath(folder)}, which says how far its journal goes`);
    for (const { number, written, flushed } of ends?.files ?? []) {
      const path = journalPath(folder, number);
      const needed = isSameBoot ? written : flushed;
      const found = contents.find((each) => each.number === number);
      // The end of the machine may remove a file that was never flushed, including its name.
      if (found === undefined && needed === 0 && !isSameBoot) continue;
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

/** @throws the error, unless the store is being repaired */
export function repairOrThrow(error: unknown, { isRepair, onNotice }: OpenStoreOptions): void {
  const isRepairable = isRepair && error instanceof HoldfastError && error.code === "HF_STORE_CORRUPT";
  if (!isRepairable) throw error;
  onNotice(error);
}

/** Renames a damaged file, so that it can be examined later. */
export function quarantine(path: string): void {
  for (let n = 1; ; n++) {
    const aside = `${path}.damaged-${n}`;
    if (fs.existsSync(aside)) continue;
    fs.renameSync(path, aside);
    return;
  }
}

/** Reading a few thousand keys takes milliseconds; a damaged tree may have no end. */
const timeoutMs = 60_000;

/** Prints why the index cannot be used, or nothing. Arguments: the module lmdb, the folder, "read" or "write". */
const script = `
const { open } = require(process.argv[1]);
const [, , folder, mode] = process.argv;
const binary = { encoding: "binary", keyEncoding: "binary", cache: false };
try {
  const root = open({ ...binary, path: folder, noSubdir: false, maxDbs: 64, readOnly: mode === "read" });
  const { lastPageNumber, pageSize } = root.getStats();
  const needed = (lastPageNumber + 1) * pageSize;
  const { size } = require("node:fs").statSync(folder + "/data.mdb");
  if (size < needed) process.stdout.write("it was cut short: it has " + size + " bytes of " + needed);
  else {
    const names = [...root.getKeys()].map((key) => key.toString().replace(/\\0$/, ""));
    const tables = names.map((name) => root.openDB({ ...binary, name }));
    for (const table of tables)
      for (const reverse of [false, true]) for (const key of table.getKeys({ limit: 1000, reverse })) key.length;
  }
} catch (error) {
  process.stdout.write(error.message);
}
process.reallyExit(0);`;

/** @returns undefined if the file system does not let the store set the time */
export function stampIndex(path: string): IndexStamp | undefined {
  try {
    // Earlier than any later change, by more than the resolution of file times.
    const modifiedMs = stampOf(path).modifiedMs - 1000;
    fs.utimesSync(path, modifiedMs / 1000, modifiedMs / 1000);
    const stamp = stampOf(path);
    return stamp.modifiedMs === modifiedMs ? stamp : undefined;
  } catch {
    return undefined;
  }
}

function stampOf(path: string): IndexStamp {
  const { size: bytes, mtimeMs } = fs.statSync(path);
  return { bytes, modifiedMs: Math.round(mtimeMs) };
}

function isAsLeft(path: string, left: IndexStamp | undefined): boolean {
  if (left === undefined || !fs.existsSync(path)) return false;
  const { bytes, modifiedMs } = stampOf(path);
  return bytes === left.bytes && modifiedMs === left.modifiedMs;
}

export interface ProbeOptions {
  readonly folder: string;
  /** The index's file. */
  readonly path: string;
  /** Whether the server opens it read-only. */
  readonly isReadOnly: boolean;
}

/** @throws HF_STORE_CORRUPT; Error if the disk has no room for opening it */
export async function probeIndex({ folder, path, isReadOnly }: ProbeOptions): Promise<void> {
  // LMDB would turn it into a new index.
  if (fs.statSync(path).size === 0) throw corrupt(folder, `has an index that is empty (${path})`);
  const lmdb = findLmdb();
  if (lmdb === undefined) return;
  const args = [lmdb, folder, isReadOnly ? "read" : "write"];
  // A single failure may have another cause, such as too little memory.
  const fault = (await runProbe(args)) && (await runProbe(args));
  if (fault === undefined) return;
  if (isNoRoom(new Error(fault))) throw new Error(fault);
  throw corrupt(folder, `has an index that is damaged (${path}: ${fault})`);
}

/** @returns undefined if it is missing, which opening the index reports */
function findLmdb(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve("lmdb");
  } catch {
    return undefined;
  }
}

function runProbe(args: readonly string[]): Promise<string | undefined> {
  // The child must not get options for this process, such as modules to preload.
  const env = { ...process.env, NODE_OPTIONS: "", ELECTRON_RUN_AS_NODE: "1" };
  return new Promise((resolve) => {
    execFile(process.execPath, ["-e", script, ...args], { env, timeout: timeoutMs }, (error, stdout) => {
      if (stdout !== "") resolve(stdout);
      else if (error?.signal) resolve(`reading it ended a process with ${error.signal}`);
      // If no process can be started, LMDB opens the index unchecked.
      else resolve(undefined);
    });
  });
}
