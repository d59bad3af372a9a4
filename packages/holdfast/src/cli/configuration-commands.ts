/** The subcommands around a configuration: `config`, `doctor` and `token`. */
import { type Command, Option } from "commander";
import { parseList } from "../config/option-text.js";
import { runConfig } from "./config.js";
import { runDoctor } from "./doctor.js";
import { withConfigFlag, withServerFlags } from "./server-flags.js";
import { runToken } from "./token.js";

/** @param end is told the exit code */
export function addConfigurationCommands(program: Command, end: (code: number) => void): void {
  addConfig(program);
  addDoctor(program, end);
  addToken(program, end);
}

function addConfig(program: Command): void {
  const command = program
    .command("config")
    .description("show or check the options in force, and where each comes from")
    .option("--print", "all options, their values and where each comes from (what it does by itself)")
    .option("--json", "the same as JSON")
    .option("--check", "say only whether the configuration is accepted")
    .option("--schema", "the JSON Schema of configurations, for editors");
  withServerFlags(command)
    .addHelpText(
      "after",
      `
Takes the flags of serve as well. Secrets are masked. Exit code 2 when the configuration is not accepted.

Examples:
  $ holdfast config
  $ holdfast config --check --config production.yaml
  $ holdfast config --schema > holdfast.schema.json
`,
    )
    .action(runConfig);
}

function addDoctor(program: Command, end: (code: number) => void): void {
  const command = program
    .command("doctor")
    .description("look a configuration over: what is unsafe or will not work, and what to do")
    .option("--json", "findings as JSON")
    .option("--strict", "warnings count as errors");
  withServerFlags(command)
    .addHelpText(
      "after",
      `
Takes the flags of serve as well. Exit code 1 when there are errors.

Examples:
  $ holdfast doctor
  $ holdfast doctor --config production.yaml --strict
`,
    )
    .action(async (choices) => end(await runDoctor(choices)));
}

function addToken(program: Command, end: (code: number) => void): void {
  const command = program.command("token").description("make a token for a client, or check one");
  withConfigFlag(command)
    .option("--user <id>", "whom it is for")
    .addOption(
      new Option("--channels <list>", "channels to be subscribed to at once, by comma").argParser(parseList),
    )
    .option("--channel <name>", "make the token of a subscription to this channel")
    .addOption(new Option("--roles <list>", "roles of the user, by comma").argParser(parseList))
    .option("--expires <time>", "how long it is good: 30s, 12h, 7d, never", "1h")
    .option("--info <json>", "what others see of the user")
    .option("--meta <json>", "what only hooks of the application see")
    .option("--id <text>", "what it can be revoked by (jti)")
    .addOption(new Option("--secret <text>", "instead of the configuration's").env("HOLDFAST_SECRET"))
    .option("--key <file>", "private key in PEM, to sign with it; with --check a public one will do")
    .option("--algorithm <name>", "such as HS512 or RS256 (default: HS256, or what suits the key)")
    .option("--key-id <text>", "what the token names its key by (kid)")
    .option("--check <token>", "say what is in a token, and whether it is accepted; - reads standard input")
    .option("--json", "with --check: as JSON")
    .addHelpText(
      "after",
      `
Takes secret, audience and issuer from the configuration (authenticate.jwt). What stands on a command line can be seen by
others on this machine, so for more than a try use the configuration or HOLDFAST_SECRET.

Examples:
  $ holdfast token --user ann
  $ holdfast token --user ann --channel chat:lobby --expires 10m
  $ holdfast token --user ann --roles admin --info '{"name":"Ann"}'
  $ holdfast token --check eyJhbGciOi…
  $ pbpaste | holdfast token --check -
`,
    )
    .action(async (choices) => end(await runToken(choices)));
}
