import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLines } from "../../src/cli/publish.js";

async function linesOf(chunks: readonly Uint8Array[], maxCharacters = 1000) {
  async function* input() {
    yield* chunks;
  }
  const lines: (string | undefined)[] = [];
  for await (const { number, text } of readLines(input(), maxCharacters)) {
    lines.push(text);
    expect(number).toBe(lines.length);
  }
  return lines;
}

const bytes = (text: string) => Buffer.from(text);

describe("lines of standard input", () => {
  it.each([
    ["", []],
    ["a", ["a"]],
    ["a\nb\n", ["a", "b"]],
    ["a\r\n\r\nb", ["a", "", "b"]],
    ["a\rb\n", ["a\rb"]],
    ["\uFEFFa\n\uFEFFb", ["a", "\uFEFFb"]],
  ])("of %j are %j", async (text, lines) => {
    expect(await linesOf([bytes(text)])).toEqual(lines);
  });

  it("are the same however the bytes come in pieces", async () => {
    const texts = fc.array(fc.string({ unit: "grapheme" }).map((text) => text.replace(/[\r\n\uFEFF]/g, "")));
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 1, max: 5 }), async (given, size) => {
        const all = bytes(given.map((line) => `${line}\n`).join(""));
        const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
          all.subarray(index * size, (index + 1) * size),
        );
        expect(await linesOf(chunks)).toEqual(given);
      }),
    );
  });

  it("that are too long are passed by, and only those", async () => {
    expect(await linesOf([bytes("12345\n123456\n"), bytes("123"), bytes("456"), bytes("7\nab")], 5)).toEqual([
      "12345",
      undefined,
      undefined,
      "ab",
    ]);
  });
});
