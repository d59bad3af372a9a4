/** The command line: subcommands, options, help and exit codes (0 done, 1 failed, 2 not understood). */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { type ErrorCode, HoldfastError, version } from "../index.js";
import { addConfigurationCommands } from "./configuration-commands.js";
import { runHistory } from "./history.js";
import { addLab } from "./lab.js";
import { writeNote } from "./output.js";
import { runPublish } from "./publish.js";
import { runServe } from "./serve.js";
import { type ServerFlags, withServerFlags } from "./server-flags.js";
import { runSubscribe } from "./subscribe.js";

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
 * Runs a program made with commander and says what went wrong as the `holdfast` command does.
 * @param create is given what sets the exit code of commands that have more to say than done or failed
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
      writeNote("For another port: holdfast serve --port 8001, or npm start -- --port 8001");
    return usageErrors.has(error.code) ? exitCodes.usage : exitCodes.failed;
  }
}

function createProgram(end: (code: number) => void): Command {
  const program = new Command("holdfast")
    .description("A real-time server: one open connection per client, channels that are logs.")
    .version(version)
    .exitOverride()
    .showHelpAfterError("(holdfast --help shows what is accepted)")
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast serve                              start a server on http://localhost:8000
  $ holdfast subscribe news                     print what is published in a channel
  $ holdfast publish news '{"hello":"world"}'   publish one message
  $ vmstat 1 | holdfast publish stats           publish each line of another program
  $ holdfast history news --limit 10            print the last messages
  $ holdfast lab --preset classic               measure what polling and WebSockets cost
  $ holdfast doctor                             look a configuration over
`,
    );
  addServe(program);
  addPublish(program);
  addSubscribe(program);
  addHistory(program);
  addLab(program, end);
  addConfigurationCommands(program, end);
  return program;
}

function addServe(program: Command): void {
  withServerFlags(subcommand(program, "serve", "start a server"))
    .addHelpText(
      "after",
      `
Each option can be a variable as well (--port is HOLDFAST_PORT), or stand in holdfast.config.ts, .js, .json or .yaml, which is
found in the working directory. A flag wins over a variable, and that over the file.

Without a configuration any visitor may use any channel, and nobody is asked who they are. That is why the server
listens on 127.0.0.1 only, unless --host says otherwise.

What is published is acknowledged when it will survive the end of the server, kill -9 included (--durability process).
With disk it survives the end of the machine, too, and takes longer; with memory it takes no time, and may be lost.

Examples:
  $ holdfast serve
  $ holdfast serve --port 9000
  $ holdfast serve --config production.yaml
  $ holdfast serve --data /var/lib/holdfast --durability disk
  $ holdfast serve --data memory
  $ HOLDFAST_PORT=9000 holdfast serve
  $ holdfast serve --tls-cert cert.pem --tls-key key.pem --compression
  $ holdfast serve --allowed-origins https://example.com,https://www.example.com
`,
    )
    .action((flags: ServerFlags) => runServe(flags));
}

function addPublish(program: Command): void {
  withServerUrl(subcommand(program, "publish", "publish one message, or each line of standard input"))
    .argument("<channel>", "name of the channel")
    .argument("[data]", "the message: JSON, or else plain text")
    .addHelpText(
      "after",
      `
Lines that are JSON are published as that, others as text. Each is published after the one before was acknowledged.
When the connection breaks the line under way is sent again; it counts once, also when the server was restarted.

Examples:
  $ holdfast publish news '{"headline":"It works"}'
  $ holdfast publish news "plain text"
  $ vmstat 1 | holdfast publish stats
  $ tail -f app.log | holdfast publish logs:app
`,
    )
    .action(runPublish);
}

function addSubscribe(program: Command): void {
  withServerUrl(subcommand(program, "subscribe", "print each publication of a channel as one line of JSON"))
    .argument("<channel>", "name of the channel")
    .option(
      "--since <epoch:offset>",
      "begin after this position instead of now; 0 for everything that is kept",
    )
    .addOption(new Option("--count <number>", "end after this many publications").argParser(toInteger))
    .addHelpText(
      "after",
      `
Reconnects by itself and goes on where it was; what could not be recovered is said on standard error.

Examples:
  $ holdfast subscribe news
  $ holdfast subscribe news --since 0 --count 10
  $ holdfast subscribe stats | jq .data
`,
    )
    .action(runSubscribe);
}

function addHistory(program: Command): void {
  withServerUrl(subcommand(program, "history", "print what a channel keeps, one line of JSON each"))
    .argument("<channel>", "name of the channel")
    .addOption(
      new Option(
        "--limit <number>",
        "at most this many, and 300 at once: the newest, or with --since the first after it",
      )
        .argParser(toInteger)
        .default(100),
    )
    .option("--since <epoch:offset>", "only what follows this position")
    .option("--reverse", "newest first")
    .option(
      "--data <folder>",
      "read a store's folder instead of asking a server, which may be running or not",
    )
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast history news
  $ holdfast history news --data ./holdfast-data
  $ holdfast history news --limit 1 --reverse
`,
    )
    .action(runHistory);
}

function subcommand(program: Command, name: string, description: string): Command {
  return program.command(name).description(description);
}

function withServerUrl(command: Command): Command {
  return command
    .addOption(new Option("--url <url>", "the server").env("HOLDFAST_URL").default("http://localhost:8000"))
    .addOption(
      new Option("--user <name>", "who to be, where the server believes its clients").env("HOLDFAST_USER"),
    )
    .addOption(new Option("--token <token>", "a token, where the server asks for one").env("HOLDFAST_TOKEN"));
}

function toInteger(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError("It must be a whole number.");
  return value;
}
