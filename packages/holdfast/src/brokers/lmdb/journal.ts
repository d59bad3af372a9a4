/**
 * The journal: files to which every publication is written before it is acknowledged. What has been written survives
 * the end of the process; what has been flushed, too, survives the end of the machine. The index follows later, and
 * then the files before are removed. One write at a time.
 *
 *     journal-7.log:  | length | frame | length | frame | …      (frames.ts)
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "../../errors.js";
import type { JournalEnds } from "./journal-ends.js";
import { flushFailure } from "./store-errors.js";

/** Bytes before each frame that say how long it is. */
export const lengthBytes = 4;

const filePattern = /^journal-(\d+)\.log$/;

/** Numbers of the journal files in a folder, ascending. */
export function journalNumbers(folder: string): number[] {
  return fs
    .readdirSync(folder)
    .map((name) => Number(filePattern.exec(name)?.[1]))
    .filter((number) => !Number.isNaN(number))
    .sort((a, b) => a - b);
}

export function journalPath(folder: string, number: number): string {
  return join(folder, `journal-${number}.log`);
}

export class Journal {
  readonly #folder: string;
  readonly #ends: JournalEnds | undefined;
  /** Why nothing is written. */
  readonly #refusal: HoldfastError | undefined;
  #number: number;
  /** Undefined where nothing is written. */
  #file: number | undefined;
  /** Bytes of the file that are good. */
  #length = 0;
  #isBroken = false;

  private constructor(folder: string, number: number, writing: JournalEnds | HoldfastError) {
    this.#folder = folder;
    this.#number = number;
    if (writing instanceof HoldfastError) this.#refusal = writing;
    else {
      this.#ends = writing;
      this.#file = begin(folder, number, writing);
    }
  }

  /** Begins a new file. @throws what the file system throws */
  static begin(folder: string, number: number, ends: JournalEnds): Journal {
    return new Journal(folder, number, ends);
  }

  /** Of a store that is only read. */
  static refusing(folder: string, error: HoldfastError): Journal {
    return new Journal(folder, 0, error);
  }

  /** Of the file that is being written. */
  get number(): number {
    return this.#number;
  }

  /** Bytes in the file that is being written. */
  get length(): number {
    return this.#length;
  }

  /**
   * Writes a frame. After a failure the file is as before.
   * @param bytes the frame, behind `lengthBytes` free ones
   * @throws what the file system throws
   */
  async append(bytes: Buffer): Promise<void> {
    const [file, ends] = this.#writing;
    bytes.writeUInt32LE(bytes.length - lengthBytes, 0);
    if (this.#isBroken) await this.#repair();
    try {
      await writeAll(file, bytes, this.#length);
      ends.written(this.#number, this.#length + bytes.length);
    } catch (error) {
      // What was written in part must not stand before what comes next.
      this.#isBroken = true;
      await this.#repair().catch(() => {});
      throw error;
    }
    this.#length += bytes.length;
  }

  /** Resolves when all that was written is flushed. @throws HF_STORE_FAILED */
  async flush(): Promise<void> {
    const [file, ends] = this.#writing;
    const length = this.#length;
    await flushFile(file);
    ends.flushed(this.#number, length);
  }

  /** Goes on in a new file. The one before is flushed first, so that only the last can have a torn end. */
  async rotate(): Promise<void> {
    const [before, ends] = this.#writing;
    await this.flush();
    this.#file = begin(this.#folder, this.#number + 1, ends);
    fs.closeSync(before);
    this.#number++;
    this.#length = 0;
    this.#isBroken = false;
  }

  /** Removes the files before a number: the index has what they hold. */
  async removeBefore(number: number): Promise<void> {
    const [, ends] = this.#writing;
    await ends.drop(number);
    for (const old of journalNumbers(this.#folder))
      if (old < number) fs.rmSync(journalPath(this.#folder, old), { force: true });
  }

  /** @param isEmpty whether the index has all of it, so that the file can go */
  async close(isEmpty: boolean): Promise<void> {
    if (this.#refusal) return;
    const [file, ends] = this.#writing;
    try {
      if (isEmpty) await this.removeBefore(this.#number + 1);
    } finally {
      fs.closeSync(file);
      ends.close();
    }
  }

  /** @throws HF_BROKER_FULL where nothing is written */
  get #writing(): readonly [file: number, ends: JournalEnds] {
    if (this.#file === undefined || this.#ends === undefined) throw this.#refusal;
    return [this.#file, this.#ends];
  }

  async #repair(): Promise<void> {
    const [file] = this.#writing;
    await new Promise<void>((resolve, reject) => {
      fs.ftruncate(file, this.#length, (error) => (error ? reject(error) : resolve()));
    });
    this.#isBroken = false;
  }
}

/** A new file, whose name is on the disk before anything is acknowledged that it holds. */
function begin(folder: string, number: number, ends: JournalEnds): number {
  const path = journalPath(folder, number);
  const file = fs.openSync(path, "wx", 0o600);
  try {
    flushFolder(folder);
    ends.begin(number);
  } catch (error) {
    fs.closeSync(file);
    fs.rmSync(path, { force: true });
    throw error;
  }
  return file;
}

/** Windows cannot flush a folder, and keeps names by itself. */
function flushFolder(folder: string): void {
  if (process.platform === "win32") return;
  const directory = fs.openSync(folder, "r");
  try {
    fs.fsyncSync(directory);
  } finally {
    fs.closeSync(directory);
  }
}

function writeAll(file: number, bytes: Buffer, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const write = (done: number): void => {
      fs.write(file, bytes, done, bytes.length - done, position + done, (error, written) => {
        if (error) reject(error);
        else if (written === 0) reject(new Error("the file system took nothing"));
        else if (done + written < bytes.length) write(done + written);
        else resolve();
      });
    };
    write(0);
  });
}

function flushFile(file: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fdatasync(file, (error) => (error ? reject(flushFailure(error)) : resolve()));
  });
}
