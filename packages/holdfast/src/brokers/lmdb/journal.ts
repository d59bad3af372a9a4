/**
 * The journal: files to which every publication is written before it is acknowledged, and `journal-ends`, which says how far
 * each of them goes. What has been written survives the end of the process; what has been flushed survives the end of the
 * machine, too. The index follows later, and then the files before are removed. One write at a time. `reserve.log` takes what must not be lost
 * where the disk has no room for more.
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
   * @param bytes the frame, behind its length
   * @throws what the file system throws
   */
  async append(bytes: Buffer): Promise<void> {
    const [file, ends] = this.#writing;
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

  /** The index was changed, and left like this. */
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

export interface JournalContents extends FrameSequence {
  readonly path: string;
  /** Of the whole file. */
  readonly bytes: number;
}

/** Reads a file back, after the process or the machine has ended without closing it. @throws what the file system throws */
export function readJournal(path: string): JournalContents {
  const bytes = fs.readFileSync(path);
  return { path, bytes: bytes.length, ...decodeFileFrames(bytes) };
}

/** Takes away what stands behind the good frames. Resolves once that is on the disk. */
export async function cutJournal(path: string, goodBytes: number): Promise<void> {
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
  /** Of the machine: what was written and not flushed counts in the same boot only. */
  readonly boot: string;
  /** Ascending. */
  readonly files: readonly FileEnd[];
  /** The store's own time, see `StoreTime`. */
  readonly time: number;
  /** How the store has left its index last; undefined where that is not known. */
  readonly index?: IndexStamp | undefined;
}

/** Tells an index that the store has left like this from one that something else has changed or copied. */
export interface IndexStamp {
  readonly bytes: number;
  /** When it was changed last, Unix milliseconds. The store sets a time of its own, which no later change can have. */
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
/** More are there only after many starts on a full disk. Older ones are left out. */
const maxFiles = 100;

export function journalEndsPath(folder: string): string {
  return join(folder, endsName);
}

/** @returns undefined where there is no such file, or none of its slots can be read */
export function readJournalEnds(folder: string): KnownEnds | undefined {
  const newest = readHeader(journalEndsPath(folder));
  if (newest === undefined) return undefined;
  const { boot, time, index } = newest;
  const files = newest.files.map(([number, written, flushed]) => ({ number, written, flushed }));
  return { boot, files, time, index };
}

/**
 * The file `journal-ends`: which journal files a store needs, and how far each was written and flushed. With it a journal
 * that was lost, cut short or replaced by an older one is told from one whose last write a crash has torn. It is written in
 * place after each write of the journal, and flushed only before journal files are removed: after the end of the machine it
 * says less than is there, never more.
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
   * Takes the place of what the file says.
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
      // Room for both slots is taken at once, so that a full disk stands in the way of none of the later writes.
      const missing = 2 * slotBytes - fs.fstatSync(this.#file).size;
      if (missing > 0) fs.writeSync(this.#file, Buffer.alloc(missing), 0, missing, 2 * slotBytes - missing);
      this.#write(this.#files);
      fs.fdatasyncSync(this.#file);
    } catch (error) {
      fs.closeSync(this.#file);
      throw error;
    }
  }

  /** A file is the last one from now on. */
  begin(number: number): void {
    this.#write([...this.#files, { number, written: 0, flushed: 0 }]);
  }

  written(number: number, written: number): void {
    this.#write(this.#files.map((file) => (file.number === number ? { ...file, written } : file)));
  }

  flushed(number: number, flushed: number): void {
    this.#write(this.#files.map((file) => (file.number === number ? { ...file, flushed } : file)));
  }

  /** The index was changed, and left like this. */
  noteIndex(stamp: IndexStamp): void {
    this.#index = stamp;
    this.#write(this.#files);
  }

  /** Files before a number are no longer needed. Resolves when that is on the disk, and they can go. */
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

const reserveName = "reserve.log";
const reserveBytes = 1024 * 1024;

/**
 * Room on the disk for what must not be lost where the journal has none: a file of a fixed size, written in place, which
 * needs nothing more from the file system. It holds frames as the journal does, and each is flushed. Once the index has them, they
 * are cleared.
 */
export class ReserveJournal {
  /** Undefined where the disk did not even have room for its name. */
  readonly #file: fs.promises.FileHandle | undefined;
  readonly #size: number;
  /** What it held when it was opened. */
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

  /** What stands behind the last whole frame was not acknowledged. Where the disk has no room for all of the file, it stays smaller.
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

  /** Bytes that are taken. */
  get length(): number {
    return this.#length;
  }

  /**
   * Writes a frame, and flushes it.
   * @param bytes the frame, behind its length
   * @throws HF_BROKER_FULL where it is full, and what the file system throws
   */
  async append(bytes: Buffer): Promise<void> {
    if (this.#length + bytes.length > this.#size)
      throw new HoldfastError("HF_BROKER_FULL", "the disk is full, and so is the reserve of the store");
    await this.#write(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The index has all of it. */
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
      if (bytesWritten === 0) throw new Error("the file system took nothing");
      done += bytesWritten;
    }
    await file.datasync();
  }
}
