/**
 * Room on the disk for what must not be lost where there is no other: a file of a fixed size, written in place, which needs
 * nothing more from the file system. It holds frames as the journal does, and each is flushed. Once the index has them, they
 * are cleared.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "../../errors.js";
import { decodeFrame, type Frame } from "./frames.js";
import { lengthBytes } from "./journal.js";
import { isNoRoom } from "./store-errors.js";

const fileName = "reserve.log";
const fileBytes = 1024 * 1024;

export class ReserveJournal {
  /** Undefined where the disk did not even have room for its name. */
  readonly #file: fs.promises.FileHandle | undefined;
  readonly #size: number;
  /** What it held when it was opened. */
  readonly frames: readonly Frame[];
  #length: number;

  private constructor(file: fs.promises.FileHandle | undefined, size: number, contents: Contents) {
    this.#file = file;
    this.#size = size;
    this.frames = contents.frames;
    this.#length = contents.length;
  }

  /** Where the disk has no room for all of it, it is as large as it has come to be. @throws what the file system throws */
  static async open(folder: string): Promise<ReserveJournal> {
    const flags = fs.constants.O_RDWR | fs.constants.O_CREAT;
    const path = join(folder, fileName);
    const file = await fs.promises.open(path, flags, 0o600).catch((error: unknown) => {
      if (!isNoRoom(error)) throw error;
      return undefined;
    });
    if (file === undefined) {
      const bytes = fs.existsSync(path) ? fs.readFileSync(path) : Buffer.alloc(0);
      return new ReserveJournal(undefined, 0, contentsOf(bytes));
    }
    try {
      const { size } = await file.stat();
      if (size < fileBytes) {
        await file.write(Buffer.alloc(fileBytes - size), 0, fileBytes - size, size).catch(() => {});
        await file.sync().catch(() => {});
      }
      const bytes = await file.readFile();
      return new ReserveJournal(file, bytes.length, contentsOf(bytes));
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
   * @param bytes the frame, behind `lengthBytes` free ones
   * @throws HF_BROKER_FULL where it is full, and what the file system throws
   */
  async append(bytes: Buffer): Promise<void> {
    if (this.#length + bytes.length > this.#size)
      throw new HoldfastError("HF_BROKER_FULL", "the disk is full, and so is what the store has kept of it");
    bytes.writeUInt32LE(bytes.length - lengthBytes, 0);
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

interface Contents {
  readonly frames: readonly Frame[];
  readonly length: number;
}

/** What stands behind the last whole frame was not acknowledged. */
function contentsOf(bytes: Buffer): Contents {
  const frames: Frame[] = [];
  let at = 0;
  while (at + lengthBytes <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const end = at + lengthBytes + length;
    const frame =
      length > 0 && end <= bytes.length ? decodeFrame(bytes.subarray(at + lengthBytes, end)) : undefined;
    if (frame === undefined) break;
    frames.push(frame);
    at = end;
  }
  return { frames, length: at };
}
