import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, Frame, type FrameHead } from "../../../src/brokers/nats/frame.js";
import { encodePublication } from "../../../src/brokers/nats/publication-bytes.js";
import type { NewPublication } from "../../../src/channels/log.js";
import type { Publication } from "../../../src/wire/messages.js";
import { fuzzRuns } from "../../support/fuzz/seed.js";

const count = fc.oneof(fc.nat(300), fc.maxSafeNat());
const links = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 2 ** 40 }), fc.nat(1000)), { maxLength: 16 })
  .map((steps) => {
    let [seq, offset] = [0, 0];
    return steps.map(([seqStep, offsetStep]) => {
      seq += seqStep;
      offset += offsetStep;
      return { seq, offset };
    });
  });
const heads: fc.Arbitrary<FrameHead> = fc.record({
  epoch: fc.string({ minLength: 1 }),
  number: count,
  time: count,
  firstOffset: fc.nat(2 ** 30),
  bytesBefore: fc.nat(2 ** 30),
  removedTo: count,
  removedBytes: count,
  keyedAt: count,
  retention: fc.record({ maxEntries: count, maxBytes: count, ttlMs: count }),
  keyId: fc.string(),
  unregisteredKeys: fc.array(
    fc.record({ keyId: fc.string(), epoch: fc.string(), offset: count, time: count }),
    { maxLength: 3 },
  ),
  links: fc.array(links, { maxLength: 4 }),
});
const publications: fc.Arbitrary<NewPublication> = fc.record(
  {
    data: fc.oneof(fc.json({ maxDepth: 1 }), fc.uint8Array()),
    info: fc.record({ user: fc.string(), client: fc.string() }),
    tags: fc.constant({ lang: "en" }),
  },
  { requiredKeys: ["data"] },
);

const head: FrameHead = {
  epoch: "e",
  number: 1,
  time: 1,
  firstOffset: 1,
  bytesBefore: 0,
  removedTo: 0,
  removedBytes: 0,
  keyedAt: 0,
  retention: { maxEntries: 1, maxBytes: 1, ttlMs: 1 },
  keyId: "",
  unregisteredKeys: [],
  links: [],
};

function readAll(frame: Frame): Publication[] {
  const all: Publication[] = [];
  frame.visit((publication) => all.push(publication) > 0);
  return all;
}

describe("message of a channel", () => {
  it("comes back as it was written, publications and all", () => {
    fc.assert(
      fc.property(heads, fc.array(publications, { maxLength: 5 }), fc.maxSafeNat(), (written, all, time) => {
        const encoded = all.map((each) => encodePublication(each, time));
        // As it comes: within a larger buffer.
        const content = Buffer.concat([Buffer.from("HMSG"), encodeFrame(written, encoded)]).subarray(4);
        const frame = new Frame(7, content);
        for (const [name, value] of Object.entries(written))
          expect(frame[name as keyof FrameHead]).toEqual(value);
        expect(frame.totalBytes).toBe(
          written.bytesBefore + encoded.reduce((sum, each) => sum + each.length, 0),
        );
        expect(frame.lastOffset).toBe(written.firstOffset + all.length - 1);
        expect(readAll(frame)).toEqual(
          all.map((each, i) => ({ ...each, offset: written.firstOffset + i, time })),
        );
        expect(readAll(frame)).toHaveLength(all.length);
      }),
      fuzzRuns(200),
    );
  });

  it("of a newer version is refused as such", () => {
    const content = encodeFrame(head, []);
    content[0] = 2;
    expect(() => new Frame(7, content)).toThrow(expect.objectContaining({ code: "HF_STORE_NEWER" }));
  });

  it("is refused as damaged where it ends too early", () => {
    const content = encodeFrame(head, [encodePublication({ data: "1" }, 1)]);
    for (let length = 0; length < content.length; length++)
      expect(() => readAll(new Frame(7, content.subarray(0, length)))).toThrow(
        expect.objectContaining({ code: "HF_STORE_CORRUPT", message: expect.stringContaining("message 7") }),
      );
  });

  it("keeps bytes in memory of their own", () => {
    const data = new Uint8Array([1, 2, 3]);
    const content = encodeFrame(head, [encodePublication({ data }, 1)]);
    const [publication] = readAll(new Frame(7, content));
    content.fill(0);
    const read = publication?.data as Uint8Array;
    expect(read).toEqual(data);
    expect(read.buffer.byteLength).toBe(3);
  });
});
