/**
 * A store is for the user whose server it is: its files are 0600, and the folder 0700. Windows has no such modes; there the
 * folder has what the one above it gives.
 */
import * as fs from "node:fs";
import { dirname, join } from "node:path";

const ownerOnly = 0o077;
const markerName = "holdfast.json";
const storeFiles =
  /^(?:holdfast\.json|data\.mdb|lock\.mdb|journal-\d+\.log|journal-ends|reserve\.log|owner\b.*)$/;

/** Makes the folder where there is none. One that holds a store, or nothing, is closed to others; so are the files of a store. */
export function prepareFolder(folder: string): void {
  if (!fs.existsSync(folder)) {
    fs.mkdirSync(dirname(folder), { recursive: true });
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  if (process.platform === "win32") return;
  const names = fs.readdirSync(folder);
  // Another folder, such as the one that a program runs in, is not ours to close.
  if (names.length === 0 || names.includes(markerName)) close(folder, 0o700);
  for (const name of names) if (storeFiles.test(name)) close(join(folder, name), 0o600);
}

/** What of a store others than its user may read or write; empty where that is nothing, or there is no store. */
export function findOpenToOthers(folder: string): readonly string[] {
  if (process.platform === "win32" || !fs.existsSync(join(folder, markerName))) return [];
  const files = fs.readdirSync(folder).filter((name) => storeFiles.test(name));
  return [folder, ...files.map((name) => join(folder, name))].filter(isOpenToOthers);
}

/** What is made meanwhile, by libraries that ask for no mode of their own, is for this user only. */
export function withPrivateFiles<T>(make: () => T): T {
  let before: number | undefined;
  try {
    before = process.umask(ownerOnly);
  } catch {
    // In a worker thread the process's mask cannot be set; the folder is closed there, too.
  }
  try {
    return make();
  } finally {
    if (before !== undefined) process.umask(before);
  }
}

/** A link is somebody else's business, and so is what it leads to. */
function isOpenToOthers(path: string): boolean {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !(stats.isFile() || stats.isDirectory())) return false;
  return (stats.mode & ownerOnly) !== 0;
}

/** Who may not, since it is another user's, goes on: the doctor tells of it. */
function close(path: string, mode: number): void {
  try {
    if (isOpenToOthers(path)) fs.chmodSync(path, mode);
  } catch (error) {
    if (!["EPERM", "EROFS", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
