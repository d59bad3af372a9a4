import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compareDecimals,
  type Decimal,
  maxDecimalCharacters,
  parseDecimal,
} from "../../src/wire/tags-filter.js";

function compare(a: string, b: string): number {
  return Math.sign(compareDecimals(parseDecimal(a) as Decimal, parseDecimal(b) as Decimal));
}

describe("decimal", () => {
  it.each(["0", "1", "-1", "+1", "007", "1.5", "-0.0", "123456789012345678901234567890.000000000000000001"])(
    "may be %j",
    (text) => {
      expect(parseDecimal(text)).toBeDefined();
    },
  );

  it.each(["", " ", "-", ".", "1.", ".5", "1e3", "1e999", "0x10", "1,5", "1_000", " 1", "1\n", "--1", "NaN"])(
    "can't be %j",
    (text) => {
      expect(parseDecimal(text)).toBeUndefined();
    },
  );

  it("can't be Infinity or digits of other scripts", () => {
    for (const text of ["Infinity", "١٢", "１"]) expect(parseDecimal(text)).toBeUndefined();
  });

  it("can't have more characters than the bound", () => {
    expect(parseDecimal("1".repeat(maxDecimalCharacters))).toBeDefined();
    expect(parseDecimal("1".repeat(maxDecimalCharacters + 1))).toBeUndefined();
  });

  it.each([
    ["0", "-0"],
    ["1", "01.00"],
    ["+2.50", "2.5"],
    ["-0.10", "-00.1"],
  ])("%s equals %s", (a, b) => {
    expect(compare(a, b)).toBe(0);
    expect(compare(b, a)).toBe(0);
  });

  it.each([
    ["9", "10"],
    ["-10", "-9"],
    ["-1", "0"],
    ["-0.1", "0"],
    ["0.09", "0.1"],
    ["0.5", "0.51"],
    ["1.9", "10.1"],
    ["9007199254740992", "9007199254740993"],
    ["0.1", "0.10000000000000000001"],
  ])("%s is less than %s", (a, b) => {
    expect(compare(a, b)).toBe(-1);
    expect(compare(b, a)).toBe(1);
  });

  it("is ordered as the integers are that it stands for, divided by the same power of ten", () => {
    const digits = 6;
    const toText = (value: bigint) => {
      const text = (value < 0n ? -value : value).toString().padStart(digits + 1, "0");
      return `${value < 0n ? "-" : ""}${text.slice(0, -digits)}.${text.slice(-digits)}`;
    };
    const any = fc.oneof(
      fc.bigInt({ min: -2000n, max: 2000n }),
      fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
    );
    fc.assert(
      fc.property(any, any, (a, b) => {
        expect(compare(toText(a), toText(b))).toBe(a === b ? 0 : a < b ? -1 : 1);
      }),
      { numRuns: 500 },
    );
  });
});
