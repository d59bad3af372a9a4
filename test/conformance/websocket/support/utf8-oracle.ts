/**
 * UTF-8 as RFC 3629 §4 writes it down, rule by rule and one byte at a time: slow, plain, and free of the engine's code.
 */
type Range = readonly [number, number];

const tail: Range = [0x80, 0xbf];

/** The productions UTF8-1 to UTF8-4. */
const sequences: readonly (readonly Range[])[] = [
  [[0x00, 0x7f]],
  [[0xc2, 0xdf], tail],
  [[0xe0, 0xe0], [0xa0, 0xbf], tail],
  [[0xe1, 0xec], tail, tail],
  [[0xed, 0xed], [0x80, 0x9f], tail],
  [[0xee, 0xef], tail, tail],
  [[0xf0, 0xf0], [0x90, 0xbf], tail, tail],
  [[0xf1, 0xf3], tail, tail, tail],
  [[0xf4, 0xf4], [0x80, 0x8f], tail, tail],
];

const includes = ([from, to]: Range, byte: number) => byte >= from && byte <= to;

export interface Utf8Verdict {
  /** Index of the first byte that no valid text can have there; undefined when there is none. */
  readonly faultAt: number | undefined;
  /** Whether the bytes up to the fault, or all of them, end at a character boundary. */
  readonly isComplete: boolean;
}

export function judgeUtf8(bytes: Uint8Array): Utf8Verdict {
  let expected: readonly Range[] = [];
  for (const [index, byte] of bytes.entries()) {
    if (expected.length === 0) {
      const sequence = sequences.find(([first]) => includes(first as Range, byte));
      if (!sequence) return { faultAt: index, isComplete: true };
      expected = sequence.slice(1);
    } else {
      if (!includes(expected[0] as Range, byte)) return { faultAt: index, isComplete: false };
      expected = expected.slice(1);
    }
  }
  return { faultAt: undefined, isComplete: expected.length === 0 };
}
