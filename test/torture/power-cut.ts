/**
 * What a power cut makes of the journals in a data folder: what had been flushed is there, of the rest a part of any
 * length, and the end of that may be zeros, as of a page that was allocated and never written.
 */
import { open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "./random.js";

/** Bytes at the end of what is left that may be zeros. */
const mostTornBytes = 4096;

export async function cutPower(folder: string, flushLog: string, random: Random): Promise<void> {
  const flushed = await readFlushLog(flushLog);
  const names = (await readdir(folder)).filter((name) => /^journal-.*\.log$/.test(name)).sort();
  for (const name of names) {
    const path = join(folder, name);
    const { size } = await stat(path);
    const safe = Math.min(flushed.get(name) ?? 0, size);
    // Nobody has flushed the folder either.
    if (safe === 0 && random.chance(0.3)) {
      await rm(path);
      continue;
    }
    const kept = safe + pickPart(random, size - safe);
    await truncate(path, kept);
    if (kept > safe && random.chance(0.4)) {
      const torn = Math.min(kept - safe, random.integer(1, mostTornBytes));
      await overwriteWithZeros(path, kept - torn, torn);
    }
    // What has come through a power cut is on the disk.
    flushed.set(name, kept);
  }
  const lines = [...flushed].map(([name, length]) => `${JSON.stringify({ name, length })}\n`);
  await writeFile(flushLog, lines.join(""));
}

/** @returns per journal, the length that has been flushed */
export async function readFlushLog(path: string): Promise<Map<string, number>> {
  const text = await readFile(path, "utf8").catch(() => "");
  const flushed = new Map<string, number>();
  for (const line of text.split("\n")) {
    // The process may have been killed in the middle of a line.
    if (!line.endsWith("}")) continue;
    const { name, length } = JSON.parse(line) as { name: string; length: number };
    flushed.set(name, length);
  }
  return flushed;
}

/** Nothing is as likely as all others together, since it is the hardest. */
function pickPart(random: Random, bytes: number): number {
  return random.pick([0, 0, bytes, random.integer(0, bytes)]);
}

async function overwriteWithZeros(path: string, start: number, bytes: number): Promise<void> {
  const file = await open(path, "r+");
  await file.write(Buffer.alloc(bytes), 0, bytes, start);
  await file.close();
}
