/**
 * A command and its terminal: where it writes (results to standard output, everything else to standard
 * error), which signals end it, and how to call it again.
 */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { isatty } from "node:tty";
import { fileURLToPath } from "node:url";
import { encodeJson } from "../wire/payload.js";

export function writeResult(value: unknown): void {
  process.stdout.write(`${encodeJson(value)}\n`);
}

export function writeText(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function writeNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A reader that closes early, such as `head`, is not an error, and neither is a terminal that hangs up. */
export function endQuietlyWithoutReader(): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    if (error.code !== "EIO") throw error;
  });
}

const standardStreams = [0, 1, 2];

/**
 * Signals that end a command: INT (Ctrl+C), TERM, and HUP. HUP says that the terminal is gone; to daemons, which have none, it
 * means to read their files again.
 * @param end called for each such signal
 * @param reload what HUP means while the terminal that the command was started from is there, or where there was none;
 * without it, HUP ends, too
 * @returns a function that removes the handlers
 */
export function onEndSignal(end: () => void, reload?: () => void): () => void {
  const terminals = standardStreams.filter((stream) => isatty(stream));
  const hangUp = () => {
    const isGone = terminals.length > 0 && !terminals.some((stream) => isatty(stream));
    if (isGone) process.once("exit", endByHangUp);
    if (reload === undefined || isGone) end();
    else reload();
  };
  const handlers = { SIGINT: end, SIGTERM: end, SIGHUP: hangUp } as const;
  const removeHandlers = () => {
    for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler);
  };
  // At its exit, Node.js would reset its terminals, and abort where they are gone.
  const endByHangUp = () => {
    removeHandlers();
    process.kill(process.pid, "SIGHUP");
  };
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
  return removeHandlers;
}

export interface Call {
  /** The file that runs, as `process.argv[1]` has it. */
  readonly script: string;
  /** The working directory. */
  readonly folder: string;
}

/**
 * How to call this command again from a terminal in that folder. `npx` asks a registry for what is not installed, so it is named
 * only where it finds this package.
 */
export function commandName({ script, folder }: Call): string {
  if (isFoundByNpx(script, folder)) return "npx holdfast";
  // A link in a folder of commands, where a shell found it.
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

/** Of this process, or of the `holdfast` command beside another program. */
export const ownName = commandName({
  script: realPath(started) === realPath(program) ? started : program,
  folder: process.cwd(),
});
