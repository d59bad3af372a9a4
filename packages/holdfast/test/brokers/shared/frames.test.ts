import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, FrameReader } from "../../../src/brokers/shared/frames.js";

const part = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
);
const frames = fc.array(
  fc.record({
    kind: fc.integer({ min: 0, max: 255 }),
    id: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    head: fc.jsonValue(),
    parts: fc.array(part),
  }),
);

describe("frames", () => {
  it("come back as they were, however their bytes are cut", () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = Buffer.concat(
          sent.map(({ kind, id, head, parts }) => encodeFrame(kind, id, head, parts)),
        );
        const reader = new FrameReader();
        const came = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const length = cuts[i % cuts.length] as number;
          came.push(...reader.read(bytes.subarray(at, at + length)));
          at += length;
        }
        // JSON has no -0.
        const expected = sent.map((frame) => ({ ...frame, head: JSON.parse(JSON.stringify(frame.head)) }));
        expect(came).toEqual(expected);
      }),
    );
  });

  it("of impossible lengths are refused", () => {
    for (const length of [0, 8, 2 ** 31]) {
      const bytes = Buffer.alloc(20);
      bytes.writeUInt32LE(length);
      expect(() => [...new FrameReader().read(bytes)]).toThrow(`a frame has ${length} bytes`);
    }
  });

  it("whose parts end beyond them are refused", () => {
    const frame = encodeFrame(1, 1, {}, ["abc"]);
    frame.write("9", frame.indexOf("3"));
    expect(() => [...new FrameReader().read(frame)]).toThrow("a part ends beyond its frame");
  });
});
