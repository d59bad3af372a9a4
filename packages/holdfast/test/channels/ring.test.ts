import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Entry, Ring, type RingLimits } from "../../src/channels/ring.js";
import { countTo, joinEntry, pubEntry } from "./support/entries.js";

const ample: RingLimits = { maxEntries: 1000, maxBytes: 1_000_000 };

function entriesOf(ring: Ring): Entry[] {
  return countTo(ring.next - 1, ring.first).map((sequence) => ring.at(sequence));
}

function offsetsOf(ring: Ring): number[] {
  return entriesOf(ring).map(({ offset }) => offset);
}

function fill(ring: Ring, count: number, bytes = 1): void {
  for (const offset of countTo(count)) ring.push(pubEntry(offset, bytes));
}

describe("empty ring", () => {
  it("has no entry and no sequence numbers", () => {
    const ring = new Ring(ample);
    expect(ring.first).toBe(ring.next);
    expect(ring.bytes).toBe(0);
    expect(ring.sequenceOf(1)).toBeUndefined();
    expect(() => ring.at(0)).toThrow(RangeError);
  });
});

describe("ring within its limits", () => {
  it("keeps every entry at its sequence number while it grows", () => {
    const ring = new Ring(ample);
    for (const count of countTo(300)) {
      ring.push(pubEntry(count));
      expect(ring.next - ring.first).toBe(count);
    }
    expect(offsetsOf(ring)).toEqual(countTo(300));
    expect(ring.bytes).toBe(300);
  });

  it("returns the same entry object that was pushed", () => {
    const ring = new Ring(ample);
    const entry = pubEntry(1);
    ring.push(entry);
    expect(ring.at(0)).toBe(entry);
  });

  it("throws for a sequence number out of range, naming the range", () => {
    const ring = new Ring({ ...ample, maxEntries: 3 });
    fill(ring, 5);
    expect(() => ring.at(1)).toThrow("entry 1 is not within 2 to 4");
    expect(() => ring.at(5)).toThrow(RangeError);
    expect(ring.at(2).offset).toBe(3);
    expect(ring.at(4).offset).toBe(5);
  });
});

describe("ring at its limits", () => {
  it.each([1, 2, 7, 8, 9, 100])("keeps the newest %i entries", (maxEntries) => {
    const ring = new Ring({ ...ample, maxEntries });
    fill(ring, 250);
    expect(offsetsOf(ring)).toEqual(countTo(250, 251 - maxEntries));
    expect(ring.first).toBe(250 - maxEntries);
    expect(ring.bytes).toBe(maxEntries);
  });

  it("keeps the newest entries up to their bytes", () => {
    const ring = new Ring({ ...ample, maxBytes: 100 });
    fill(ring, 50, 30);
    expect(offsetsOf(ring)).toEqual([48, 49, 50]);
    expect(ring.bytes).toBe(90);
  });

  it("holds exactly as many bytes as allowed", () => {
    const ring = new Ring({ ...ample, maxBytes: 100 });
    fill(ring, 10, 25);
    expect(ring.bytes).toBe(100);
  });

  it("keeps the newest entry, whatever its size, and drops all others for it", () => {
    const ring = new Ring({ ...ample, maxBytes: 100 });
    fill(ring, 5, 10);
    ring.push(pubEntry(6, 1000));
    expect(offsetsOf(ring)).toEqual([6]);
    ring.push(pubEntry(7, 10));
    expect(offsetsOf(ring)).toEqual([7]);
    expect(ring.bytes).toBe(10);
  });
});

describe("clearing", () => {
  it("drops the entries and continues numbering", () => {
    const ring = new Ring(ample);
    fill(ring, 20);
    ring.clear();
    expect(ring.first).toBe(20);
    expect(ring.next).toBe(20);
    expect(ring.bytes).toBe(0);
    expect(ring.sequenceOf(20)).toBeUndefined();
    ring.push(pubEntry(101));
    expect(ring.at(20).offset).toBe(101);
    expect(ring.sequenceOf(101)).toBe(20);
  });
});

describe("sequence number of a publication", () => {
  it("is found between joins that carry the same offset", () => {
    const ring = new Ring(ample);
    for (const entry of [joinEntry(0), pubEntry(1), joinEntry(1), joinEntry(1), pubEntry(2), joinEntry(2)])
      ring.push(entry);
    expect(ring.sequenceOf(1)).toBe(1);
    expect(ring.sequenceOf(2)).toBe(4);
    expect(ring.sequenceOf(3)).toBeUndefined();
    expect(ring.sequenceOf(0)).toBeUndefined();
  });

  it("is unknown when only joins after it remain", () => {
    const ring = new Ring({ ...ample, maxEntries: 3 });
    for (const entry of [pubEntry(1), joinEntry(1), joinEntry(1), pubEntry(2)]) ring.push(entry);
    expect(ring.sequenceOf(1)).toBeUndefined();
    expect(ring.sequenceOf(2)).toBe(3);
  });

  it("is unknown for evicted publications", () => {
    const ring = new Ring({ ...ample, maxEntries: 3 });
    fill(ring, 10);
    expect([6, 7, 8, 9, 10, 11].map((offset) => ring.sequenceOf(offset))).toEqual([
      undefined,
      undefined,
      7,
      8,
      9,
      undefined,
    ]);
  });
});

/** The same ring as an array that is never cut. */
class NaiveRing {
  readonly all: Entry[] = [];
  first = 0;
  readonly #limits: RingLimits;

  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  get kept(): Entry[] {
    return this.all.slice(this.first);
  }

  get bytes(): number {
    return this.kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  push(entry: Entry): void {
    this.all.push(entry);
    while (this.kept.length > this.#limits.maxEntries) this.first++;
    while (this.kept.length > 1 && this.bytes > this.#limits.maxBytes) this.first++;
  }

  sequenceOf(offset: number): number | undefined {
    const index = this.all.findIndex((entry, at) => {
      return at >= this.first && entry.kind === "pub" && entry.offset === offset;
    });
    return index === -1 ? undefined : index;
  }
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("pub" as const), bytes: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("join" as const), bytes: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const), bytes: fc.constant(0) }) },
);

describe("ring compared with a naive model", () => {
  it("has the same entries, bytes and sequence numbers after any pushes and clears", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80, size: "max" }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 200 }),
        (steps, maxEntries, maxBytes) => {
          const limits = { maxEntries, maxBytes };
          const ring = new Ring(limits);
          const naive = new NaiveRing(limits);
          let head = 0;
          for (const { kind, bytes } of steps) {
            if (kind === "clear") {
              ring.clear();
              naive.first = naive.all.length;
            } else {
              const entry = kind === "pub" ? pubEntry(++head, bytes) : joinEntry(head, bytes);
              ring.push(entry);
              naive.push(entry);
            }
            const offsets = countTo(head + 1, 0);
            expect({
              next: ring.next,
              bytes: ring.bytes,
              entries: entriesOf(ring),
              places: offsets.map((offset) => ring.sequenceOf(offset)),
            }).toEqual({
              next: naive.all.length,
              bytes: naive.bytes,
              entries: naive.kept,
              places: offsets.map((offset) => naive.sequenceOf(offset)),
            });
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
