import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createData, createFiller, findEpoch, scanMessages } from "../../src/load/payload.js";

describe("messages", () => {
  it("are as long as is asked for, and found in whatever is around them", () => {
    for (const bytes of [16, 100, 65_536]) {
      const data = createData(6_000_000, bytes);
      expect(Buffer.byteLength(data)).toBe(bytes);
      expect(JSON.parse(data)).toMatch(/^#6000000;[\w-]*$/);
      expect(createData(6_000_000, bytes)).toBe(data);
    }
    const found: number[] = [];
    const list = `{"epoch":"e1","offset":8,"publications":[{"data":${createData(7, 20)},"offset":7},{"data":${createData(8, 20)},"offset":8}]}`;
    expect(scanMessages(list, (sequence) => void found.push(sequence))).toBe(8);
    expect(found).toEqual([7, 8]);
    expect(findEpoch(list)).toBe("e1");
    expect(scanMessages("{}", () => {})).toBeUndefined();
    expect(() => scanMessages('{"data":"#x;"}', () => {})).toThrow(/no valid number/);
  });
});

describe("fillers", () => {
  it.each([20, 100, 4000, 65_536, 300_000])("of %i letters hardly compress, alone or in a row", (length) => {
    const row = [1, 2, 3, 4, 5].map((sequence) => createFiller(sequence, length));
    expect(row.map((each) => each.length)).toEqual(row.map(() => length));
    const text = row.join("");
    expect(gzipSync(text).length).toBeGreaterThan(text.length * 0.7);
  });
});
