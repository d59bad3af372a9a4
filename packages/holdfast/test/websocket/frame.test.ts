/** Frames: headers that are parsed and encoded, and masking. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "../../../../test/conformance/websocket/support/arbitraries.js";
import {
  buildFrame,
  bytesOf,
  type MaskingKey,
} from "../../../../test/conformance/websocket/support/frame-builder.js";
import { seedNote } from "../../../../test/conformance/websocket/support/seed.js";
import { encodeFrame, maskInPlace, Opcode } from "../../src/websocket/frame.js";

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

describe("encoding of frames (RFC 6455 §5.2)", () => {
  it("gives the examples of RFC 6455 §5.7", () => {
    const hello = Buffer.from("Hello");
    const hex = (bytes: Buffer) => bytes.toString("hex");
    expect(hex(encodeFrame(Opcode.text, hello))).toBe("810548656c6c6f");
    expect(hex(encodeFrame(Opcode.text, hello, true, 0x37fa213d))).toBe("818537fa213d7f9f4d5158");
    expect(hex(encodeFrame(Opcode.text, Buffer.from("Hel"), false))).toBe("010348656c");
    expect(hex(encodeFrame(Opcode.continuation, Buffer.from("lo"), true))).toBe("80026c6f");
    expect(hex(encodeFrame(Opcode.ping, hello))).toBe("890548656c6c6f");
    expect(hex(encodeFrame(Opcode.pong, hello, true, 0x37fa213d))).toBe("8a8537fa213d7f9f4d5158");
    expect(hex(encodeFrame(Opcode.binary, Buffer.alloc(256)).subarray(0, 4))).toBe("827e0100");
    expect(hex(encodeFrame(Opcode.binary, Buffer.alloc(65_536)).subarray(0, 10))).toBe(
      "827f0000000000010000",
    );
  });

  it.each([0, 125, 126, 65_535, 65_536])("gives %i bytes the shortest header", (length) => {
    const payload = Buffer.alloc(length, "x");
    for (const key of [undefined, 0, 0xfffefdfc])
      expect(encodeFrame(Opcode.binary, payload, true, key).equals(built(2, payload, true, key))).toBe(true);
  });

  it(`agrees with an independent encoder, and leaves the payload as it was (${seedNote})`, () => {
    const opcode = fc.constantFrom(...Object.values(Opcode));
    const key = fc.option(fc.integer({ min: 0, max: 0xffffffff }), { nil: undefined });
    const property = fc.property(
      ...([opcode, fc.uint8Array({ maxLength: 125 }), fc.boolean(), key] as const),
      (code, payload, isFinal, drawn) => {
        const before = Buffer.from(payload);
        expect(encodeFrame(code, payload, isFinal, drawn)).toEqual(built(code, payload, isFinal, drawn));
        expect(Buffer.from(payload)).toEqual(before);
      },
    );
    fc.assert(property, runs(300));
  });
});

function built(opcode: number, payload: Uint8Array, fin: boolean, word: number | undefined): Buffer {
  const octets = [24, 16, 8, 0].map((shift) => ((word ?? 0) >>> shift) & 0xff) as unknown as MaskingKey;
  return buildFrame({ opcode, payload, fin, key: word === undefined ? null : octets });
}
