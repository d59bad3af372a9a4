// Before a package is packed: builds it, and puts beside it what is kept once for the repository. `--undo` takes that away again.
import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ensureBuilt, root } from "./prepare.mjs";

const folder = process.cwd();
const isServer = folder === join(root, "packages/holdfast");
const copied = [
  "LICENSE",
  ...(isServer ? ["README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", "docs", "examples"] : []),
];

if (process.argv.includes("--undo")) {
  for (const name of copied) rmSync(join(folder, name), { recursive: true, force: true });
} else {
  // Standard output is npm's, where it was asked for JSON.
  console.log = console.error;
  ensureBuilt();
  for (const name of copied)
    if (existsSync(join(root, name))) cpSync(join(root, name), join(folder, name), { recursive: true });
}
