/** Positions as texts. */
import { describe, expect, it } from "vitest";
import { formatPosition, parsePosition } from "../../../src/transports/plain/position-text.js";

describe("a position as text", () => {
  it.each([
    ["e7bcc511:2", { epoch: "e7bcc511", offset: 2 }],
    ["a:b:3", { epoch: "a:b", offset: 3 }],
    [":0", { epoch: "", offset: 0 }],
    ["x:999999999999999", { epoch: "x", offset: 999_999_999_999_999 }],
  ])("%s is read, and written the same", (text, position) => {
    expect(parsePosition(text)).toEqual(position);
    expect(formatPosition(position)).toBe(text);
  });

  it.each([
    "",
    "2",
    "x:",
    "x:-1",
    "x:1.5",
    "x:01",
    "x:1e3",
    "x:9999999999999999",
    "a b:1",
    "é:1",
    "x:1\n",
    `${"x".repeat(129)}:1`,
  ])("%j is none", (text) => {
    expect(parsePosition(text)).toBe(undefined);
  });
});
