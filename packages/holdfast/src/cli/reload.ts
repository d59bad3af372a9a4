/** `holdfast reload`: has a running `holdfast serve` replaced by the version that is installed now. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { findOwner } from "../brokers/lmdb/store-folder.js";
import { loadConfiguration } from "../config/load-config.js";
import { HoldfastError } from "../errors.js";
import { sourcesOf, toInteger, withConfigFlag } from "./server-flags.js";
import { writeText } from "./terminal.js";

interface ReloadFlags {
  readonly config?: string;
  readonly data?: string;
  readonly pid?: number;
}

export function addReload(program: Command): void {
  withConfigFlag(
    program
      .command("reload")
      .description("replace a running server by the installed version; clients stay connected"),
  )
    .option("--data <folder>", "the server's store, by which it is found")
    .option("--pid <number>", "its process id, if it has no store in a folder", toInteger)
    .addHelpText(
      "after",
      `
The same as SIGUSR2, or SIGHUP, to the process. What comes of it stands in the
server's log: if the new version does not start, the one that runs goes on.

Examples:
  $ holdfast reload
  $ holdfast reload --data /var/lib/holdfast
  $ holdfast reload --pid 4711
`,
    )
    .action((flags: ReloadFlags) => reload(flags));
}

async function reload(flags: ReloadFlags): Promise<void> {
  const pid = flags.pid ?? (await findProcess(flags));
  if (!understandsReload(pid))
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `process ${pid} is no server that can be reloaded: it must be "holdfast serve" of a version that has "holdfast reload"`,
    );
  try {
    process.kill(pid, "SIGUSR2");
  } catch (cause) {
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `process ${pid} cannot be signalled: it has ended, or is another user's`,
      {
        cause,
      },
    );
  }
  writeText(`Process ${pid} was told to reload. Its log says what comes of it.`);
}

/** The server that has the store open; if it is a worker, it tells the first process. */
async function findProcess({ config, data }: ReloadFlags): Promise<number> {
  const flags = data === undefined ? {} : { data };
  const { options } = await loadConfiguration({ ...sourcesOf(config), flags });
  if (options.data == null)
    throw new HoldfastError(
      "HF_CLI_USAGE",
      "the server has no store in a folder to be found by: name it with --pid",
    );
  const folder = resolve(options.data);
  const owner = findOwner(folder);
  if (owner !== undefined) return owner.pid;
  throw new HoldfastError(
    "HF_CLI_USAGE",
    `no server uses the store in ${folder}: name another (--data), or its process (--pid)`,
  );
}

/** From 0. */
const sigusr2Bit = 11n;

/** A process that does not handle the signal would end. Only Linux says which signals a process handles. */
function understandsReload(pid: number): boolean {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return !existsSync("/proc/self/status");
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(status, "utf8"))?.[1];
  return caught === undefined || ((BigInt(`0x${caught}`) >> sigusr2Bit) & 1n) === 1n;
}
