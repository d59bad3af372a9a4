/**
 * The file `journal-ends`: which journal files a store needs, and how far each was written and flushed. With it a journal
 * that was lost, cut short or replaced by an older one is told from one whose last write a crash has torn. It is written in
 * place after each write of the journal, and flushed only before journal files are removed: after the end of the machine it
 * says less than is there, never more.
 *
 *     0       4        4096    4100
 *     | length | frame … | length | frame …      two slots, written in turn, so that one is always whole
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { decodeFrame, encodeFrame } from "./frames.js";

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
  /** The store's own time, see store-time.ts. */
  readonly time: number;
}

interface Header {
  readonly n: number;
  readonly boot: string;
  readonly files: readonly (readonly [number: number, written: number, flushed: number])[];
  readonly time: number;
}

const fileName = "journal-ends";
const slotBytes = 4096;
const lengthBytes = 4;
/** More are there only after many starts on a full disk. Older ones are left out. */
const maxFiles = 100;

export function journalEndsPath(folder: string): string {
  return join(folder, fileName);
}

/** @returns undefined where there is no such file, or none of its slots can be read */
export function readJournalEnds(folder: string): KnownEnds | undefined {
  const newest = readHeader(journalEndsPath(folder));
  if (newest === undefined) return undefined;
  const { boot, time } = newest;
  const files = newest.files.map(([number, written, flushed]) => ({ number, written, flushed }));
  return { boot, files, time };
}

export class JournalEnds {
  readonly #file: number;
  readonly #boot: string;
  readonly #now: () => number;
  #files: FileEnd[];
  #count: number;

  /**
   * Takes the place of what the file says.
   * @param known.now the store's own time
   * @throws what the file system throws
   */
  constructor(
    folder: string,
    { boot, files, now }: Omit<KnownEnds, "time"> & { readonly now: () => number },
  ) {
    const path = journalEndsPath(folder);
    this.#boot = boot;
    this.#now = now;
    this.#files = [...files];
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
    };
    const bytes = encodeFrame(header, "", lengthBytes);
    bytes.writeUInt32LE(bytes.length - lengthBytes, 0);
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
  if (at + lengthBytes > bytes.length) return undefined;
  const end = at + lengthBytes + bytes.readUInt32LE(at);
  const frame = end > at + slotBytes ? undefined : decodeFrame(bytes.subarray(at + lengthBytes, end));
  return frame?.header as Header | undefined;
}
