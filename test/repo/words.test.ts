/** What users read, in plain words: documents, pages, the command's output, and the texts of errors. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { unwantedPhrases, unwantedWords } from "./words.js";

const root = join(import.meta.dirname, "../..");
const all = [...unwantedWords, ...unwantedPhrases];
const patterns = all.map(({ words, instead }) => {
  const text = words.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&").replaceAll(" ", "\\s+");
  return { words, instead, pattern: new RegExp(`(?<![\\w-])${text}(?![\\w-])`, "i") };
});

/** @returns what to write instead of what is found in a text */
function findUnwanted(text: string): string[] {
  return patterns
    .filter(({ pattern }) => pattern.test(text))
    .map(({ words, instead }) => `${words} → ${instead}`);
}

const tracked = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" }).split("\n");
/** What was released is not rewritten. */
const documents = tracked.filter((path) => /\.md$/.test(path) && !/^(?:api|test)\/|^CHANGELOG/.test(path));
const pages = tracked.filter((path) => /^apps\/(?!.*\/test\/).*\.(?:html|tsx?)$/.test(path));
const programs = tracked.filter((path) =>
  /^(?:packages\/\w+\/src|create-holdfast)\/.*\.(?:m?js|tsx?)$/.test(path),
);

describe("words", () => {
  it("that are unwanted are found, across lines and in any case, but not within others", () => {
    expect(findUnwanted("A Seamless\nstart, in\n  order to play")).toHaveLength(2);
    expect(findUnwanted("oversimplyfied, robustness")).toEqual([]);
  });

  it.each([
    ["documents", documents],
    ["pages", pages],
    ["programs", programs],
  ])("in %s are plain", (_, paths) => {
    expect(paths.length).toBeGreaterThan(15);
    const found = paths.flatMap((path) =>
      findUnwanted(readFileSync(join(root, path), "utf8")).map((word) => `${path}: ${word}`),
    );
    expect(found).toEqual([]);
  });
});
