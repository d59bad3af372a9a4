import { describe, expect, it } from "vitest";
import { toSamePayload } from "../../src/app/hooks.js";

describe("what a schema or a hook made of data", () => {
  it("is the original text if nothing has changed", () => {
    const original = '{"n":1.0,"big":12345678901234567890}';
    expect(toSamePayload(original, JSON.parse(original), "hook")).toBe(original);
    expect(toSamePayload(original, { n: 2 }, "hook")).toBe('{"n":2}');
  });

  it("may be the bytes that it was, or a copy of other bytes, and nothing else", () => {
    const [original, other] = [Uint8Array.of(1), Uint8Array.of(2)];
    expect(toSamePayload(original, original, "hook")).toBe(original);
    expect(toSamePayload(original, other, "hook")).toEqual(other);
    expect(toSamePayload(original, other, "hook")).not.toBe(other);
    expect(() => toSamePayload(original, { n: 1 }, "hook")).toThrow("return a Uint8Array");
    expect(() => toSamePayload('{"n":1}', other, "hook")).toThrow("carries JSON");
    expect(() => toSamePayload(original, undefined, "hook")).toThrow(TypeError);
  });
});
