/** Flags for every option of a server, from the table of options, and the configuration that they make with the rest. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type ConfigSources, type Configuration, loadConfiguration } from "../config/load-config.js";
import { type ConfigOption, configOptions } from "../config/option-table.js";
import { parseOptionText, textAdvice } from "../config/option-text.js";
import * as holdfast from "../index.js";

/** Values by the name that commander gives a flag. */
export type ServerFlags = Readonly<Record<string, unknown>> & { readonly config?: string };

/** A value as it was read: `null` would be lost on the way. */
class Read {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

const configFlag = new Option("--config <file>", "the configuration; none for none");

export function withConfigFlag(command: Command): Command {
  return command.addOption(configFlag);
}

export function withServerFlags(command: Command): Command {
  withConfigFlag(command);
  for (const option of inHelpOrder(configOptions)) command.addOption(toFlag(option));
  return command;
}

/** @throws HF_CONFIG_INVALID, HF_CLI_USAGE naming what is not accepted */
export function loadWithFlags(given: ServerFlags): Promise<Configuration> {
  const flags = Object.fromEntries(
    configOptions.flatMap((option) => {
      const value = given[toFlag(option).attributeName()];
      if (value === undefined) return [];
      return [[option.path, value instanceof Read ? value.value : value]];
    }),
  );
  return loadConfiguration({ ...sourcesOf(given.config), flags });
}

/** What finds and reads a configuration, where the flag `--config` says so or not. */
export function sourcesOf(config: string | undefined): ConfigSources {
  return { folder: process.cwd(), env: process.env, config, modules: { holdfast } };
}

/** What is asked for most comes first, and what belongs together stands together. */
function inHelpOrder(options: readonly ConfigOption[]): readonly ConfigOption[] {
  const first = ["Address", "Data", "Who may connect", "Compression"];
  const headings = new Set([...first, ...options.map(({ heading }) => heading)]);
  return [...headings].flatMap((heading) => options.filter((option) => option.heading === heading));
}

function toFlag(option: ConfigOption): Option {
  const value = option.kind === "boolean" ? `[${option.valueName}]` : `<${option.valueName}>`;
  return new Option(`${option.flag} ${value}`, `${option.summary}${describeFallback(option)}`)
    .helpGroup(`${option.heading}:`)
    .argParser((text) => {
      const read = parseOptionText(option, text);
      if (read === undefined) throw new InvalidArgumentError(`It must be ${textAdvice(option)}.`);
      return new Read(read);
    });
}

function describeFallback({ fallback, kind }: ConfigOption): string {
  const isNothing = fallback === null || fallback === undefined || fallback === false;
  if (isNothing || kind === "list") return "";
  return ` (default: ${String(fallback)})`;
}
