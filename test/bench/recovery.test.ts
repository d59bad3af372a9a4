import { describe, expect, it } from "vitest";
import { curveOf, liveTimes } from "../../bench/reports/recovery.js";

const hundred = Array.from({ length: 100 }, (_, i) => 1000 + i + 1);

describe("times of coming back", () => {
  it("tells when the first, half, 99 % and the last were there", () => {
    expect(liveTimes(hundred, 1000)).toEqual({ first: 1, p50: 50, p99: 99, last: 100 });
    expect(liveTimes([7], 5)).toEqual({ first: 2, p50: 2, p99: 2, last: 2 });
  });

  it("draws no more points than asked for, and ends with all", () => {
    expect(curveOf(hundred, 1000, 4)).toEqual([
      [25, 25],
      [50, 50],
      [75, 75],
      [100, 100],
    ]);
    expect(curveOf([7, 9], 5, 50)).toEqual([
      [2, 1],
      [4, 2],
    ]);
  });
});
