// Finds a Chromium for the browser tests, or installs Debian's where that is possible (root and apt-get).
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { aptInstall, canUseApt } from "./debian.mjs";
import { fail } from "./prepare.mjs";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
const wellKnown = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
];

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function findChromium() {
  const named = process.env.CHROMIUM_PATH;
  if (named) {
    if (!isExecutable(named)) fail(`CHROMIUM_PATH is ${named}, but there is no program of that name.`);
    return named;
  }
  const folders = (process.env.PATH ?? "").split(delimiter);
  const candidates = [...names.flatMap((name) => folders.map((folder) => join(folder, name))), ...wellKnown];
  return candidates.find((path) => existsSync(path) && isExecutable(path));
}

/** @returns {string | undefined} the path of a Chromium; undefined where there is none and that is allowed */
export function ensureChromium() {
  const found = findChromium();
  if (found) return found;
  if (canUseApt()) {
    process.stdout.write("Installing Debian's chromium for the browser tests …\n");
    aptInstall(["chromium", "fonts-dejavu-core"]);
    const installed = findChromium();
    if (installed) return installed;
  }
  const advice =
    "No Chromium was found. Install Chromium or Chrome (on Debian and Ubuntu: sudo apt-get install chromium), " +
    "or set CHROMIUM_PATH to one.";
  if (process.env.CI === "true") fail(`${advice} With CI=true the browser tests must run.`);
  process.stderr.write(`${advice}\nThe browser tests are skipped.\n`);
  return undefined;
}
