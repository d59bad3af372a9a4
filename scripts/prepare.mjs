// What every command of this repository needs first: the right Node.js, the locked dependencies, a current build.
// Plain JavaScript without dependencies, because it runs before there are any.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const installStamp = join(root, "node_modules", ".holdfast-lock");
const needed = [20, 19];

/** The parts of the build: each is built again only when one of its inputs has changed. */
const parts = [
  compiled({ name: "server", folder: "packages/holdfast", needs: [], keeps: "console" }),
  compiled({ name: "client", folder: "packages/client", needs: ["packages/holdfast"] }),
  compiled({ name: "lab", folder: "packages/lab", needs: ["packages/holdfast"] }),
  compiled({
    name: "showcase",
    folder: "apps/showcase",
    needs: ["packages/holdfast", "packages/lab"],
    project: "tsconfig.server.json",
    keeps: "pages",
  }),
  pages({
    name: "console",
    needs: ["apps/console", "apps/showcase/shared"],
    output: "packages/holdfast/dist/console",
  }),
  pages({
    name: "showcase",
    part: "pages",
    needs: ["apps/showcase", "packages/client", "packages/holdfast", "packages/lab"],
    output: "apps/showcase/dist/pages",
  }),
];

/**
 * Pages that Vite builds.
 * @param {{ name: string, part?: string, needs: string[], output: string }} pages `name`: of the folder of apps/
 */
function pages({ name, part = name, needs, output }) {
  const config = `apps/${name}/vite.config.ts`;
  return {
    name: part,
    inputs: [...needs.flatMap(sourcesOf), "package-lock.json"],
    output: `${output}/index.html`,
    command: ["node_modules/vite/bin/vite.js", "build", "--config", config, "--logLevel", "warn"],
    clean() {},
  };
}

/**
 * A folder that the TypeScript compiler turns into dist/.
 * @param {{ name: string, folder: string, needs: string[], project?: string, keeps?: string }} part
 *   `needs`: folders it is compiled against; `keeps`: what another part puts into dist/
 */
function compiled({ name, folder, needs, project = "tsconfig.json", keeps }) {
  const dist = join(root, folder, "dist");
  return {
    name,
    inputs: [...[folder, ...needs].flatMap(sourcesOf), "tsconfig.base.json", "package-lock.json"],
    output: `${folder}/dist`,
    command: ["node_modules/typescript/bin/tsc", "-p", join(folder, project)],
    // Without this, the output of a source file that is gone would stay in the package.
    clean() {
      rmSync(join(root, `.cache/${name === "server" ? "holdfast" : name}.tsbuildinfo`), { force: true });
      for (const entry of existsSync(dist) ? readdirSync(dist) : [])
        if (entry !== keeps) rmSync(join(dist, entry), { recursive: true, force: true });
    },
  };
}

/** @param {string} message */
export function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/**
 * Runs a program to its end with this terminal.
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {number} its exit code
 */
export function run(command, args, env = process.env) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    env,
    shell: process.platform === "win32" && command === "npm",
  });
  if (error) fail(`Could not run ${command}: ${error.message}`);
  return status ?? 1;
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > needed[0] || (major === needed[0] && minor >= needed[1])) return;
  fail(
    `Holdfast needs Node.js ${needed.join(".")} or later; this is ${process.versions.node}.\n` +
      "Get a current one from https://nodejs.org and run the same command again.",
  );
}

function ensureInstalled() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(installStamp) && readFileSync(installStamp, "utf8") === lock) return;
  process.stdout.write("Installing dependencies from package-lock.json …\n");
  if (run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]) !== 0)
    fail("npm ci failed: see its message above. Check the network and run the same command again.");
  writeFileSync(installStamp, lock);
}

/** @param {string} folder of a package @returns {string[]} what its build reads */
function sourcesOf(folder) {
  return folder.startsWith("apps/")
    ? [folder]
    : ["src", "package.json", "tsconfig.json"].map((name) => join(folder, name));
}

/** Folders of packages that no build reads. */
const notSources = new Set(["dist", "node_modules", "test"]);

/** @param {string} path relative to the root @param {import("node:crypto").Hash} hash */
function hashInto(path, hash) {
  const absolute = join(root, path);
  try {
    const names = readdirSync(absolute, { withFileTypes: true });
    for (const entry of names.sort((a, b) => (a.name < b.name ? -1 : 1)))
      if (!notSources.has(entry.name)) hashInto(join(path, entry.name), hash);
  } catch {
    hash.update(path).update("\0").update(readFileSync(absolute));
  }
}

export function ensureBuilt() {
  const stamps = join(root, ".cache");
  mkdirSync(stamps, { recursive: true });
  for (const part of parts) {
    const hash = createHash("sha256");
    for (const input of part.inputs) hashInto(input, hash);
    const digest = hash.digest("hex");
    const stamp = join(stamps, `built-${part.name}`);
    const isCurrent = existsSync(stamp) && readFileSync(stamp, "utf8") === digest;
    if (isCurrent && existsSync(join(root, part.output))) continue;
    process.stdout.write(`Building the ${part.name} …\n`);
    // What a build that fails leaves is not what the stamp says, should its inputs come back.
    rmSync(stamp, { force: true });
    part.clean();
    if (run(process.execPath, part.command) !== 0)
      fail(`Building the ${part.name} failed: see the message above.`);
    writeFileSync(stamp, digest);
  }
}

/** Brings a checkout to the state in which the built server can run. */
export function prepare() {
  checkNode();
  ensureInstalled();
  ensureBuilt();
}
