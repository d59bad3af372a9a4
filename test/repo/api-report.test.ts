/** What the packages export is written down in api/, so that a change of it is seen in review. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");

it("the public API is the one in api/", () => {
  const script = join(root, "scripts/api-report.mjs");
  const { stderr, status } = spawnSync(process.execPath, [script, "--check"], {
    cwd: root,
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([0, ""]);
}, 240_000);
