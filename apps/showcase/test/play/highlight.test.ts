import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { highlight } from "../../play/model/highlight.js";

const kinds = (code: string) =>
  highlight(code)
    .filter(({ kind }) => kind !== "text")
    .map(({ kind, text }) => `${kind} ${text}`);

describe("colours of code", () => {
  it.each([
    ["const a = 12.5;", ["keyword const", "number 12.5"]],
    ['say("a \\" // b"); // end', ['string "a \\" // b"', "comment // end"]],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code.
    ["`${me} \\` x`", ["string `${me} \\` x`"]],
    ["/* open", ["comment /* open"]],
    ["room.room(connect)", ["name room", "name connect"]],
    ["constant.of", []],
  ])("%s", (code, expected) => {
    expect(kinds(code)).toEqual(expected);
  });

  it("lose no character, whatever is written", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (code) => {
        expect(
          highlight(code)
            .map(({ text }) => text)
            .join(""),
        ).toBe(code);
      }),
      { seed: 7 },
    );
  });
});
