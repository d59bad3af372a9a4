/** Messages that come in pieces: their buffer, and the check of their text. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutter, damage, runs } from "../../../../test/conformance/websocket/support/arbitraries.js";
import { bytesOf } from "../../../../test/conformance/websocket/support/frame-builder.js";
import { cut } from "../../../../test/conformance/websocket/support/play.js";
import { seedNote } from "../../../../test/conformance/websocket/support/seed.js";
import { judgeUtf8 } from "../../../../test/conformance/websocket/support/utf8-oracle.js";
import { MessageBuffer, Utf8Validator } from "../../src/websocket/message.js";

describe("message buffer", () => {
  it("hands over all pieces in order", () => {
    const buffer = new MessageBuffer();
    const whole = bytesOf(20_000, (i) => i * 7);
    for (let at = 0, size = 0; at < whole.length; at += size++) buffer.append(whole.subarray(at, at + size));
    expect(buffer.length).toBe(whole.length);
    expect(buffer.take().equals(whole)).toBe(true);
  });

  it("is empty at first and after it was taken", () => {
    const buffer = new MessageBuffer();
    expect(buffer.take()).toHaveLength(0);
    buffer.append(Buffer.from("a"));
    expect(buffer.take().toString()).toBe("a");
    expect(buffer.length).toBe(0);
    expect(buffer.take()).toHaveLength(0);
  });

  it("copies: neither the pieces nor what comes later change what was taken", () => {
    const buffer = new MessageBuffer();
    const piece = Buffer.from("first");
    buffer.append(piece);
    piece.fill("x");
    const taken = buffer.take();
    for (let i = 0; i < 100; i++) buffer.append(Buffer.from("second"));
    expect(taken.toString()).toBe("first");
    expect(buffer.length).toBe(600);
  });

  it("takes a million single bytes without copying all of them each time", () => {
    const buffer = new MessageBuffer();
    const piece = Buffer.of(7);
    for (let i = 0; i < 1_000_000; i++) buffer.append(piece);
    expect(buffer.take()).toHaveLength(1_000_000);
  });
});

/** Bytes at the edges of every rule in RFC 3629 §4. */
const edges = [
  ...[0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf],
  ...[0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff],
];

function expectVerdict(bytes: readonly number[]): void {
  const { faultAt, isComplete } = judgeUtf8(Uint8Array.from(bytes));
  const expected = faultAt === undefined ? { isValid: true, isComplete } : { isValid: false };
  const whole = new Utf8Validator();
  const isValid = whole.push(Uint8Array.from(bytes));
  const verdict = isValid ? { isValid, isComplete: whole.isComplete } : { isValid };
  const single = new Utf8Validator();
  const refusedAt = bytes.findIndex((byte) => !single.push(Uint8Array.of(byte)));
  if (JSON.stringify(verdict) !== JSON.stringify(expected) || refusedAt !== (faultAt ?? -1))
    expect({ bytes, refusedAt, ...verdict }).toEqual({ bytes, refusedAt: faultAt ?? -1, ...expected });
}

describe("UTF-8 (RFC 3629 §4)", () => {
  it("judges every pair of bytes as the rules do", () => {
    for (let first = 0; first < 256; first++)
      for (let second = 0; second < 256; second++) expectVerdict([first, second]);
  });

  it("judges every sequence of four edges as the rules do", () => {
    for (const first of edges.slice(10))
      for (const second of edges)
        for (const third of edges) for (const fourth of edges) expectVerdict([first, second, third, fourth]);
  });

  it("takes every character there is", () => {
    const validator = new Utf8Validator();
    for (let plane = 0; plane <= 0x10; plane++) {
      const points = Array.from({ length: 0x10000 }, (_, i) => plane * 0x10000 + i);
      const scalars = points.filter((point) => point < 0xd800 || point > 0xdfff);
      const text = scalars.map((point) => String.fromCodePoint(point)).join("");
      expect(validator.push(Buffer.from(text)), `plane ${plane}`).toBe(true);
      expect(validator.isComplete).toBe(true);
    }
  });

  it("begins at a boundary, and again after a reset", () => {
    const validator = new Utf8Validator();
    expect(validator.isComplete).toBe(true);
    expect(validator.push(Buffer.from("e282", "hex"))).toBe(true);
    expect(validator.isComplete).toBe(false);
    validator.reset();
    expect(validator.isComplete).toBe(true);
    expect(validator.push(Buffer.from("ac", "hex"))).toBe(false);
  });

  it("takes empty pieces anywhere", () => {
    const validator = new Utf8Validator();
    for (const hex of ["", "f0", "", "9f98", "", "80", ""])
      expect(validator.push(Buffer.from(hex, "hex")), hex).toBe(true);
    expect(validator.isComplete).toBe(true);
  });

  it(`refuses any text on the piece with its first impossible byte (${seedNote})`, () => {
    const text = fc.string({ unit: "binary", maxLength: 200 }).map((each) => Buffer.from(each));
    const property = fc.property(text, damage, cutter, (valid, spoil, chop) => {
      const bytes = spoil(valid);
      const { faultAt = Number.POSITIVE_INFINITY } = judgeUtf8(bytes);
      const validator = new Utf8Validator();
      let seen = 0;
      for (const piece of cut(bytes, chop)) {
        seen += piece.length;
        const isValid = validator.push(piece);
        expect(isValid).toBe(seen <= faultAt);
        if (!isValid) return;
        expect(validator.isComplete).toBe(judgeUtf8(bytes.subarray(0, seen)).isComplete);
      }
    });
    fc.assert(property, runs(300));
  });
});
