import { describe, expect, it } from "vitest";
import { createRandom, exponential } from "../../src/load/random.js";

describe("random numbers", () => {
  it("are the same for a seed, spread evenly, and have the mean that is asked for", () => {
    const take = (seed: number) => Array.from({ length: 2000 }, createRandom(seed));
    expect(take(7)).toEqual(take(7));
    expect(take(7)).not.toEqual(take(8));
    expect(take(7).every((each) => each >= 0 && each < 1)).toBe(true);
    const random = createRandom(1);
    const sum = Array.from({ length: 20_000 }, () => exponential(random, 50)).reduce((a, b) => a + b);
    expect(sum / 20_000).toBeCloseTo(50, -1);
  });
});
