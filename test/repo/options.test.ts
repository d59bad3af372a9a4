/** What is written from the descriptions of options is as they say: `npm run docs` writes it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configOptions } from "../../packages/holdfast/src/config/settings.js";
import { generate } from "../../scripts/docs.js";

const root = join(import.meta.dirname, "../..");

describe("options", () => {
  it.each(generate().map(({ file, text }) => [file, text]))(
    "%s is as npm run docs writes it",
    (file, text) => {
      expect(readFileSync(join(root, file), "utf8")).toBe(text);
    },
  );

  it("have a line with their flag in the reference", () => {
    const page = readFileSync(join(root, "docs/reference/options.md"), "utf8");
    for (const { path, flag } of configOptions.filter(({ path }) => !path.startsWith("tls.")))
      expect(page).toContain(`\n| \`${path}\` (\`${flag}\`) | `);
  });
});
