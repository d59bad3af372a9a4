import { describe, expect, it } from "vitest";
import { formatPosition, parsePosition } from "../../src/wire/messages.js";

describe("positions as texts", () => {
  it.each([
    { epoch: "d41d8cd9", offset: 42 },
    { epoch: "a:b~c!", offset: 0 },
    { epoch: "", offset: 7 },
    { epoch: "x", offset: Number.MAX_SAFE_INTEGER },
  ])("are read as they are written: %j", (position) => {
    expect(parsePosition(formatPosition(position))).toEqual(position);
  });

  it.each([
    "",
    ":",
    "e",
    "e:",
    "e:01",
    "e:-1",
    "e:1.5",
    "e: 1",
    "e:1 ",
    'e":1',
    "e e:1",
    "é:1",
    "e:9007199254740993",
    "x:1e3",
    "x:1\n",
    `${"e".repeat(129)}:1`,
  ])("are none: %j", (text) => {
    expect(parsePosition(text)).toBeUndefined();
  });
});
