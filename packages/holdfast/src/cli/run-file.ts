/**
 * The key with which programs of this machine, such as `holdfast publish`, connect to a showcase. It is new at each start and, while
 * the server runs, in a file that only its user can read. Source addresses would prove nothing, since a proxy on this machine
 * forwards everybody.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export interface RunKeys {
  readonly programKey: string;
  /** Only where the showcase has no folder for it. */
  readonly moderatorKey?: string;
}

/** The file of the showcase on a port of this machine. */
export function runFileOf(port: number, env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_RUNTIME_DIR || homedir(), ".holdfast", `showcase-${port}.json`);
}

/** @throws what the file system throws */
export function writeRunFile(file: string, keys: RunKeys): void {
  mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
  // One that was left behind could be readable by others.
  rmSync(file, { force: true });
  writeFileSync(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flag: "wx" });
}

export function removeRunFile(file: string): void {
  rmSync(file, { force: true });
}

/** @returns undefined where no showcase of this user listens there */
export function readProgramKey(file: string): string | undefined {
  try {
    const { programKey } = JSON.parse(readFileSync(file, "utf8")) as Partial<RunKeys>;
    return typeof programKey === "string" ? programKey : undefined;
  } catch {
    return undefined;
  }
}
