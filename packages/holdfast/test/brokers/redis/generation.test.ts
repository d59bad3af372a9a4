import { describe, expect, it } from "vitest";
import { recordKeyOf } from "../../../src/brokers/redis/generation.js";
import { numSlots, slotOf } from "../../../src/brokers/redis/layout.js";

describe("record of a generation", () => {
  it("is in the slot that it is for, for each slot of a cluster", () => {
    const keys = Array.from({ length: numSlots }, (_, slot) =>
      recordKeyOf({ prefix: "p", mode: "cluster" }, slot),
    );
    expect(keys.filter((key, slot) => slotOf(key) !== slot)).toEqual([]);
    expect(new Set(keys).size).toBe(numSlots);
    expect(Math.max(...keys.map((key) => key.length))).toBeLessThan(20);
  });

  it("is one outside of clusters", () => {
    expect(recordKeyOf({ prefix: "p", mode: "single" }, 0)).toBe("p:server");
    expect(recordKeyOf({ prefix: "p", mode: "sentinel" }, 0)).toBe("p:server");
  });
});
