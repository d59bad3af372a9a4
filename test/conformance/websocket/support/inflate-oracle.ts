/**
 * Expands DEFLATE as RFC 1951 §3.2 writes it down, bit by bit: slow, plain, and free of zlib. Says what zlib does not:
 * how far back the data refers, and of what blocks it consists.
 */
import { tail } from "./deflate.js";

export interface Inflated {
  readonly output: Buffer;
  /** The longest distance of a match (RFC 1951 §3.2.5). */
  readonly maxDistance: number;
  readonly blocks: readonly { readonly isLast: boolean; readonly type: number }[];
}

/** RFC 1951 §3.2.5: the first length or distance of each code, and how many extra bits follow it. */
const lengths = startsOf(
  3,
  [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5],
);
const distances = startsOf(
  1,
  Array.from({ length: 30 }, (_, code) => Math.max(0, (code >> 1) - 1)),
);
const codeLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

function startsOf(first: number, extraBits: readonly number[]) {
  let start = first;
  return extraBits.map((extra) => {
    const code = { start, extra };
    start += 2 ** extra;
    return code;
  });
}

/** Symbols by their code, written as a string of bits after a 1, which keeps leading zeros apart. */
type Codes = ReadonlyMap<number, number>;

/** RFC 1951 §3.2.2. */
function codesOf(bitLengths: readonly number[]): Codes {
  const codes = new Map<number, number>();
  let code = 0;
  for (let bits = 1; bits <= 15; bits++) {
    for (const [symbol, each] of bitLengths.entries())
      if (each === bits) codes.set((1 << bits) | code++, symbol);
    code <<= 1;
  }
  return codes;
}

/** RFC 1951 §3.2.6. */
const fixedLiterals = codesOf(
  Array.from({ length: 288 }, (_, symbol) => (symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8)),
);
const fixedDistances = codesOf(Array.from({ length: 30 }, () => 5));

class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length * 8;
  }

  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++, this.#at++) {
      const byte = this.#bytes[this.#at >> 3];
      if (byte === undefined) throw new Error("the data ends within a block");
      value |= ((byte >> (this.#at & 7)) & 1) << i;
    }
    return value;
  }

  symbol(codes: Codes): number {
    for (let code = 1; code < 0x10000; ) {
      code = (code << 1) | this.bits(1);
      const symbol = codes.get(code);
      if (symbol !== undefined) return symbol;
    }
    throw new Error("no such code");
  }

  skipToByte(): void {
    this.#at = (this.#at + 7) & ~7;
  }
}

/** RFC 1951 §3.2.7. */
function readCodes(reader: BitReader): { literals: Codes; offsets: Codes } {
  const literalCount = reader.bits(5) + 257;
  const distanceCount = reader.bits(5) + 1;
  const codeLengthCount = reader.bits(4) + 4;
  const codeLengths = new Array<number>(19).fill(0);
  for (const symbol of codeLengthOrder.slice(0, codeLengthCount)) codeLengths[symbol] = reader.bits(3);
  const codes = codesOf(codeLengths);
  const all: number[] = [];
  while (all.length < literalCount + distanceCount) {
    const symbol = reader.symbol(codes);
    if (symbol < 16) all.push(symbol);
    else if (symbol === 16) all.push(...new Array<number>(reader.bits(2) + 3).fill(all.at(-1) ?? 0));
    else all.push(...new Array<number>(symbol === 17 ? reader.bits(3) + 3 : reader.bits(7) + 11).fill(0));
  }
  return { literals: codesOf(all.slice(0, literalCount)), offsets: codesOf(all.slice(literalCount)) };
}

/**
 * @param history what came before, to which the data may refer
 * @throws when the data is not a sequence of whole blocks
 */
export function inflate(bytes: Uint8Array, history: Uint8Array = Buffer.alloc(0)): Inflated {
  const reader = new BitReader(bytes);
  const output = [...history];
  const blocks: { isLast: boolean; type: number }[] = [];
  let maxDistance = 0;
  while (!reader.isAtEnd) {
    const isLast = reader.bits(1) === 1;
    const type = reader.bits(2);
    blocks.push({ isLast, type });
    if (type === 3) throw new Error("a block of the reserved type");
    if (type === 0) {
      reader.skipToByte();
      const length = reader.bits(16);
      if (reader.bits(16) !== (length ^ 0xffff)) throw new Error("a stored length without its complement");
      for (let i = 0; i < length; i++) output.push(reader.bits(8));
    } else {
      const { literals, offsets } =
        type === 1 ? { literals: fixedLiterals, offsets: fixedDistances } : readCodes(reader);
      for (let symbol = reader.symbol(literals); symbol !== 256; symbol = reader.symbol(literals)) {
        if (symbol < 256) {
          output.push(symbol);
          continue;
        }
        const length = lengths[symbol - 257] ?? { start: 258, extra: 0 };
        const count = symbol === 285 ? 258 : length.start + reader.bits(length.extra);
        const offset = distances[reader.symbol(offsets)] ?? { start: Number.NaN, extra: 0 };
        const distance = offset.start + reader.bits(offset.extra);
        if (!(distance <= output.length)) throw new Error(`a match ${distance} bytes back`);
        maxDistance = Math.max(maxDistance, distance);
        for (let i = 0; i < count; i++) output.push(output[output.length - distance] as number);
      }
    }
    if (isLast) reader.skipToByte();
  }
  return { output: Buffer.from(output.slice(history.length)), maxDistance, blocks };
}

/**
 * What a compressed message stands for (RFC 7692 §7.2.2): with the four bytes put behind it, or without them where its
 * last block has BFINAL; undefined when it is not whole.
 */
export function expandMessage(compressed: Uint8Array): Buffer | undefined {
  for (const end of [tail, Buffer.alloc(0)])
    try {
      const { output, blocks } = inflate(Buffer.concat([compressed, end]));
      if (blocks.length > 0) return output;
    } catch {}
  return undefined;
}
