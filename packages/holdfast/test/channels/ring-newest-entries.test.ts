import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Entry, NewestEntries } from "../../src/channels/ring.js";

type PublicationEntry = Extract<Entry, { kind: "pub" }>;

function entry(offset: number, key?: string, bytes = 100): PublicationEntry {
  const publication = { offset, data: String(offset), time: 0, ...(key !== undefined && { key }) };
  return { kind: "pub", publication, offset, bytes, encoded: new Map() };
}

const ample = { maxEntries: 100, maxBytes: 100_000 };

function offsetsAfter(newest: NewestEntries, offset: number): number[] {
  return [...newest.after(offset)].map((each) => each.offset);
}

describe("newest entries", () => {
  it("hold one publication of each key, in publication order", () => {
    const newest = new NewestEntries(ample, 0);
    for (const [offset, key] of [
      [1, "a"],
      [2, "b"],
      [3, "a"],
      [4, undefined],
      [5, undefined],
    ] as const)
      newest.add(entry(offset, key));
    expect(offsetsAfter(newest, 0)).toEqual([2, 3, 5]);
    expect(offsetsAfter(newest, 3)).toEqual([5]);
    expect(newest.bytes).toBe(300);
  });

  it("report whether a later one has the same key", () => {
    const newest = new NewestEntries(ample, 0);
    const [old, young] = [entry(1, "a"), entry(2, "a")];
    newest.add(old);
    expect(newest.isNewest(old)).toBe(true);
    newest.add(young);
    expect([newest.isNewest(old), newest.isNewest(young)]).toEqual([false, true]);
  });

  it("serve a reader that has everything up to the last dropped entry", () => {
    const newest = new NewestEntries({ maxEntries: 2, maxBytes: 100_000 }, 7);
    newest.add(entry(8, "a"));
    newest.add(entry(9, "b"));
    expect(newest.from).toBe(7);
    newest.add(entry(10, "c"));
    expect(newest.from).toBe(8);
    expect(offsetsAfter(newest, 8)).toEqual([9, 10]);
  });

  it("stay within their byte limit, except for the last one", () => {
    const newest = new NewestEntries({ maxEntries: 100, maxBytes: 250 }, 0);
    for (const [offset, key] of [
      [1, "a"],
      [2, "b"],
      [3, "c"],
    ] as const)
      newest.add(entry(offset, key));
    expect(offsetsAfter(newest, 0)).toEqual([2, 3]);
    newest.add(entry(4, "d", 1000));
    expect(offsetsAfter(newest, 0)).toEqual([4]);
  });

  it("give a reader at any served offset the last of each later key", () => {
    const keys = fc.array(fc.constantFrom("a", "b", "c", "d", undefined), { maxLength: 50 });
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 5 }), (published, maxEntries) => {
        const newest = new NewestEntries({ ...ample, maxEntries }, 0);
        published.forEach((key, index) => void newest.add(entry(index + 1, key)));
        for (let since = newest.from; since <= published.length; since++) {
          const last = new Map<string, number>();
          published.forEach((key, index) => {
            if (index + 1 > since) last.set(key ?? "", index + 1);
          });
          expect(offsetsAfter(newest, since)).toEqual([...last.values()].sort((a, b) => a - b));
        }
      }),
    );
  });
});
