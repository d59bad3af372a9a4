import { describe, expect, it } from "vitest";
import { splitLinks } from "../../chat/model/message.js";

const links = (text: string) => splitLinks(text).flatMap(({ href }) => href ?? []);

describe("links in a text", () => {
  it("are cut out without losing a character", () => {
    const text = "see https://example.org/a?b=c#d, or\nhttp://localhost:8000/x";
    const parts = splitLinks(text);
    expect(parts.map((part) => part.text).join("")).toBe(text);
    expect(links(text)).toEqual(["https://example.org/a?b=c#d", "http://localhost:8000/x"]);
  });

  it.each([
    ["end of a sentence", "https://example.org/a.", "https://example.org/a"],
    ["in brackets", "(https://example.org/a)", "https://example.org/a"],
    ["with brackets of its own", "https://example.org/a_(b)", "https://example.org/a_(b)"],
    ["both", "(https://example.org/a_(b)).", "https://example.org/a_(b)"],
    ["quoted", "“https://example.org/a”", "https://example.org/a"],
    ["upper case", "HTTPS://EXAMPLE.ORG", "https://example.org/"],
  ])("leave punctuation to the sentence: %s", (_case, text, href) => {
    expect(links(text)).toEqual([href]);
  });

  it.each(["javascript:alert(1)", "data:text/html,x", "https://", "http://[", "ahttps://b.c", "file:///etc"])(
    "are not made of %s",
    (text) => {
      expect(splitLinks(text)).toEqual([{ text, href: undefined }]);
    },
  );

  it("are none in an empty text", () => {
    expect(splitLinks("")).toEqual([]);
  });
});
