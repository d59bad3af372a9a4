/**
 * Looks at the upper pages of LMDB's trees. LMDB believes what it reads, and a page that is none can end the process; where
 * a file was overwritten, the roots are enough to tell. Damage further down is found when it is read.
 *
 * A page begins with its own number (8 bytes), a transaction (8), 2 unused bytes, flags (2), and where its free space
 * begins and ends (2 each). Places of its nodes follow, 2 bytes each; all places count from there. A node has 8 bytes
 * (size, flags, length of its key), the key, and then its value.
 */
import * as fs from "node:fs";

const headBytes = 24;
const nodeHeadBytes = 8;
const isBranch = 1;
const isLeaf = 2;
/** The value of a node that is a table's record; its root stands in the last 8 of its 48 bytes. */
const isTable = 2;
const tableBytes = 48;
/** No root: the tree is empty. */
const none = 2n ** 64n - 1n;
/** Further levels are as many pages as a store is large. */
const levels = 2;
const maxPages = 4096;

export interface IndexFile {
  readonly file: number;
  readonly pageBytes: number;
  /** Last page in use. */
  readonly lastPage: number;
}

/** @returns the number of a page that is not what it should be, or undefined */
export function findDamagedPage(index: IndexFile, roots: readonly bigint[]): number | undefined {
  let pages = roots.filter((root) => root !== none);
  let seen = 0;
  for (let level = 0; level <= levels; level++) {
    const next: bigint[] = [];
    for (const page of pages) {
      if (++seen > maxPages) return undefined;
      const below = readPage(index, page);
      if (below === undefined) return Number(page);
      next.push(...below);
    }
    pages = next;
  }
  return undefined;
}

/** @returns the pages that a page points to; undefined where it is not a page of a tree */
function readPage({ file, pageBytes, lastPage }: IndexFile, number: bigint): bigint[] | undefined {
  if (number > BigInt(lastPage)) return undefined;
  const page = Buffer.alloc(pageBytes);
  if (fs.readSync(file, page, 0, pageBytes, Number(number) * pageBytes) < pageBytes) return undefined;
  const flags = page.readUInt16LE(18) & (isBranch | isLeaf);
  const lower = page.readUInt16LE(20);
  const upper = page.readUInt16LE(22);
  const isSound =
    page.readBigUInt64LE(0) === number &&
    (flags === isBranch || flags === isLeaf) &&
    lower <= upper &&
    headBytes + upper <= pageBytes;
  if (!isSound) return undefined;
  const below: bigint[] = [];
  for (let at = 0; at < lower; at += 2) {
    const place = page.readUInt16LE(headBytes + at);
    const node = headBytes + place;
    if (place < upper || node + nodeHeadBytes > pageBytes) return undefined;
    const target = flags === isBranch ? childOf(page, node) : tableRootOf(page, node);
    if (target !== undefined && target !== none) below.push(target);
  }
  return below;
}

function childOf(page: Buffer, node: number): bigint {
  return BigInt(page.readUIntLE(node, 6));
}

function tableRootOf(page: Buffer, node: number): bigint | undefined {
  const isOne = (page.readUInt16LE(node + 4) & isTable) !== 0 && page.readUInt32LE(node) === tableBytes;
  const value = node + nodeHeadBytes + page.readUInt16LE(node + 6);
  if (!isOne || value + tableBytes > page.length) return undefined;
  return page.readBigUInt64LE(value + tableBytes - 8);
}
