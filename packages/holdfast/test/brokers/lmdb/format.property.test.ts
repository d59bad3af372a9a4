import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bytesBefore,
  decodeFileFrames,
  decodeRuns,
  decodeSegment,
  decodeValue,
  encodeEntries,
  encodeRuns,
  encodeSegment,
  encodeValue,
  publicationsOf,
  type Run,
  type Segment,
  sizeOf,
} from "../../../src/brokers/lmdb/format.js";
import type { Publication } from "../../../src/wire/messages.js";
import { fuzzRuns } from "../../support/fuzz/seed.js";

const data = fc.oneof(
  fc.json({ maxDepth: 1 }),
  fc.constant('"naïve 🚀"'),
  fc.uint8Array({ maxLength: 40 }),
  fc.constant(Uint8Array.from({ length: 256 }, (_, value) => value)),
);
const info = fc.record({ user: fc.string(), client: fc.string(), connInfo: fc.json({ maxDepth: 1 }) });
const tags = fc.dictionary(fc.constantFrom("a", "ä"), fc.string({ unit: "grapheme" }), {
  noNullPrototype: true,
});
const keyed = fc.record({ key: fc.string({ unit: "grapheme" }), score: fc.integer() });
const attributes = fc
  .tuple(fc.record({ info, tags }, { requiredKeys: [] }), fc.option(keyed))
  .map(([rest, key]) => ({ ...rest, ...key }));
const publications = fc
  .array(fc.tuple(data, attributes, fc.nat()), { minLength: 1, maxLength: 6 })
  .map((all): Publication[] =>
    all.map(([each, rest, time], i) => ({ offset: i + 1, data: each, time, ...rest })),
  );

const log = {
  channel: "news",
  epoch: "e",
  since: 1,
  run: 1,
  durability: "process",
  retention: undefined,
  first: 1,
  before: 0,
  keys: [],
} as const;

describe("publications of text and bytes", () => {
  it("come back from the journal, from segments and from values of keys", () => {
    const property = fc.property(publications, publications, (one, other) => {
      const runs: Run[] = [
        { ...log, publications: one },
        { ...log, publications: other },
      ];
      const { frames } = decodeFileFrames(encodeRuns(runs));
      expect(frames.flatMap(decodeRuns).map((run) => run.publications)).toEqual([one, other]);
      expect(publicationsOf(decodeSegment(1, encodeSegment(one, 0)) as Segment)).toEqual(one);
      for (const publication of one)
        expect(decodeValue(encodeValue({ publication, since: 5 }))).toEqual({ publication, since: 5 });
    });
    fc.assert(property, fuzzRuns(300));
  });

  it("count in a segment as they did when they were appended", () => {
    const property = fc.property(publications, (all) => {
      const segment = decodeSegment(1, encodeSegment(all, 7)) as Segment;
      const sizes = all.map(sizeOf);
      for (const { offset } of all)
        expect(bytesBefore(segment, offset)).toBe(sizes.slice(0, offset - 1).reduce((a, b) => a + b, 7));
    });
    fc.assert(property, fuzzRuns(100));
  });
});

describe("entries", () => {
  it("have text as it is, and bytes as a character each", () => {
    const info = { user: "ann", client: "c" };
    const entries = encodeEntries([
      { offset: 1, time: 5, data: '{"a":"ä"}' },
      { offset: 2, time: 6, data: "1", info },
      { offset: 3, time: 7, data: Uint8Array.of(0x7b, 0xff) },
    ]);
    expect(entries.index).toEqual([5, 9, 0, 6, 1, 36, 7, 2, 17]);
    expect(entries.body).toBe('{"a":"ä"}1{"info":{"user":"ann","client":"c"}}{ÿ{"isBinary":true}');
  });
});
