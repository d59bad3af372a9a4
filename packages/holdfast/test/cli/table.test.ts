import { describe, expect, it } from "vitest";
import { durationOf, hasColours, paint, tableOf } from "../../src/cli/table.js";

describe("colours", () => {
  it("are for terminals that want them", () => {
    expect(hasColours({ isTTY: true }, {})).toBe(true);
    expect(hasColours({ isTTY: true }, { NO_COLOR: "" })).toBe(true);
    expect(hasColours({ isTTY: true }, { NO_COLOR: "1" })).toBe(false);
    expect(hasColours({ isTTY: true }, { TERM: "dumb" })).toBe(false);
    expect(hasColours({}, {})).toBe(false);
  });

  it("end with the text", () => {
    expect(paint("green", "yes", true)).toBe("\u001b[32myes\u001b[39m");
    expect(paint("green", "yes", false)).toBe("yes");
  });
});

describe("table", () => {
  it("aligns columns, and numbers to the right", () => {
    const columns = [{ name: "channel" }, { name: "clients", isNumber: true }];
    expect(
      tableOf(columns, [
        ["news", 3],
        ["chat:lobby", undefined],
      ]),
    ).toBe("channel     clients\nnews              3\nchat:lobby        –");
  });

  it("clips what is long, and shows no control characters of peers", () => {
    const [, row] = tableOf([{ name: "user" }], [[`\u001b[2J${"x".repeat(100)}`]]).split("\n");
    expect(row).toBe(`?[2J${"x".repeat(55)}…`);
  });
});

it.each([
  [5, "5 s"],
  [3599, "59 min"],
  [7200, "2 h"],
  [200_000, "2 days"],
])("a duration of %d s is %s", (seconds, text) => {
  expect(durationOf(seconds)).toBe(text);
});
