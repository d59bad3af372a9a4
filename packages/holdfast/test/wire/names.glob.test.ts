import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matcherOf } from "../../src/wire/names.js";

/** By all ways to give characters to stars. */
function matchesSlowly(pattern: string, name: string): boolean {
  if (pattern === "") return name === "";
  const [first, rest] = [pattern[0], pattern.slice(1)];
  if (first === "*")
    return matchesSlowly(rest, name) || (name !== "" && matchesSlowly(pattern, name.slice(1)));
  return name !== "" && (first === "?" || first === name[0]) && matchesSlowly(rest, name.slice(1));
}

describe("glob matching", () => {
  it.each([
    ["chat:*", "chat:lobby", true],
    ["chat:*", "chat", false],
    ["*", "", true],
    ["?", "", false],
    ["a?c", "abc", true],
    ["*b*", "abc", true],
    ["abc", "abc", true],
    ["abc", "abcd", false],
    ["a*a", "a", false],
    ["(x)[y].*", "(x)[y].z", true],
  ])("%s of %s is %s", (pattern, name, isMatch) => {
    expect(matcherOf(pattern)(name)).toBe(isMatch);
  });

  it("matches every name without a pattern", () => {
    expect(matcherOf(undefined)("a")).toBe(true);
    expect(matcherOf("")("a")).toBe(true);
  });

  it("matches the same names as exhaustive search", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ab*?]{1,8}$/), fc.stringMatching(/^[ab]{0,8}$/), (pattern, name) => {
        expect(matcherOf(pattern)(name)).toBe(matchesSlowly(pattern, name));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([31, 32, 33, 64, 254])("matches a pattern of %i characters and a star", (length) => {
    const text = "ab".repeat(length).slice(0, length);
    const matches = matcherOf(`*${text}`);
    expect(matches(text)).toBe(true);
    expect(matches(`b${text}`)).toBe(true);
    expect(matches(`${text}x`)).toBe(false);
    expect(matches(text.slice(1))).toBe(false);
  });
});
