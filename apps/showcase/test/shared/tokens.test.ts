import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const shared = join(import.meta.dirname, "../../shared");
const css = readFileSync(join(shared, "tokens.css"), "utf8");
const [light = "", dark = ""] = css.split("@media (prefers-color-scheme: dark)");

/** Text and the background it stands on. */
const textPairs = [
  ...["paper", "surface", "surface-raised"].flatMap((ground) =>
    ["ink", "ink-soft", "accent", "link", "bad", "up", "down", "poll", "long-poll", "socket"].map(
      (text) => [text, ground] as const,
    ),
  ),
  ["accent-ink", "accent"],
  ["accent-ink", "accent-hover"],
  ["accent", "accent-tint"],
  ["own-ink", "own"],
  ["link", "own"],
  ["deep-ink", "deep"],
  ["deep-soft", "deep"],
  ["deep-ink", "deep-hover"],
  ["deep-soft", "deep-hover"],
  ["good", "good-tint"],
  ["wait", "wait-tint"],
  ["wait", "paper"],
  ["bad", "bad-tint"],
] as const;

/** Borders of fields and focus rings: what a person must see, without reading it. */
const shapePairs = [
  ["line-strong", "paper"],
  ["line-strong", "surface"],
  ["focus", "paper"],
  ["deep-accent", "deep"],
] as const;

function colours(block: string): Map<string, string> {
  return new Map(
    [...block.matchAll(/--([a-z-]+): (#[0-9a-f]{6})/g)].map(([, name = "", value = ""]) => [name, value]),
  );
}

/** WCAG 2.2: relative luminance. */
function luminance(colour: string): number {
  const parts = [1, 3, 5].map((start) => Number.parseInt(colour.slice(start, start + 2), 16) / 255);
  const [red = 0, green = 0, blue = 0] = parts.map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(first: string, second: string): number {
  const [low = 0, high = 0] = [luminance(first), luminance(second)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

describe.each([
  ["light", colours(light)],
  ["dark", new Map([...colours(light), ...colours(dark)])],
])("colours in %s", (_scheme, colour) => {
  it.each(textPairs)("%s can be read on %s (WCAG AA, 4.5:1)", (text, ground) => {
    expect(contrast(colour.get(text) ?? "", colour.get(ground) ?? "")).toBeGreaterThanOrEqual(4.5);
  });

  it.each(shapePairs)("%s can be seen on %s (WCAG AA, 3:1)", (shape, ground) => {
    expect(contrast(colour.get(shape) ?? "", colour.get(ground) ?? "")).toBeGreaterThanOrEqual(3);
  });
});

describe("faces", () => {
  const source = readFileSync(join(shared, "avatar.tsx"), "utf8");
  const found = [...source.matchAll(/#[0-9a-f]{6}/g)].map(([colour]) => colour);

  it.each(found)("carry white initials on %s (WCAG AA, 4.5:1)", (colour) => {
    expect(contrast("#ffffff", colour)).toBeGreaterThanOrEqual(4.5);
  });

  it("have several colours", () => {
    expect(found.length).toBeGreaterThan(5);
  });
});
