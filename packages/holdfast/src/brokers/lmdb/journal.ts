/**
 * The journal: files to which publications are written before they are acknowledged, and `journal-ends`, which records how far each
 * file goes. Written bytes survive the end of the process; flushed bytes also survive the end of the machine. Files are removed once
 * the index has their contents. One write at a time. `reserve.log` takes what must not be lost when the disk is full.
 *
 *     journal-7.log:  | length | frame | length | frame | …      (format.ts)
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "../../errors.js";
import { decodeFileFrames, encodeFileFrame, type Frame, type FrameSequence } from "./format.js";
import { flushFailure, isNoRoom } from "./store-errors.js";

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
  /** Why the journal is read-only, if it is. */
  readonly #refusal: HoldfastError | undefined;
  #number: number;
  /** Undefined if the journal is read-only. */
  #file: number | undefined;
  /** Bytes of the file that are whole frames. */
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

  /** The journal of a read-only store, which throws on every write. */
  static refusing(folder: string, error: HoldfastError): Journal {
    return new Journal(folder, 0, error);
  }

  /** Number of the file that is being written. */
  get number(): number {
    return this.#number;
  }

  /** Bytes in the file that is being written. */
  get length(): number {
    return this.#length;
  }

  /**
   * Writes a frame. After a failure the file is as before.
   * @param bytes the frame, after its length
   * @throws what the file system throws
   */
  async append(bytes: Buffer): Promise<void> {
    const [file, ends] = this.#writing;
    if (this.#isBroken) await this.#repair();
    try {
      await writeAll(file, bytes, this.#length);
      ends.written(this.#number, this.#length + bytes.length);
    } catch (error) {
      // A partly written frame must not remain before the next one.
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

  /** Continues in a new file. Flushes the current one first, so that only the last file can have a torn end. */
  async rotate(): Promise<void> {
    const [before, ends] = this.#writing;
    await this.flush();
    this.#file = begin(this.#folder, this.#number + 1, ends);
    fs.closeSync(before);
    this.#number++;
    this.#length = 0;
    this.#isBroken = false;
  }

  /** Records the state in which the store leaves its index. */
  noteIndex(stamp: IndexStamp | undefined): void {
    if (stamp !== undefined) this.#ends?.noteIndex(stamp);
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

  /** @throws HF_BROKER_FULL if the journal is read-only */
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

/** Creates a file, and flushes its name before anything in it is acknowledged. */
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

/** Windows cannot flush a folder, and stores names on its own. */
export function flushFolder(folder: string): void {
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
        else if (written === 0) reject(new Error("the file system wrote nothing"));
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

export interface JournalContents extends FrameSequence {
  readonly path: string;
  /** Size of the whole file. */
  readonly bytes: number;
}

/** Reads a file that may not have been closed. @throws what the file system throws */
export function readJournal(path: string): JournalContents {
  const bytes = fs.readFileSync(path);
  return { path, bytes: bytes.length, ...decodeFileFrames(bytes) };
}

/** Truncates a file after its last good frame. Resolves once that is flushed. */
export async function truncateJournal(path: string, goodBytes: number): Promise<void> {
  const file = await fs.promises.open(path, "r+");
  try {
    await file.truncate(goodBytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

export interface FileEnd {
  readonly number: number;
  /** Bytes. */
  readonly written: number;
  readonly flushed: number;
}

export interface KnownEnds {
  /** Id of the machine's boot: bytes that were written but not flushed count in the same boot only. */
  readonly boot: string;
  /** Ascending. */
  readonly files: readonly FileEnd[];
  /** The store's own time, see `StoreTime`. */
  readonly time: number;
  /** The state in which the store left its index; undefined if unknown. */
  readonly index?: IndexStamp | undefined;
}

/** Identifies the index as the store left it, as opposed to one that something else has changed or copied. */
export interface IndexStamp {
  readonly bytes: number;
  /** Modification time, Unix milliseconds. The store sets one that no later change can have. */
  readonly modifiedMs: number;
}

interface Header {
  readonly n: number;
  readonly boot: string;
  readonly files: readonly (readonly [number: number, written: number, flushed: number])[];
  readonly time: number;
  readonly index?: IndexStamp | undefined;
}

const endsName = "journal-ends";
const slotBytes = 4096;
/** There are more only after many starts on a full disk; the oldest are omitted. */
const maxFiles = 100;

export function journalEndsPath(folder: string): string {
  return join(folder, endsName);
}

/** @returns undefined if there is no such file, or none of its slots can be read */
export function readJournalEnds(folder: string): KnownEnds | undefined {
  const newest = readHeader(journalEndsPath(folder));
  if (newest === undefined) return undefined;
  const { boot, time, index } = newest;
  const files = newest.files.map(([number, written, flushed]) => ({ number, written, flushed }));
  return { boot, files, time, index };
}

/**
 * The file `journal-ends`: which journal files a store needs, and how far each was written and flushed. It distinguishes a journal
 * that was lost, truncated or replaced by an older one from one whose last write was torn by a crash. It is written in place after
 * each write of the journal, and flushed only before journal files are removed: after the end of the machine it may report less
 * than exists, never more.
 *
 *     0       4        4096    4100
 *     | length | frame … | length | frame …      two slots, written in turn, so that one is always whole
 */
export class JournalEnds {
  readonly #file: number;
  readonly #boot: string;
  readonly #now: () => number;
  #files: FileEnd[];
  #index: IndexStamp | undefined;
  #count: number;

  /**
   * Overwrites the contents of the file.
   * @param known.now the store's own time
   * @throws what the file system throws
   */
  constructor(
    folder: string,
    { boot, files, index, now }: Omit<KnownEnds, "time"> & { readonly now: () => number },
  ) {
    const path = journalEndsPath(folder);
    this.#boot = boot;
    this.#now = now;
    this.#files = [...files];
    this.#index = index;
    this.#count = (readHeader(path)?.n ?? 0) + 1;
    this.#file = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
    try {
      // Allocates both slots at once, so that later writes do not fail on a full disk.
      const missing = 2 * slotBytes - fs.fstatSync(this.#file).size;
      if (missing > 0) fs.writeSync(this.#file, Buffer.alloc(missing), 0, missing, 2 * slotBytes - missing);
      this.#write(this.#files);
      fs.fdatasyncSync(this.#file);
    } catch (error) {
      fs.closeSync(this.#file);
      throw error;
    }
  }

  /** Adds a new file, which is the last one from now on. */
  begin(number: number): void {
    this.#write([...this.#files, { number, written: 0, flushed: 0 }]);
  }

  written(number: number, written: number): void {
    this.#write(this.#files.map((file) => (file.number === number ? { ...file, written } : file)));
  }

  flushed(number: number, flushed: number): void {
    this.#write(this.#files.map((file) => (file.number === number ? { ...file, flushed } : file)));
  }

  /** Records the state in which the store leaves its index. */
  noteIndex(stamp: IndexStamp): void {
    this.#index = stamp;
    this.#write(this.#files);
  }

  /** Drops files before a number. Resolves when that is flushed, and they can be removed. */
  async drop(before: number): Promise<void> {
    this.#write(this.#files.filter(({ number }) => number >= before));
    await new Promise<void>((resolve, reject) => {
      fs.fdatasync(this.#file, (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): void {
    fs.closeSync(this.#file);
  }

  #write(files: FileEnd[]): void {
    const header: Header = {
      n: this.#count,
      boot: this.#boot,
      files: files.slice(-maxFiles).map(({ number, written, flushed }) => [number, written, flushed]),
      time: this.#now(),
      index: this.#index,
    };
    const bytes = encodeFileFrame(header, "");
    fs.writeSync(this.#file, bytes, 0, bytes.length, (this.#count % 2) * slotBytes);
    this.#count++;
    this.#files = files;
  }
}

function readHeader(path: string): Header | undefined {
  let bytes: Buffer;
  try {
    bytes = fs.readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const [first, second] = [readSlot(bytes, 0), readSlot(bytes, slotBytes)];
  return first === undefined || (second !== undefined && second.n > first.n) ? second : first;
}

function readSlot(bytes: Buffer, at: number): Header | undefined {
  return decodeFileFrames(bytes.subarray(at, at + slotBytes)).frames[0]?.header as Header | undefined;
}

export const reserveName = "reserve.log";
const reserveBytes = 1024 * 1024;

/**
 * Reserved disk space for what must not be lost when the journal has no room: a file of fixed size, written in place, which needs no
 * more space from the file system. It holds frames like the journal, each flushed, and is cleared once the index has them.
 */
export class ReserveJournal {
  /** Undefined if the disk had no room even for its name. */
  readonly #file: fs.promises.FileHandle | undefined;
  readonly #size: number;
  /** The frames it had when it was opened. */
  readonly frames: readonly Frame[];
  #length: number;

  private constructor(
    file: fs.promises.FileHandle | undefined,
    size: number,
    { frames, goodBytes }: FrameSequence,
  ) {
    this.#file = file;
    this.#size = size;
    this.frames = frames;
    this.#length = goodBytes;
  }

  /** Bytes after the last whole frame were not acknowledged. If the disk has no room for the whole file, it stays smaller.
   * @throws what the file system throws
   */
  static async open(folder: string): Promise<ReserveJournal> {
    const flags = fs.constants.O_RDWR | fs.constants.O_CREAT;
    const path = join(folder, reserveName);
    const file = await fs.promises.open(path, flags, 0o600).catch((error: unknown) => {
      if (!isNoRoom(error)) throw error;
      return undefined;
    });
    if (file === undefined) {
      const bytes = fs.existsSync(path) ? fs.readFileSync(path) : Buffer.alloc(0);
      return new ReserveJournal(undefined, 0, decodeFileFrames(bytes));
    }
    try {
      const { size } = await file.stat();
      if (size < reserveBytes) {
        await file.write(Buffer.alloc(reserveBytes - size), 0, reserveBytes - size, size).catch(() => {});
        await file.sync().catch(() => {});
      }
      const bytes = await file.readFile();
      return new ReserveJournal(file, bytes.length, decodeFileFrames(bytes));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes in use. */
  get length(): number {
    return this.#length;
  }

  /**
   * Writes a frame, and flushes it.
   * @param bytes the frame, after its length
   * @throws HF_BROKER_FULL if it is full, and what the file system throws
   */
  async append(bytes: Buffer): Promise<void> {
    if (this.#length + bytes.length > this.#size)
      throw new HoldfastError("HF_BROKER_FULL", "the disk and the reserve of the store are full");
    await this.#write(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Clears it, once the index has all of it. */
  async clear(): Promise<void> {
    await this.#write(Buffer.alloc(this.#length), 0);
    this.#length = 0;
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #write(bytes: Buffer, at: number): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
      if (bytesWritten === 0) throw new Error("the file system wrote nothing");
      done += bytesWritten;
    }
    await file.datasync();
  }
}
