import { describe, expect, it } from "vitest";
import { toSamePayload } from "../../src/app/hooks.js";

describe("what a schema or a hook made of data", () => {
  it("is the original text if nothing has changed", () => {
    const original = '{"n":1.0,"big":12345678901234567890}';
    expect(toSamePayload(original, JSON.parse(original), "hook")).toBe(original);
    expect(toSamePayload(original, { n: 2 }, "hook")).toBe('{"n":2}');
  });

  it("may be the bytes that it was, other bytes, or JSON", () => {
    const [original, other] = [Uint8Array.of(1), Uint8Array.of(2)];
    expect(toSamePayload(original, original, "hook")).toBe(original);
    expect(toSamePayload(original, other, "hook")).toBe(other);
    expect(toSamePayload(original, { n: 1 }, "hook")).toBe('{"n":1}');
    expect(() => toSamePayload(original, undefined, "hook")).toThrow(TypeError);
  });
});
