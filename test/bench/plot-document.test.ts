import { escapeXml, wrapWords } from "@holdfast/lab/report";
import { describe, expect, it } from "vitest";
import { barsPanel, drawDocument } from "../../bench/reports/plot-document.js";

describe("SVG of plots", () => {
  it("escapes what is markup elsewhere", () => {
    expect(escapeXml(`<a href="x">&`)).toBe("&lt;a href=&quot;x&quot;&gt;&amp;");
  });

  it("breaks lines between words", () => {
    expect(wrapWords("one two three", 7)).toEqual(["one two", "three"]);
    expect(wrapWords("", 7)).toEqual([]);
  });

  it("has colours for light and dark, a name, and every bar with its label", () => {
    const bars = [
      { name: "first", series: "s0", value: 10, label: "10 a second" },
      { name: "second", series: "s1", value: undefined, label: "not installed" },
    ] as const;
    const panels = [barsPanel({ heading: "Heading", bars })];
    const drawn = drawDocument({ title: "Title", subtitle: "Less < more", panels, footer: "Footer" });
    for (const part of ["prefers-color-scheme:dark", "10 a second", "not installed", 'role="img"'])
      expect(drawn).toContain(part);
    expect(drawn).toContain("Less &lt; more");
    expect(drawn.match(/<rect/g)).toHaveLength(2);
  });
});
