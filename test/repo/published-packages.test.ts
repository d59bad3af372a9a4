/** The packages as npm would get them: publint on their manifests and files, and arethetypeswrong on how compilers resolve their types. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const folders = ["packages/holdfast", "packages/client", "packages/lab", "create-holdfast"];
const target = mkdtempSync(join(tmpdir(), "holdfast-packed-"));

afterAll(() => rmSync(target, { recursive: true, force: true }));

describe.each(folders)("%s as published", (folder) => {
  const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  let tarball: Uint8Array<ArrayBuffer>;

  beforeAll(() => {
    const into = mkdtempSync(join(target, "package-"));
    execFileSync("npm", ["pack", "--pack-destination", into], {
      cwd: join(root, folder),
      stdio: "ignore",
      shell: process.platform === "win32",
    });
    const [name = ""] = readdirSync(into);
    tarball = Uint8Array.from(readFileSync(join(into, name)));
  }, 120_000);

  it("says where it comes from and where to report", () => {
    expect(manifest).toMatchObject({
      license: "MIT",
      author: expect.any(String),
      repository: { type: "git", url: expect.stringMatching(/^git\+https:.*\.git$/), directory: folder },
      bugs: { url: expect.stringMatching(/\/issues$/) },
      publishConfig: { access: "public" },
    });
  });

  it("has nothing that publint finds", async () => {
    const { messages } = await publint({ pack: { tarball: tarball.buffer }, strict: true });
    expect(messages.map((message) => formatMessage(message, manifest))).toEqual([]);
  });

  // It has a command only.
  it.skipIf(manifest.exports === undefined)("has types that every resolution of modules finds", async () => {
    const result = await checkPackage(createPackageFromTarballData(tarball));
    const problems = "problems" in result ? result.problems : [];
    // The packages are modules only: CommonJS of Node.js 20.19 and later can require them, which node10 and node16 do not know.
    const serious = problems.filter(({ kind }) => kind !== "CJSResolvesToESM");
    expect(serious).toEqual([]);
  });
});
