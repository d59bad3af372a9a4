/**
 * Encodes patches in the delta format of Fossil, which turn one payload into the next. Which payloads are paired, and who
 * gets patches, is decided elsewhere. Format: https://fossil-scm.org/home/doc/trunk/www/delta_format.wiki, method:
 * https://fossil-scm.org/home/doc/trunk/www/delta_encoder_algorithm.wiki.
 */

const blockBytes = 16;

/** Base blocks tried per target position: bounds the time for repetitive payloads. */
const maxCandidates = 64;

/** The hash of a block is a polynomial in this modulo 2^32; its first byte has the power `blockBytes - 1`. */
const multiplier = 0x0100_0193;
const firstByteFactor = powerOf(multiplier, blockBytes - 1);

/** For multiplicative hashing: 2^32 divided by the golden ratio. */
const spread = 0x9e37_79b1;

/** A 32-bit number takes up to six digits, and a mark. */
const maxNumberBytes = 7;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const digits = encoder.encode("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");

/** A run of target bytes that the base has, too. */
interface Match {
  /** First byte in the target. */
  readonly from: number;
  /** Byte after the last one, in the target. */
  readonly to: number;
  /** First byte in the base. */
  readonly offset: number;
}

/**
 * @param base JSON text of the previous payload, as it was sent
 * @param target JSON text of the new payload
 * @returns the patch as text, for the base's UTF-8 bytes; undefined if it is no shorter than the target, both as JSON strings
 */
export function encodeDelta(base: string, target: string): string | undefined {
  const targetBytes = encoder.encode(target);
  const patch = createFossilDelta(encoder.encode(base), targetBytes);
  const patchSize = countJsonBytes(patch);
  // Escapes only add to the target, so a target that is longer without them need not be counted.
  if (targetBytes.length <= patchSize && countJsonBytes(targetBytes) <= patchSize) return undefined;
  try {
    return decoder.decode(patch);
  } catch {
    return undefined;
  }
}

/**
 * A patch is at most 21 bytes longer than the target. If the target is UTF-8, so is the patch.
 * @param base bytes before; may be empty
 * @param target bytes after; may be empty
 */
export function createFossilDelta(base: Uint8Array, target: Uint8Array): Uint8Array {
  const patch = new PatchWriter(target);
  if (base.length < blockBytes) return patch.finish();
  const index = new BlockIndex(base);
  let match = index.findNext(target, 0);
  while (match !== undefined) {
    patch.copy(match);
    match = index.findNext(target, match.to);
  }
  return patch.finish();
}

/** The blocks of a base by their hash. Blocks are counted from 1, so that 0 stands for none. */
class BlockIndex {
  readonly #base: Uint8Array;
  /** First block of each bucket. */
  readonly #heads: Int32Array;
  /** For each block, the next one in its bucket. */
  readonly #next: Int32Array;
  readonly #shift: number;

  constructor(base: Uint8Array) {
    const blocks = Math.floor(base.length / blockBytes);
    const bits = 32 - Math.clz32(blocks);
    this.#base = base;
    this.#heads = new Int32Array(1 << bits);
    this.#next = new Int32Array(blocks + 1);
    this.#shift = 32 - bits;
    // From the last to the first, so that of equal blocks the one with the most after it is tried first.
    for (let block = blocks; block > 0; block--) {
      const bucket = this.#bucketOf(hashBlock(base, (block - 1) * blockBytes));
      this.#next[block] = this.#heads[bucket] as number;
      this.#heads[bucket] = block;
    }
  }

  /**
   * @param covered the match must not begin before this byte of the target
   * @returns the first match that makes the patch shorter
   */
  findNext(target: Uint8Array, covered: number): Match | undefined {
    const last = target.length - blockBytes;
    if (covered > last) return undefined;
    let hash = hashBlock(target, covered);
    for (let at = covered; ; at++) {
      const first = this.#heads[this.#bucketOf(hash)] as number;
      const match = first === 0 ? undefined : this.#findLongest(first, target, at, covered);
      if (match !== undefined || at === last) return match;
      hash = roll(hash, target[at] as number, target[at + blockBytes] as number);
    }
  }

  /** @param first block of the base that may be the one at `at` in the target; so may those after it in its bucket */
  #findLongest(first: number, target: Uint8Array, at: number, covered: number): Match | undefined {
    const base = this.#base;
    let bestLength = 0;
    let bestOffset = 0;
    let block = first;
    for (let tried = 0; block > 0 && tried < maxCandidates; tried++) {
      if (at + bestLength === target.length) break;
      const offset = (block - 1) * blockBytes;
      // A candidate that differs where the best one ends cannot be longer.
      if (base[offset + bestLength] === target[at + bestLength]) {
        const length = countEqual(base, offset, target, at);
        if (length > bestLength) {
          bestLength = length;
          bestOffset = offset;
        }
      }
      block = this.#next[block] as number;
    }
    return bestLength === 0 ? undefined : toMatch(base, bestOffset, target, at, bestLength, covered);
  }

  #bucketOf(hash: number): number {
    return Math.imul(hash, spread) >>> this.#shift;
  }
}

/** Extends a match backwards, and trims it to whole characters. */
function toMatch(
  base: Uint8Array,
  baseAt: number,
  target: Uint8Array,
  at: number,
  length: number,
  covered: number,
): Match | undefined {
  let from = at;
  let to = at + length;
  let offset = baseAt;
  while (from > covered && offset > 0 && base[offset - 1] === target[from - 1]) {
    from--;
    offset--;
  }
  // What is not copied is inserted as text, which must not begin or end inside a character. In UTF-8 a character has
  // up to three continuation bytes; in other data they may go on, and cutting there would gain nothing.
  for (let i = 0; i < 3 && isContinuation(target[from]); i++) {
    from++;
    offset++;
  }
  for (let i = 0; i < 3 && isContinuation(target[to]); i++) to--;
  const cost = countDigits(from - covered) + countDigits(to - from) + countDigits(offset) + 3;
  return to - from > cost ? { from, to, offset } : undefined;
}

/** Writes a patch from the front of the target to its end. */
class PatchWriter {
  /** Bytes of the target that the patch produces so far. */
  #covered = 0;
  readonly #target: Uint8Array;
  readonly #bytes: Uint8Array;
  #length = 0;

  constructor(target: Uint8Array) {
    this.#target = target;
    // A copy, with the insertion before it, takes fewer bytes than it produces. Beyond those come the size, the head of the
    // last insertion, and the checksum.
    this.#bytes = new Uint8Array(target.length + 3 * maxNumberBytes);
    this.#putNumber(target.length, "\n");
  }

  copy({ from, to, offset }: Match): void {
    this.#insertTo(from);
    this.#putNumber(to - from, "@");
    this.#putNumber(offset, ",");
    this.#covered = to;
  }

  /** @returns the patch, with what is not covered inserted */
  finish(): Uint8Array {
    this.#insertTo(this.#target.length);
    this.#putNumber(checksum(this.#target), ";");
    return this.#bytes.slice(0, this.#length);
  }

  #insertTo(end: number): void {
    if (end === this.#covered) return;
    this.#putNumber(end - this.#covered, ":");
    this.#bytes.set(this.#target.subarray(this.#covered, end), this.#length);
    this.#length += end - this.#covered;
    this.#covered = end;
  }

  #putNumber(value: number, mark: string): void {
    this.#length += countDigits(value);
    let rest = value;
    let at = this.#length;
    do {
      this.#bytes[--at] = digits[rest & 63] as number;
      rest >>>= 6;
    } while (rest > 0);
    this.#bytes[this.#length++] = mark.charCodeAt(0);
  }
}

/** The number of base-64 digits. */
function countDigits(value: number): number {
  let count = 1;
  for (let rest = value >>> 6; rest > 0; rest >>>= 6) count++;
  return count;
}

/** The length of the common run from two places on. */
function countEqual(base: Uint8Array, baseAt: number, target: Uint8Array, at: number): number {
  const max = Math.min(base.length - baseAt, target.length - at);
  let count = 0;
  while (count < max && base[baseAt + count] === target[at + count]) count++;
  return count;
}

/** Whether a byte is a UTF-8 continuation byte (RFC 3629 §3). */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** The length of a text as a JSON string without quotes, escaped as by `JSON.stringify`. */
function countJsonBytes(bytes: Uint8Array): number {
  let count = bytes.length;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === 0x22 || byte === 0x5c) count++;
    // \b \t \n \f \r have short escapes, others are \u00XX.
    else if (byte < 0x20) count += byte >= 0x08 && byte <= 0x0d && byte !== 0x0b ? 1 : 5;
  }
  return count;
}

function hashBlock(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let i = at; i < at + blockBytes; i++) hash = (Math.imul(hash, multiplier) + (bytes[i] as number)) | 0;
  return hash;
}

/** @returns the hash of the block one byte further on, which loses its first byte and gains a last one */
function roll(hash: number, lost: number, gained: number): number {
  return (Math.imul(hash - Math.imul(lost, firstByteFactor), multiplier) + gained) | 0;
}

function powerOf(base: number, exponent: number): number {
  let power = 1;
  for (let i = 0; i < exponent; i++) power = Math.imul(power, base);
  return power;
}

/** The sum of the big-endian 32-bit words modulo 2^32; the last word is padded with zeros. */
function checksum(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length & ~3;
  let sum = 0;
  for (let i = 0; i < whole; i += 4) sum = (sum + view.getInt32(i)) | 0;
  for (let i = whole; i < bytes.length; i++) sum = (sum + ((bytes[i] as number) << (24 - 8 * (i & 3)))) | 0;
  return sum >>> 0;
}
