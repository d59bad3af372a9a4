import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeFrame, encodeFileFrame, type Frame } from "../../../src/brokers/lmdb/format.js";
import { readJournal } from "../../../src/brokers/lmdb/journal.js";
import { fuzzRuns } from "../../support/fuzz/seed.js";
import { createTemporaryFolder } from "../../support/temporary-folder.js";

// What was written, as it comes back: JSON has no -0, and UTF-8 no halves of characters.
const header = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const frame: fc.Arbitrary<Frame> = fc.record({
  header,
  body: fc.string({ unit: "grapheme", maxLength: 40 }),
});

function toJournal(frames: readonly Frame[]): Buffer {
  return Buffer.concat(frames.map((each) => encodeFileFrame(each.header, each.body)));
}

function openReader() {
  const folder = createTemporaryFolder("journal");
  const path = join(folder, "journal-1.log");
  return (bytes: Uint8Array) => {
    writeFileSync(path, bytes);
    return readJournal(path);
  };
}

describe("journal's bytes", () => {
  it("decode as written, and truncated anywhere decode to the frames before the cut", () => {
    const read = openReader();
    const property = fc.property(
      fc.array(frame, { maxLength: 6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (frames, part) => {
        const bytes = toJournal(frames);
        expect(read(bytes)).toMatchObject({ frames, goodBytes: bytes.length, end: "whole" });
        const cut = bytes.subarray(0, Math.floor(bytes.length * part));
        const { frames: left, goodBytes, end } = read(cut);
        expect(left).toEqual(frames.slice(0, left.length));
        expect(toJournal(left)).toHaveLength(goodBytes);
        expect(end).toBe(goodBytes === cut.length ? "whole" : "torn");
      },
    );
    fc.assert(property, fuzzRuns(300));
  });

  it("yield no frame that was not written, whatever corruption they suffer", () => {
    const read = openReader();
    const change = fc.record({ at: fc.nat(), bits: fc.integer({ min: 1, max: 255 }) });
    const changes = fc.array(change, { minLength: 1, maxLength: 3 });
    const property = fc.property(fc.array(frame, { minLength: 1, maxLength: 6 }), changes, (frames, all) => {
      const bytes = toJournal(frames);
      for (const { at, bits } of all) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ bits;
      const { frames: left } = read(bytes);
      expect(left).toEqual(frames.slice(0, left.length));
    });
    fc.assert(property, fuzzRuns(500));
  });

  it("are read to the end when they are arbitrary", () => {
    const read = openReader();
    const property = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const { goodBytes, bytes: length, frames } = read(bytes);
      expect(goodBytes).toBeLessThanOrEqual(length);
      expect(toJournal(frames)).toHaveLength(goodBytes);
    });
    fc.assert(property, fuzzRuns(500));
  });

  it("yield no frame when the checksum is right and the rest is not", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 80 }), (rest, length) => {
      const bytes = Buffer.concat([Buffer.alloc(8), rest]);
      bytes.writeUInt32LE(length, 4);
      bytes.writeUInt32LE(crc32(bytes.subarray(4)));
      const decoded = decodeFrame(bytes);
      if (decoded !== undefined) expect(length).toBeLessThanOrEqual(rest.length);
    });
    fc.assert(property, fuzzRuns(500));
  });
});
