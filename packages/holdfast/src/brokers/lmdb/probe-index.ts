/**
 * Opens the index in a child process first. LMDB maps its file into memory and has no checksums of its pages: a file that
 * was cut short or overwritten can end the process that reads it. Here that is a child, and the store is refused or repaired.
 * The child opens the file as the server is going to, and reads both ends of every table; what changed further inside is
 * found by the checksums of what is stored, when that is read.
 */
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { corrupt, isNoRoom } from "./store-errors.js";

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

export interface ProbeOptions {
  readonly folder: string;
  /** The index's file. */
  readonly path: string;
  /** Whether the server is going to read it only. */
  readonly isReadOnly: boolean;
}

/** @throws HF_STORE_CORRUPT; Error where the disk has no room for opening it */
export async function probeIndex({ folder, path, isReadOnly }: ProbeOptions): Promise<void> {
  // LMDB would make a new index of it.
  if (fs.statSync(path).size === 0) throw corrupt(folder, `has an index that is empty (${path})`);
  const lmdb = findLmdb();
  if (lmdb === undefined) return;
  const args = [lmdb, folder, isReadOnly ? "read" : "write"];
  // What happens once may have been the system's doing, such as too little memory.
  const fault = (await runProbe(args)) && (await runProbe(args));
  if (fault === undefined) return;
  if (isNoRoom(new Error(fault))) throw new Error(fault);
  throw corrupt(folder, `has an index that is damaged (${path}: ${fault})`);
}

/** Where it is missing, opening the index says so. */
function findLmdb(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve("lmdb");
  } catch {
    return undefined;
  }
}

function runProbe(args: readonly string[]): Promise<string | undefined> {
  // Options for this process, such as modules to load first, are not for the child.
  const env = { ...process.env, NODE_OPTIONS: "", ELECTRON_RUN_AS_NODE: "1" };
  return new Promise((resolve) => {
    execFile(process.execPath, ["-e", script, ...args], { env, timeout: timeoutMs }, (error, stdout) => {
      if (stdout !== "") resolve(stdout);
      else if (error?.signal) resolve(`reading it ended a process with ${error.signal}`);
      // A system that starts no further process cannot be asked; LMDB opens the index as it is.
      else resolve(undefined);
    });
  });
}
