/** `holdfast lab`: the command of the package `@holdfast/lab`, where that is installed. */
import type { Command } from "commander";
import { HoldfastError } from "../errors.js";

const packageName = "@holdfast/lab";

interface LabPackage {
  readonly runLabCommand: (args: readonly string[]) => Promise<number>;
}

/** @param end receives the exit code */
export function addLab(program: Command, end: (code: number) => void): void {
  program
    .command("lab")
    .description(`measure what polling, long polling, streams and WebSockets cost (needs ${packageName})`)
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (_options: object, command: Command) =>
      end(await (await loadLab()).runLabCommand(command.args)),
    );
}

/** @throws HF_CLI_USAGE where the package is not installed */
async function loadLab(): Promise<LabPackage> {
  const entry = `${packageName}/command`;
  try {
    return (await import(entry)) as LabPackage;
  } catch (cause) {
    if (
      (cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND" ||
      !String(cause).includes(`'${packageName}'`)
    )
      throw cause;
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `holdfast lab needs the package ${packageName}: npm install ${packageName}, or npx ${packageName} without installing it`,
      { cause },
    );
  }
}
