#!/usr/bin/env node
// `npm create holdfast my-app`, or `node create-holdfast/index.mjs my-app` in a checkout: writes a first application into a new folder.
// The template's own files are copied as they stand; only package.json gets its name and version, and .env a secret of its own.
import { randomBytes } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
/** Those of this repository that the application uses, and where they are in a checkout. */
const packages = ["holdfast", "@holdfast/client"];
const folders = ["packages/holdfast", "packages/client"];
const usage = "usage: create-holdfast FOLDER, a new or an empty one";

/** @returns why nothing can be written there, if so */
function findFault(folder) {
  if (!existsSync(folder)) return undefined;
  if (!statSync(folder).isDirectory()) return `${folder} is a file; name a new folder, or an empty one`;
  if (readdirSync(folder).length > 0) return `${folder} is not empty; name a new folder, or an empty one`;
  return undefined;
}

/** A name that npm accepts, as near to the folder's as can be. */
function packageNameOf(folder) {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+|-+$/g, "");
  // Installed into itself, it would hide the package.
  return name === "" || name === "holdfast" || name === "node_modules" ? "my-app" : name.slice(0, 200);
}

/** The checkout that this folder is part of, where there is one: packages are installed from there then. */
function findCheckout() {
  const manifest = join(here, "../package.json");
  const isCheckout =
    existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name === "holdfast-workspace";
  return isCheckout ? dirname(here) : undefined;
}

function write(folder) {
  mkdirSync(folder, { recursive: true });
  cpSync(join(here, "template"), folder, { recursive: true });
  // npm leaves files of this name out of packages.
  renameSync(join(folder, "gitignore"), join(folder, ".gitignore"));
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const { version } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
  manifest.name = packageNameOf(folder);
  for (const name of packages) manifest.dependencies[name] = version;
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const secret = randomBytes(48).toString("base64url");
  writeFileSync(join(folder, ".env"), `TOKEN_SECRET=${secret}\n`, { mode: 0o600 });
}

const quoted = (path) => (/^[\w./\\:@-]+$/.test(path) ? path : JSON.stringify(path));

/** @returns the folder to write to; asked for only at a terminal */
async function askFolder() {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question("Folder of the new application (my-app): ");
  terminal.close();
  return answer.trim() || "my-app";
}

async function main([given, ...others]) {
  if (given === "--help" || given === "-h") return process.stdout.write(`${usage}\n`);
  if (others.length > 0 || given?.startsWith("-")) throw new Error(usage);
  const name = given ?? (await askFolder());
  if (!name) throw new Error(usage);
  const folder = resolve(name);
  const fault = findFault(folder);
  if (fault) throw new Error(fault);
  write(folder);
  const checkout = findCheckout();
  const steps = [
    ...(folder === process.cwd() ? [] : [`cd ${quoted(name)}`]),
    checkout
      ? `npm install ${folders.map((each) => quoted(join(relative(folder, checkout), each))).join(" ")}`
      : "npm install",
    "npm start",
  ];
  process.stdout.write(
    `${folder} has a first application. Next:\n\n${steps.map((step) => `  ${step}\n`).join("")}\n`,
  );
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`create-holdfast: ${error.message}\n`);
  process.exitCode = 1;
}
