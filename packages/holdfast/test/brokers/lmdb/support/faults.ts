/** What a disk and a machine may do to a store: writes that are late or fail, and the end of everything not flushed. */
import fs, { promises, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename, join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { LogIndex } from "../../../../src/brokers/lmdb/log-index.js";
import { IndexSpace } from "../../../../src/brokers/lmdb/store-room.js";
import { HoldfastError } from "../../../../src/errors.js";
import { crashCopyOf, journalFilesOf } from "./store.js";

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: as a test says`), { code });
}

export function createGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** Holds up one of the transactions that bring logs to the index, counted from now on. */
export function holdTransaction(nth: number) {
  const { reserve } = IndexSpace.prototype;
  const arrival = createGate();
  const release = createGate();
  let count = 0;
  const spy = vi.spyOn(IndexSpace.prototype, "reserve").mockImplementation(async function (this: IndexSpace) {
    if (++count === nth) {
      arrival.open();
      await release.opened;
    }
    return reserve.call(this);
  });
  onTestFinished(() => {
    release.open();
    spy.mockRestore();
  });
  return { reached: arrival.opened, release: release.open };
}

/** The disk has no room for the index, until the function is called that it gives. */
export function fillDisk(): () => void {
  const error = new HoldfastError("HF_BROKER_FULL", "the disk has no room");
  const spy = vi.spyOn(IndexSpace.prototype, "reserve").mockRejectedValue(error);
  const free = () => void spy.mockRestore();
  onTestFinished(free);
  return free;
}

/** In the place of a function of the file system, for everybody. */
export function replaceInFs<Name extends "openSync" | "fdatasync">(
  name: Name,
  replacement: (original: (typeof fs)[Name]) => (typeof fs)[Name],
): void {
  const original = fs[name];
  fs[name] = replacement(original);
  syncBuiltinESMExports();
  onTestFinished(() => {
    fs[name] = original;
    syncBuiltinESMExports();
  });
}

/** Names of files that are flushed as a whole, from now on. */
export function recordFlushedFiles(): ReadonlySet<string> {
  const flushed = new Set<string>();
  const { open } = promises;
  const spy = vi.spyOn(promises, "open").mockImplementation(async (path, ...rest) => {
    const file = await open(path, ...rest);
    const sync = file.sync.bind(file);
    file.sync = async () => {
      await sync();
      flushed.add(basename(String(path)));
    };
    return file;
  });
  onTestFinished(() => void spy.mockRestore());
  return flushed;
}

/**
 * The folder as the end of the machine would leave it at this moment.
 * @param flushedOf how many of a journal file's bytes were flushed
 */
export function powerCutCopyOf(folder: string, flushedOf: (name: string, bytes: number) => number): string {
  const copy = crashCopyOf(folder);
  for (const path of journalFilesOf(copy)) {
    const { size } = statSync(path);
    truncateSync(path, Math.min(size, flushedOf(basename(path), size)));
  }
  const marker = join(copy, "holdfast.json");
  const known = JSON.parse(readFileSync(marker, "utf8")) as object;
  writeFileSync(marker, JSON.stringify({ ...known, boot: "the one before" }));
  return copy;
}

/** Damages the last stretches of a log in the index. @returns how many there were */
export async function damageEnd(folder: string, channel: string, count: number): Promise<number> {
  const index = await LogIndex.open(folder);
  const firsts = [...index.segmentsFrom(channel, 0)].map(({ first }) => first);
  for (const first of firsts.slice(-count)) await index.putSegment(channel, Buffer.from("damage"), first);
  await index.flushed();
  await index.close();
  return firsts.length;
}
