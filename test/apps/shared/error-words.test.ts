import { describe, expect, it } from "vitest";
import { wordsOf } from "../../../apps/showcase/shared/error-words.js";

describe("wordsOf", () => {
  it.each([
    ["notify was refused: nobody here is called Bo (code 404)", "nobody here is called Bo"],
    [
      "the history of a:b was refused: permission denied (code 103)",
      "the history of a:b was refused: permission denied",
    ],
    ["notify got no answer in time", "notify got no answer in time"],
  ])("of %s are %s", (message, words) => {
    expect(wordsOf(new Error(message))).toBe(words);
  });

  it("are there for whatever is thrown", () => {
    expect(wordsOf("no")).toBe("no");
  });
});
