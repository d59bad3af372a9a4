/** Reads a journal file back, after the process or the machine has ended without closing it. */
import { promises, readFileSync } from "node:fs";
import { decodeFrame, type Frame } from "./frames.js";
import { lengthBytes } from "./journal.js";

export interface JournalContents {
  readonly path: string;
  readonly frames: readonly Frame[];
  /** Where the good frames end, in bytes. */
  readonly goodBytes: number;
  readonly bytes: number;
  /**
   * How the file ends: `whole`, after a good frame; `torn`, within a frame whose rest was never written; `damaged`, with
   * something that was not written like this.
   */
  readonly end: "whole" | "torn" | "damaged";
}

/** @throws what the file system throws */
export function readJournal(path: string): JournalContents {
  const bytes = readFileSync(path);
  const frames: Frame[] = [];
  let at = 0;
  while (at + lengthBytes <= bytes.length) {
    const end = at + lengthBytes + bytes.readUInt32LE(at);
    if (end > bytes.length) break;
    const frame = decodeFrame(bytes.subarray(at + lengthBytes, end));
    if (frame === undefined) return { path, frames, goodBytes: at, bytes: bytes.length, end: "damaged" };
    frames.push(frame);
    at = end;
  }
  return { path, frames, goodBytes: at, bytes: bytes.length, end: at === bytes.length ? "whole" : "torn" };
}

/** Takes away what stands behind the good frames. Resolves once that is on the disk. */
export async function cutJournal(path: string, goodBytes: number): Promise<void> {
  const file = await promises.open(path, "r+");
  try {
    await file.truncate(goodBytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
