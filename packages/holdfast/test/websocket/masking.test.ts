import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "../../../../test/conformance/websocket/support/arbitraries.js";
import { bytesOf } from "../../../../test/conformance/websocket/support/frame-builder.js";
import { seedNote } from "../../../../test/conformance/websocket/support/seed.js";
import { maskInPlace } from "../../src/websocket/masking.js";

/** RFC 6455 §5.3, one octet at a time. */
function masked(bytes: Uint8Array, key: number, position: number): number[] {
  return Array.from(bytes, (byte, i) => byte ^ ((key >>> (24 - 8 * ((position + i) % 4))) & 0xff));
}

describe("masking (RFC 6455 §5.3)", () => {
  it("masks the example of RFC 6455 §5.7", () => {
    const bytes = Buffer.from("Hello");
    maskInPlace(bytes, 0x37fa213d, 0);
    expect(bytes.toString("hex")).toBe("7f9f4d5158");
  });

  it("masks every length at every place in memory and in the payload", () => {
    const key = 0x9a3c5e71;
    for (let length = 0; length <= 80; length++)
      for (let offset = 0; offset < 8; offset++)
        for (let position = 0; position < 4; position++) {
          const memory = bytesOf(100, (i) => i * 13);
          const bytes = new Uint8Array(memory.buffer, memory.byteOffset + offset, length);
          const expected = Buffer.from(memory);
          expected.set(masked(bytes, key, position), offset);
          maskInPlace(bytes, key, position);
          if (!memory.equals(expected))
            expect({ length, offset, position, memory }).toEqual({ memory: expected });
        }
  });

  it(`masks any bytes with any key, and twice gives them back (${seedNote})`, () => {
    const length = fc.integer({ min: 0, max: 3000 });
    const word = fc.integer({ min: 0, max: 0xffffffff });
    const property = fc.property(
      length,
      fc.nat(7),
      word,
      fc.nat(1_000_000),
      (size, offset, key, position) => {
        const memory = new Uint8Array(offset + size + 9).map((_, i) => (i * 31) ^ (i >> 3));
        const bytes = memory.subarray(offset, offset + size);
        const before = Array.from(memory);
        const expected = before.toSpliced(offset, size, ...masked(bytes, key, position));
        maskInPlace(bytes, key, position);
        expect(Array.from(memory)).toEqual(expected);
        maskInPlace(bytes, key, position);
        expect(Array.from(memory)).toEqual(before);
      },
    );
    fc.assert(property, runs(200));
  });
});
