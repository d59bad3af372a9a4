/**
 * Looks at LMDB's file before it is opened. LMDB maps the file into memory and believes what it finds there: a file that
 * was cut short would end the process at the first look behind its end.
 *
 * A file begins with two meta pages, of which the one with the higher transaction counts. Offsets within a page:
 * magic 24, version 28, size of a page 48, roots 88 and 136, last page in use 144, transaction 152. In the middle of the first page stands
 * the same for the last transaction that was flushed, without the magic: after another boot LMDB goes by that.
 */
import * as fs from "node:fs";
import { findDamagedPage } from "./index-pages.js";
import { corrupt } from "./store-errors.js";

const magic = 0xbeefc0de;
const headBytes = 160;

/**
 * @param isOtherBoot whether the machine has ended since the file was written
 * @param isInUse whether somebody may be writing it, so that pages may change while they are looked at
 * @throws HF_STORE_CORRUPT when the file is not what LMDB has written, or a part of it
 */
export function checkIndexFile(
  folder: string,
  path: string,
  { isOtherBoot = false, isInUse = false }: { readonly isOtherBoot?: boolean; readonly isInUse?: boolean },
): void {
  const file = fs.openSync(path, "r");
  try {
    const { size } = fs.fstatSync(file);
    const first = readMeta(file, 0);
    if (first === undefined) throw corrupt(folder, `has an index that is not one (${path}, ${size} bytes)`);
    const second = readMeta(file, first.pageBytes);
    if (second === undefined) throw corrupt(folder, `has an index whose second page is damaged (${path})`);
    const newest = second.transaction > first.transaction ? second : first;
    const flushed = readMeta(file, first.pageBytes / 2, { hasMagic: false });
    const meta = isOtherBoot && flushed && flushed.transaction > 0 ? flushed : newest;
    const { lastPage } = meta;
    const needed = (lastPage + 1) * first.pageBytes;
    if (size < needed)
      throw corrupt(folder, `has an index that was cut short: ${path} has ${size} bytes of ${needed}`);
    if (isInUse) return;
    const damaged = findDamagedPage({ file, pageBytes: first.pageBytes, lastPage }, meta.roots);
    if (damaged !== undefined)
      throw corrupt(folder, `has an index whose page ${damaged} is not what was written (${path})`);
  } finally {
    fs.closeSync(file);
  }
}

interface Meta {
  readonly pageBytes: number;
  readonly lastPage: number;
  /** Of the tree of free pages, and of the tree of tables. */
  readonly roots: readonly bigint[];
  readonly transaction: bigint;
}

function readMeta(file: number, at: number, { hasMagic } = { hasMagic: true }): Meta | undefined {
  const bytes = Buffer.alloc(headBytes);
  if (fs.readSync(file, bytes, 0, headBytes, at) < headBytes) return undefined;
  if (hasMagic && bytes.readUInt32LE(24) !== magic) return undefined;
  return {
    pageBytes: bytes.readUInt32LE(48),
    lastPage: Number(bytes.readBigUInt64LE(144)),
    roots: [bytes.readBigUInt64LE(88), bytes.readBigUInt64LE(136)],
    transaction: bytes.readBigUInt64LE(152),
  };
}
