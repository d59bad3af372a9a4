import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mutations } from "./mutations.js";

describe("mutations", () => {
  it.each(mutations)("$name finds its place in the build", ({ file, find }) => {
    const code = readFileSync(join(import.meta.dirname, "../../packages/holdfast/dist", file), "utf8");
    expect(code.split(find)).toHaveLength(2);
  });

  it("have names of their own", () => {
    expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
  });
});
