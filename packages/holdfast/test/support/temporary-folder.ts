/**
 * Folders of tests. One goes when its test ends, after all that was started later than it was made: what ends a process
 * (child-process.ts) resolves only when nothing writes any more.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** @param name in its path @param parent where it is made @returns its path */
export function createTemporaryFolder(name: string, parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, `holdfast-${name}-`));
  onTestFinished(() => removeFolder(folder));
  return folder;
}

/** For those that several tests share. Nothing may write into it any more. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
