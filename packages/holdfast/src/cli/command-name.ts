/** How the person at this terminal calls this command again. `npx` asks a registry for what is not installed here, so it is named only where it finds this package. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export interface Call {
  /** The file that runs, as `process.argv[1]` has it. */
  readonly script: string;
  /** The working directory. */
  readonly folder: string;
}

export function commandName({ script, folder }: Call): string {
  if (isFoundByNpx(script, folder)) return "npx holdfast";
  // A link in a folder of commands, by which a shell found it.
  if (basename(script) === "holdfast") return "holdfast";
  const path = relative(folder, script);
  const short = path.startsWith("..") ? script : path;
  return `node ${/\s/.test(short) ? JSON.stringify(short) : short}`;
}

/** Whether this package is that of the folder, or installed there or above. */
function isFoundByNpx(script: string, folder: string): boolean {
  const own = realPath(script);
  for (let at = folder; ; at = dirname(at)) {
    if (own !== undefined && realPath(join(at, "node_modules/.bin/holdfast")) === own) return true;
    if (isPackage(at)) return own === realPath(join(at, "bin/holdfast.js"));
    if (dirname(at) === at) return false;
  }
}

function isPackage(folder: string): boolean {
  const manifest = join(folder, "package.json");
  return existsSync(manifest) && /"name":\s*"holdfast"/.test(readFileSync(manifest, "utf8"));
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

const program = fileURLToPath(new URL("../../bin/holdfast.js", import.meta.url));
const started = process.argv[1] ?? program;

/** Of this process, or of the command beside the program that this is. */
export const ownName = commandName({
  script: realPath(started) === realPath(program) ? started : program,
  folder: process.cwd(),
});
