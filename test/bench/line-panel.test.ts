import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linearScale, logScale, shortNumber, spread } from "../../bench/reports/line-panel.js";

describe("linear scale", () => {
  it("ends at a round value with ticks evenly before it", () => {
    const scale = linearScale(870, 100);
    expect(scale.ticks).toEqual([0, 200, 400, 600, 800, 1000]);
    expect([0, 500, 1000].map(scale.at)).toEqual([0, 50, 100]);
  });

  it("holds every value up to the most", () => {
    const most = fc.double({ min: 1e-6, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(most, (value) => {
        const scale = linearScale(value, 100);
        expect(scale.at(value)).toBeLessThanOrEqual(100 + 1e-6);
        expect(scale.ticks.length).toBeLessThan(8);
      }),
    );
  });
});

describe("logarithmic scale", () => {
  it("has ticks at 1, 2 and 5 where there is room, else at powers of ten", () => {
    expect(logScale(0.3, 8, 100).ticks).toEqual([0.2, 0.5, 1, 2, 5, 10]);
    expect(logScale(0.3, 80_000, 100).ticks).toEqual([1, 10, 100, 1000, 10_000, 100_000]);
  });

  it("holds everything between the least and the most", () => {
    const value = fc.double({ min: 1e-4, max: 1e7, noNaN: true });
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [least, most] = [Math.min(a, b), Math.max(a, b)];
        const scale = logScale(least, most, 100);
        expect(scale.at(least)).toBeGreaterThanOrEqual(-1e-6);
        expect(scale.at(most)).toBeLessThanOrEqual(100 + 1e-6);
      }),
    );
  });
});

describe("numbers on axes", () => {
  it("are short", () => {
    expect([0, 0.25, 999, 1234, 12_000, 1_500_000].map(shortNumber)).toEqual([
      "0",
      "0.25",
      "999",
      "1,234",
      "12k",
      "1.5M",
    ]);
  });
});

describe("names beside lines", () => {
  it("are moved apart, in the order of the lines, within the panel", () => {
    expect(spread([10, 12, 100], 20, 0, 200)).toEqual([10, 30, 100]);
    expect(spread([195, 190], 20, 0, 200)).toEqual([200, 180]);
    expect(spread([50], 20, 0, 200)).toEqual([50]);
  });
});
