/**
 * The file `holdfast.json` in a store's folder: the version of its format, and how earlier runs of servers on it ended, which decides
 * what logs may have lost.
 */
import * as fs from "node:fs";
import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import { join } from "node:path";
import type { Durability } from "../../channels/log.js";
import { HoldfastError, messageOf } from "../../errors.js";
import { corrupt } from "./store-errors.js";

/** The version that this package writes. A store of a newer version is refused. */
const formatVersion = 1;
const fileName = "holdfast.json";

export interface Marker {
  readonly format: number;
  /** Counts the times the store was opened. */
  readonly run: number;
  /** Id of the machine's boot in that run; a different one means that the machine was restarted since. */
  readonly boot: string;
  /** Whether everything of the run is in the index. */
  readonly isClean: boolean;
  /** The last run that did not end cleanly; 0 for none. */
  readonly uncleanRun: number;
  /** The last run during which the machine went down. */
  readonly lostRun: number;
  /** The last run after which the store was repaired. */
  readonly repairedRun: number;
  /** Whether the run keeps `journal-ends`; stores of earlier versions have none. */
  readonly hasJournalEnds?: boolean;
}

/**
 * @returns undefined if the folder has no store
 * @throws HF_STORE_CORRUPT, HF_STORE_NEWER
 */
export function readMarker(folder: string): Marker | undefined {
  let text: string;
  try {
    text = fs.readFileSync(join(folder, fileName), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  let marker: Partial<Marker> | null;
  try {
    marker = JSON.parse(text) as Partial<Marker> | null;
  } catch (error) {
    throw corrupt(folder, `has a ${fileName} that is not JSON (${messageOf(error)})`, error);
  }
  const format = marker?.format;
  if (typeof format !== "number") throw corrupt(folder, `has a ${fileName} that names no format`);
  assertKnownFormat(folder, format);
  return marker as Marker;
}

/** @throws HF_STORE_NEWER */
export function assertKnownFormat(folder: string, format: number): void {
  if (format <= formatVersion) return;
  throw new HoldfastError(
    "HF_STORE_NEWER",
    `the store in ${folder} has format ${format}; this version of Holdfast knows formats up to ${formatVersion}. Use the version that wrote it, or a later one`,
    { details: { format, known: formatVersion } },
  );
}

/** The marker of a store that was never opened. */
export function emptyMarker(boot: string): Marker {
  return { format: formatVersion, run: 0, boot, isClean: true, uncleanRun: 0, lostRun: 0, repairedRun: 0 };
}

/** The marker of the run that begins. */
export function nextMarker(last: Marker | undefined, boot: string, isRepaired: boolean): Marker {
  const { run = 0, uncleanRun = 0, lostRun = 0, repairedRun = 0, isClean = true } = last ?? {};
  return {
    format: formatVersion,
    run: run + 1,
    boot,
    isClean: false,
    uncleanRun: isClean ? uncleanRun : run,
    lostRun: isClean || last?.boot === boot ? lostRun : run,
    repairedRun: isRepaired ? run : repairedRun,
  };
}

/** Resolves once it is flushed. */
export async function writeMarker(folder: string, marker: Marker): Promise<void> {
  const temporary = join(folder, `${fileName}.new`);
  const file = await fs.promises.open(temporary, "w", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(marker, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await fs.promises.rename(temporary, join(folder, fileName));
  // Windows cannot flush a folder.
  const directory = await fs.promises.open(folder, "r").catch(() => undefined);
  await directory?.sync().catch(() => {});
  await directory?.close();
}

/** A stamp orders epochs across all runs of a store: the run, and a count within it. */
const stampsPerRun = 2 ** 32;

export function stampOf(run: number, count: number): number {
  return run * stampsPerRun + count;
}

/**
 * Whether a log may have lost publications that were acknowledged with its durability.
 * @param run the last one in which the log was written; losses of earlier runs are accounted for
 */
export function mayHaveLost(
  { uncleanRun, lostRun, repairedRun }: Marker,
  { run, durability }: { readonly run: number; readonly durability: Durability },
): boolean {
  if (run <= repairedRun) return true;
  if (durability === "memory") return run <= Math.max(uncleanRun, lostRun);
  return durability === "process" && run <= lostRun;
}

/** Clocks are adjusted now and then; a boot that is mistaken for another costs clients a recovery, but no data. */
const toleranceMs = 120_000;

/** @param now Unix milliseconds */
export function readBootId(now: number): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return `up since ${Math.round((now - uptime() * 1000) / toleranceMs)}`;
  }
}

/** From the weakest to the strongest. */
const ranks: Readonly<Record<Durability, number>> = { memory: 0, process: 1, disk: 2 };

/** Whether the first guarantees less than the second. */
export function isWeaker(one: Durability, other: Durability): boolean {
  return ranks[one] < ranks[other];
}
