import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findChannelNameFault } from "../../src/wire/names.js";

describe("channel name", () => {
  it.each(["a", "news", "chat:lobby", "$private", "a b", "#@!~ ", "x".repeat(255), "__proto__"])(
    "may be %j",
    (name) => {
      expect(findChannelNameFault(name)).toBeUndefined();
    },
  );

  it("must not be empty", () => {
    expect(findChannelNameFault("")).toBe("a channel name must not be empty");
  });

  it("must not have more than 255 characters, and is told how many it has", () => {
    expect(findChannelNameFault("x".repeat(256))).toBe(
      "a channel name may have up to 255 characters, not 256",
    );
  });

  it.each(["é", "news\n", "\u0000", "tab\t", "del\u007f", "🚀", "a\u00a0b"])(
    "must not contain others than printable ASCII: %j",
    (name) => {
      expect(findChannelNameFault(name)).toBe("a channel name must consist of printable ASCII characters");
    },
  );

  it("is accepted exactly when it is 1 to 255 printable ASCII characters", () => {
    const code = fc.oneof({ weight: 200, arbitrary: fc.integer({ min: 32, max: 126 }) }, fc.nat(0x2fff));
    const codes = fc.array(code, { maxLength: 300, size: "max" });
    fc.assert(
      fc.property(codes, (list) => {
        const name = String.fromCharCode(...list);
        const isPrintable = [...name].every((character) => character >= " " && character <= "~");
        const isAccepted = findChannelNameFault(name) === undefined;
        expect(isAccepted).toBe(isPrintable && name.length >= 1 && name.length <= 255);
      }),
    );
  });
});
