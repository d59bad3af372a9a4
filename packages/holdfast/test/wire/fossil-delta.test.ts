import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFossilDelta, encodeDelta } from "../../src/wire/fossil-delta.js";
import { applyFossilDelta } from "../support/fossil-applier.js";

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true });

function applyText(base: string, patch: string): string {
  return strictDecoder.decode(applyFossilDelta(encoder.encode(base), encoder.encode(patch)));
}

/** The patch between two texts, checked to make the one out of the other. */
function patchOf(base: string, target: string): string {
  const patch = strictDecoder.decode(createFossilDelta(encoder.encode(base), encoder.encode(target)));
  expect(applyText(base, patch)).toBe(target);
  return patch;
}

function expectRebuilt(base: Uint8Array, target: Uint8Array): void {
  const patch = createFossilDelta(base, target);
  // Without toEqual, which takes long for large arrays.
  expect(Buffer.compare(applyFossilDelta(base, patch), target)).toBe(0);
  expect(patch.length).toBeLessThanOrEqual(target.length + 21);
}

function sizeAsJson(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}

/** By how many bytes of JSON the patch is shorter than the target; one more where the checksum has a digit less. */
function savingOf(base: string, target: string): number {
  return sizeAsJson(target) - sizeAsJson(patchOf(base, target));
}

/** Rows that are alike, as lists in JSON have them. */
function rows(count: number, first = 0): { id: number; name: string; unit: string; isOn: boolean }[] {
  return Array.from({ length: count }, (_, i) => ({
    id: first + i,
    name: `sensor ${(first + i) * 7919}`,
    unit: "celsius",
    isOn: true,
  }));
}

const piece = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constantFrom('{"id":1,"name":"', "日本語のテキスト、", "🚀🛰🚁", "a".repeat(33), "é"),
);
const text = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(""));
const edit = fc.record({
  place: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
  removed: fc.nat(20),
  inserted: fc.oneof(piece, fc.constant("")),
});
/** A text, and the same after some edits, which do not cut characters. */
const edited = fc.tuple(text, fc.array(edit, { maxLength: 5 })).map(([base, edits]) => {
  const characters = [...base];
  for (const { place, removed, inserted } of edits)
    characters.splice(Math.round(place * characters.length), removed, ...inserted);
  return [base, characters.join("")] as const;
});
/** Few values, so that there is much to match; or any, among them those that look like parts of characters. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300, size: "max" }),
  fc.uint8Array({ max: 1, maxLength: 300, size: "max" }),
  fc.uint8Array({ min: 0x7f, max: 0x80, maxLength: 300, size: "max" }),
);

describe("Fossil delta", () => {
  it("of nothing to nothing is a size and a checksum", () => {
    expect(patchOf("", "")).toBe("0\n0;");
  });

  it("inserts all where there is no base", () => {
    // The words are 0x61626364 and 0x65000000; their sum is 0xc6626364.
    expect(patchOf("", "abcde")).toBe("5\n5:abcde36ObD_;");
  });

  it("inserts all where the base is shorter than a block", () => {
    expect(patchOf("fifteen bytes..", "fifteen bytes..")).toMatch(/^F\nF:fifteen bytes\.\..+;$/);
  });

  it("copies all where nothing changed", () => {
    expect(patchOf("just sixteen....", "just sixteen....")).toMatch(/^G\nG@0,[\w~]+;$/);
    expect(patchOf("a".repeat(1000), "a".repeat(1000))).toMatch(/^Fd\nFd@0,[\w~]+;$/);
  });

  it("makes nothing out of something", () => {
    expect(patchOf("a base that has some blocks of its own", "")).toBe("0\n0;");
  });

  it("copies up to the byte that changed, and from the byte after it", () => {
    const before = "0123456789abcdefghijklmnopqrstuvwxyz-first-half";
    const after = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-other-half";
    expect(patchOf(`${before}1${after}`, `${before}2${after}`)).toMatch(/^1V\nk@0,1:2k@l,[\w~]+;$/);
    // The same where no block begins after the change.
    expect(patchOf(`-${before}1${after}`, `-${before}2${after}`)).toMatch(/^1W\nl@0,1:2k@m,[\w~]+;$/);
  });

  it("is short for a large payload that changed at both ends", () => {
    const state = { rows: rows(800) };
    const base = JSON.stringify({ version: 41, ...state, time: "10:00:00" });
    const target = JSON.stringify({ version: 1042, ...state, time: "10:00:01" });
    expect(base.length).toBeGreaterThan(48_000);
    expect(patchOf(base, target).length).toBeLessThan(64);
  });

  it("is short for a list that lost its first row and gained a last one", () => {
    expect(patchOf(JSON.stringify(rows(100)), JSON.stringify(rows(100, 1))).length).toBeLessThan(110);
  });

  it("is short for parts that changed places", () => {
    const [a, b] = [JSON.stringify(rows(50)), JSON.stringify(rows(50, 1000))];
    expect(patchOf(`[${a},${b}]`, `[${b},${a}]`).length).toBeLessThan(128);
  });

  it("is short for a change in the middle of rows that are alike", () => {
    const changed = rows(60).map((row) => (row.id === 30 ? { ...row, isOn: false, unit: "kelvin" } : row));
    expect(patchOf(JSON.stringify(rows(60)), JSON.stringify(changed)).length).toBeLessThan(64);
  });

  it("is short for a base of one byte repeated, whatever the length", () => {
    expect(patchOf("a".repeat(50_000), "a".repeat(40_001)).length).toBeLessThan(24);
  });

  it("rebuilds a text after any edits, and is a text itself", () => {
    fc.assert(
      fc.property(edited, ([base, target]) => void patchOf(base, target)),
      { numRuns: 1000 },
    );
  });

  it("rebuilds any text from any other, and is a text itself", () => {
    fc.assert(
      fc.property(text, text, (base, target) => void patchOf(base, target)),
      { numRuns: 300 },
    );
  });

  it("rebuilds any bytes from any others, with 21 bytes more at most", () => {
    fc.assert(fc.property(bytes, bytes, expectRebuilt), { numRuns: 1000 });
  });

  it("rebuilds bytes that stand in a larger buffer", () => {
    const buffer = Uint8Array.from({ length: 200 }, (_, i) => i);
    expectRebuilt(buffer.subarray(3, 103), buffer.subarray(11, 172));
  });

  it.each([
    ["of one byte repeated", 1, 1],
    ["with one byte repeated in the base", 1, 17],
    ["with one byte repeated in the target", 17, 1],
    ["with periods next to a block's", 15, 17],
    ["with a block's period", 16, 16],
  ])("rebuilds 64 KiB %s", (_, basePeriod, targetPeriod) => {
    const base = Uint8Array.from({ length: 65_536 }, (_, i) => i % basePeriod);
    const target = Uint8Array.from({ length: 65_535 }, (_, i) => i % targetPeriod);
    expectRebuilt(base, target);
    expectRebuilt(base, target.with(40_000, 200));
  });

  it("tries a bounded number of blocks where all are equal", () => {
    // To try all of them would be 1.6e10 steps, and take longer than a test may.
    const base = new Uint8Array(2 * 1024 * 1024);
    const target = Uint8Array.from(base, (_, i) => (i % 17 === 16 ? 1 : 0));
    expect(createFossilDelta(base, target).length).toBeLessThan(target.length / 2);
  });
});

describe("delta of texts", () => {
  it("is a patch that makes the target out of the base", () => {
    const base = JSON.stringify({ rows: rows(10), total: 1 });
    const target = JSON.stringify({ rows: rows(10), total: 2 });
    const patch = encodeDelta(base, target) as string;
    expect(applyText(base, patch)).toBe(target);
    expect(patch.length).toBeLessThan(40);
  });

  it.each([
    ["the texts have nothing in common", '{"all":"new here"}', JSON.stringify(rows(3))],
    ["there is no base", "", JSON.stringify(rows(3))],
    ["the target is as short as a patch", JSON.stringify(rows(3)), "1"],
    ["the target is empty", "[1,2,3]", ""],
  ])("is undefined where %s", (_, base, target) => {
    expect(encodeDelta(base, target)).toBeUndefined();
  });

  it("is undefined where the patch takes as many bytes as the target", () => {
    const base = "0123456789abcdef";
    const target = `${base}xyz`;
    expect(patchOf(base, target)).toMatch(/^J\nG@0,3:xyz[\w~]{6};$/);
    expect(savingOf(base, target)).toBe(0);
    expect(encodeDelta(base, target)).toBeUndefined();
  });

  it.each(['"', "\\", "\b", "\t", "\n", "\f", "\r"])(
    "counts %j as the two bytes it takes in JSON",
    (escaped) => {
      const base = `0123456789abcde${escaped}`;
      expect(savingOf(base, `${base}xyz`)).toBe(1);
      expect(encodeDelta(base, `${base}xyz`)).toBeDefined();
      expect(savingOf(base, base + "u".repeat(50))).toBe(0);
      expect(encodeDelta(base, base + "u".repeat(50))).toBeUndefined();
    },
  );

  it.each(["\0", "\u0007", "\v", "\u001f"])("counts %j as the six bytes it takes in JSON", (escaped) => {
    const base = `0123456789abcde${escaped}`;
    const target = `${"x".repeat(70)}${base}`;
    expect(savingOf(base, `${target}y`)).toBe(1);
    expect(encodeDelta(base, `${target}y`)).toBeDefined();
    expect(savingOf(base, target + "y".repeat(70))).toBe(0);
    expect(encodeDelta(base, target + "y".repeat(70))).toBeUndefined();
  });

  it.each([
    ["two bytes", "é", "è"],
    ["three bytes", "あ", "い"],
    ["four bytes", "🚀", "🚁"],
    ["four bytes, the first of them", "🚀", "\u{5f680}"],
    ["one byte, then three", "a", "い"],
  ])("keeps characters whole where one of %s changed", (_, before, after) => {
    for (const padding of [
      "日本語のテキストです",
      "ééééééééééééééééé",
      "🚀🚁🚀🚁🚀🚁🚀🚁",
      "0123456789abcdef",
    ]) {
      const base = `{"text":"${padding}${padding}${before}${padding}${padding}"}`;
      const target = `{"text":"${padding}${padding}${after}${padding}${padding}"}`;
      const patch = encodeDelta(base, target) as string;
      expect(applyText(base, patch)).toBe(target);
      expect(patch.length).toBeLessThan(40);
    }
  });

  it("is the patch exactly when that is shorter as a JSON string", () => {
    const any = fc.string({ unit: "binary", maxLength: 60, size: "max" });
    const pair = fc.oneof(
      edited,
      fc.tuple(any, any, any, any).map(([a, b, c, d]) => [a + b + c, a + d + c] as const),
      fc.tuple(any).map(([same]) => [same, same] as const),
    );
    fc.assert(
      fc.property(pair, ([base, target]) => {
        const patch = patchOf(base, target);
        const isShorter = sizeAsJson(patch) < sizeAsJson(target);
        expect(encodeDelta(base, target)).toBe(isShorter ? patch : undefined);
      }),
      { numRuns: 1000 },
    );
  });

  it("rebuilds any JSON text from any other", () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), (base, target) => {
        const pair = [`{"was":${base},"is":${target}}`, `{"is":${target},"was":${base}}`] as const;
        const patch = encodeDelta(...pair);
        if (patch !== undefined) expect(applyText(pair[0], patch)).toBe(pair[1]);
      }),
    );
  });
});
