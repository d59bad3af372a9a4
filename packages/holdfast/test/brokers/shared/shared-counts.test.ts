import { describe, expect, it } from "vitest";
import { SharedCounts } from "../../../src/brokers/shared/shared-counts.js";

describe("shared counts", () => {
  it("stop at the maximum of all processes together, and go on when one gives back", () => {
    const counts = new SharedCounts();
    const [one, two] = [new Map<string, number>(), new Map<string, number>()];
    expect([counts.take(one, "a", 2), counts.take(two, "a", 2), counts.take(one, "a", 2)]).toEqual([
      true,
      true,
      false,
    ]);
    expect(counts.take(one, "b", 1)).toBe(true);
    counts.release(two, "a");
    expect(counts.take(one, "a", 2)).toBe(true);
  });

  it("do not take what a process does not have", () => {
    const counts = new SharedCounts();
    const [one, two] = [new Map<string, number>(), new Map<string, number>()];
    counts.take(one, "a", 1);
    counts.release(two, "a");
    expect(counts.take(two, "a", 1)).toBe(false);
  });

  it("are free of a process that has ended, and know what another owner had counted", () => {
    const counts = new SharedCounts();
    const [one, two] = [new Map<string, number>(), new Map<string, number>()];
    counts.restore(one, [["a", 2]]);
    expect(counts.take(two, "a", 2)).toBe(false);
    counts.drop(one);
    expect(counts.take(two, "a", 1)).toBe(true);
    expect(one.size).toBe(0);
  });
});
