/** Folders for what measured servers keep, each gone with its server. */
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What Linux calls file systems, as far as they matter here. https://man7.org/linux/man-pages/man2/statfs.2.html */
const fileSystems: Readonly<Record<number, string>> = {
  16914836: "tmpfs, which is memory",
  2240043254: "ramfs, which is memory",
  61267: "ext4",
  1481003842: "XFS",
  2435016766: "Btrfs",
  2035054128: "overlayfs",
  801189825: "ZFS",
};

/** @param parent @default the system's folder for temporary files */
export function createDataFolder(parent = tmpdir()): string {
  return mkdtempSync(join(parent, "holdfast-bench-"));
}

export function removeDataFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Where the folder stands and on what, because that decides what flushing costs. */
export function describeDataParent(parent = tmpdir()): string {
  const { type } = statfsSync(parent);
  return `data in ${parent}, on ${fileSystems[type] ?? `a file system of type 0x${type.toString(16)}`}`;
}
