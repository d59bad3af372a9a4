/** What a tutorial tells its reader to do: the commands to run, and the files to write. */
import { readFileSync } from "node:fs";

export interface Tutorial {
  /** Blocks of commands that end by themselves, in order. */
  readonly runs: readonly string[];
  /** Those that start a server. */
  readonly servers: readonly string[];
  /** By their path in the reader's folder. */
  readonly files: ReadonlyMap<string, string>;
}

const block = /(?:<!-- ([^\n]*) -->\n)?```(\w+)\n(.*?)^```$/gms;

/** @throws Error for code without the name of its file */
export function readTutorial(page: string): Tutorial {
  const runs: string[] = [];
  const servers: string[] = [];
  const files = new Map<string, string>();
  for (const [, mark = "", language = "", code = ""] of readFileSync(page, "utf8").matchAll(block)) {
    const named = /^file: (\S+)$/.exec(mark)?.[1] ?? /^\/\/ (\S+)\n/.exec(code)?.[1];
    if (mark === "run") runs.push(code);
    else if (mark === "run: server") servers.push(code);
    else if (language !== "sh") {
      if (named === undefined) throw new Error(`${page} has code that belongs to no file:\n${code}`);
      files.set(named, code);
    }
  }
  return { runs, servers, files };
}
