// Publishes create-holdfast, which is no workspace, unless its version is published already.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const cwd = fileURLToPath(new URL("../create-holdfast", import.meta.url));
const { name, version } = JSON.parse(readFileSync(`${cwd}/package.json`, "utf8"));
const npm = (args, stdio) => spawnSync("npm", args, { cwd, stdio, encoding: "utf8" });
const { stdout } = npm(["view", `${name}@${version}`, "version"], "pipe");
if (stdout.trim() === version) console.log(`${name}@${version} is published already`);
else process.exitCode = npm(["publish", "--access", "public"], "inherit").status ?? 1;
