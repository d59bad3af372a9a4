import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SequenceCheck } from "../../src/load/sequence-check.js";

describe("SequenceCheck", () => {
  it("counts what is missing, what came twice and what came late, as a plain list does", () => {
    const published = 12;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: published })), (arrivals) => {
        const check = new SequenceCheck();
        for (const each of arrivals) check.take(each);
        const distinct = new Set(arrivals);
        const firsts = [...distinct];
        const late = firsts.filter((each, i) => firsts.slice(0, i).some((before) => before > each));
        expect(check.missedOf(published)).toBe(published - distinct.size);
        expect(check.duplicates).toBe(arrivals.length - distinct.size);
        expect(check.outOfOrder).toBe(late.length);
      }),
    );
  });
});
