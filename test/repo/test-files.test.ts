/** Tests find their code: what of a package is tested, and where, follows from the path. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listSources } from "./imports.js";

const root = join(import.meta.dirname, "../..");

/** Whether `src/` has what a test is named after: `a/b.ts`, for `a/b.test.ts` and `a/b.aspect.test.ts` or `a/b-aspect.test.ts`. */
function hasSource(sources: ReadonlySet<string>, folders: ReadonlySet<string>, test: string): boolean {
  const stem = test.replace(/(?:\.property)?\.test\.tsx?$/, "");
  if (folders.has(stem)) return true;
  for (let name = stem; name !== ""; name = name.replace(/[-.][^-./]*$/, "")) {
    if (sources.has(name)) return true;
    if (!/[-.][^-./]*$/.test(name)) return false;
  }
  return false;
}

describe.each(["packages/holdfast", "packages/client", "packages/lab"])("tests of %s", (folder) => {
  const sources = listSources(join(root, folder, "src"));
  const stems = new Set(sources.map((path) => path.replace(/\.tsx?$/, "")));
  const folders = new Set(sources.flatMap((path) => path.split("/").slice(0, -1)));
  const tests = listSources(join(root, folder, "test")).filter((path) => /\.test\.tsx?$/.test(path));

  it("are named after the source that they test", () => {
    expect(tests.filter((test) => !hasSource(stems, folders, test))).toEqual([]);
  });

  it("notices one that tests nothing there is", () => {
    expect(hasSource(stems, folders, "nowhere/nothing.test.ts")).toBe(false);
    expect(existsSync(join(root, folder, "test"))).toBe(true);
  });
});
