/** `holdfast completion`: scripts that complete commands and flags, made of the commands there are. */
import { type Command, Option } from "commander";
import { HoldfastError } from "../errors.js";
import { writeText } from "./terminal.js";

const shells = ["bash", "zsh", "fish"] as const;

interface Completed {
  readonly name: string;
  readonly description: string;
  readonly subcommands: readonly string[];
  readonly flags: readonly { readonly flag: string; readonly description: string }[];
}

export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("print a script that completes commands and flags")
    .argument("<shell>", shells.join(", "))
    .addHelpText(
      "after",
      `
Examples:
  $ source <(holdfast completion bash)
  $ holdfast completion zsh > "\${fpath[1]}/_holdfast"
  $ holdfast completion fish > ~/.config/fish/completions/holdfast.fish
`,
    )
    .action((shell: string) => {
      const known = shells.find((each) => each === shell);
      if (known === undefined)
        throw new HoldfastError(
          "HF_CLI_USAGE",
          `no completion for ${shell}: name one of ${shells.join(", ")}`,
        );
      writeText(completionFor(known, program));
    });
}

export function completionFor(shell: (typeof shells)[number], program: Command): string {
  const commands = program.commands.map(toCompleted);
  if (shell === "fish") return fish(commands);
  return shell === "zsh" ? zsh(commands) : bash(commands);
}

function toCompleted(command: Command): Completed {
  const all = [command, ...command.commands].flatMap((each) => each.options);
  // Subcommands share some.
  const options = [
    ...new Map([...all, new Option("--help", "show help")].map((each) => [each.long, each])).values(),
  ];
  return {
    name: command.name(),
    description: oneLine(command.description()),
    subcommands: command.commands.map((each) => each.name()),
    flags: options
      .filter(({ long, hidden }) => long && !hidden)
      .map(({ long, description }) => ({ flag: long as string, description: oneLine(description) })),
  };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function wordsOf({ subcommands, flags }: Completed): string {
  return [...subcommands, ...flags.map(({ flag }) => flag)].join(" ");
}

function bash(commands: readonly Completed[]): string {
  const cases = commands.map((each) => `    ${each.name}) words="${wordsOf(each)}" ;;`);
  return `_holdfast() {
  local words
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    *) words="" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="${commands.map(({ name }) => name).join(" ")} --help --version"; fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _holdfast holdfast`;
}

function zsh(commands: readonly Completed[]): string {
  const list = commands.map(({ name, description }) => `    ${quote(`${name}:${description}`)}`);
  const cases = commands.map((each) => `    ${each.name}) compadd -- ${wordsOf(each)}; _files ;;`);
  return `#compdef holdfast
_holdfast() {
  local -a commands
  commands=(
${list.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "\${words[2]}" in
${cases.join("\n")}
  esac
}
if [ "\${funcstack[1]}" = "_holdfast" ]; then _holdfast "$@"; else compdef _holdfast holdfast; fi`;
}

function fish(commands: readonly Completed[]): string {
  const lines = commands.flatMap(({ name, description, subcommands, flags }) => [
    `complete -c holdfast -n __fish_use_subcommand -f -a ${name} -d ${quote(description)}`,
    ...subcommands.map((each) => `complete -c holdfast -n '__fish_seen_subcommand_from ${name}' -a ${each}`),
    ...flags.map(
      ({ flag, description: text }) =>
        `complete -c holdfast -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)} -d ${quote(text)}`,
    ),
  ]);
  return lines.join("\n");
}

function quote(text: string): string {
  return `'${text.replace(/'/g, "’")}'`;
}
