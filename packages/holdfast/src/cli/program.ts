/** The command line: its subcommands, and exit codes (0 done, 1 failed, 2 wrong usage). */
import { Command, CommanderError } from "commander";
import { type ErrorCode, HoldfastError, version } from "../index.js";
import { addCompletion } from "./completion.js";
import { addConfig, addDoctor } from "./config.js";
import { addInspection } from "./inspect.js";
import { addNodes } from "./nodes.js";
import { addPublish } from "./publish.js";
import { addReload } from "./reload.js";
import { addServe } from "./serve.js";
import { addStore } from "./store.js";
import { addHistory, addSubscribe } from "./subscribe.js";
import { writeNote } from "./terminal.js";
import { addToken } from "./token.js";
import { addWhy } from "./why.js";

export const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

const usageErrors: ReadonlySet<ErrorCode> = new Set([
  "HF_CLI_USAGE",
  "HF_OPTION_INVALID",
  "HF_CONFIG_INVALID",
]);

/** @returns the exit code */
export function runProgram(argv: readonly string[]): Promise<number> {
  return runCommand(createProgram, argv);
}

/**
 * Runs a program made with commander, and reports errors as the `holdfast` command does.
 * @param create is given a function that sets the exit code
 * @returns the exit code
 */
export async function runCommand(
  create: (end: (code: number) => void) => Command,
  argv: readonly string[],
): Promise<number> {
  let code: number = exitCodes.done;
  try {
    await create((ended) => {
      code = ended;
    }).parseAsync([...argv]);
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    if (!(error instanceof HoldfastError)) throw error;
    writeNote(`holdfast: ${error.message}`);
    if (error.code === "HF_SERVER_LISTEN")
      writeNote("To use another port: holdfast serve --port 8001, or npm start -- --port 8001");
    return usageErrors.has(error.code) ? exitCodes.usage : exitCodes.failed;
  }
}

function createProgram(end: (code: number) => void): Command {
  const program = new Command("holdfast")
    .description("A real-time server: one open connection per client, channels that are logs.")
    .version(version)
    .exitOverride()
    .showHelpAfterError("(see holdfast --help)")
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast serve                              start a server on http://localhost:8000
  $ holdfast reload                             replace it by the installed version
  $ holdfast subscribe news                     print the publications of a channel
  $ holdfast publish news '{"hello":"world"}'   publish one message
  $ vmstat 1 | holdfast publish stats           publish each line of another program
  $ holdfast history news --limit 10            print the newest messages
  $ holdfast nodes                              list the nodes of a server
  $ holdfast explain chat:lobby --user ann      say what the rules of a channel allow
  $ holdfast why --channel news --user ann      say why a user did or did not get a message
  $ holdfast lab --preset classic               measure what polling and WebSockets cost
  $ holdfast doctor                             check a configuration
  $ holdfast store backup /backups/monday       copy the data while a server uses it
`,
    );
  addServe(program);
  addReload(program);
  addPublish(program);
  addSubscribe(program);
  addHistory(program);
  addNodes(program);
  addInspection(program);
  addWhy(program);
  addLab(program, end);
  addConfig(program);
  addDoctor(program, end);
  addStore(program, end);
  addToken(program, end);
  addCompletion(program);
  return program;
}

/** The package of `holdfast lab`, which need not be installed. */
const labPackage = "@holdfast/lab";

interface LabPackage {
  readonly runLabCommand: (args: readonly string[]) => Promise<number>;
}

/** @param end receives the exit code */
export function addLab(program: Command, end: (code: number) => void): void {
  program
    .command("lab")
    .description(`measure what polling, long polling, streams and WebSockets cost (needs ${labPackage})`)
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (_options: object, command: Command) =>
      end(await (await loadLab()).runLabCommand(command.args)),
    );
}

/** @throws HF_CLI_USAGE where the package is not installed */
async function loadLab(): Promise<LabPackage> {
  const entry = `${labPackage}/command`;
  try {
    return (await import(entry)) as LabPackage;
  } catch (cause) {
    if (
      (cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND" ||
      !String(cause).includes(`'${labPackage}'`)
    )
      throw cause;
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `holdfast lab needs the package ${labPackage}: npm install ${labPackage}, or npx ${labPackage} without installing it`,
      { cause },
    );
  }
}
