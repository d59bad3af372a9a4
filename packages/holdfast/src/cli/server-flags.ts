/** Flags for every option of a server, and the configuration from flags, variables and files. */
import { type Command, type Help, InvalidArgumentError, Option } from "commander";
import { type ConfigSources, type Configuration, loadConfiguration } from "../config/load-config.js";
import { type ConfigOption, configOptions, parseOptionText, textAdvice } from "../config/settings.js";
import * as holdfast from "../index.js";
import { showDefault, withoutLinks } from "../options/option.js";

/** Values by the names that commander gives to flags. */
export type ServerFlags = Readonly<Record<string, unknown>> & { readonly config?: string };

/** A parsed value: commander would drop `null`. */
class Parsed {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

const configFlag = new Option("--config <file>", "configuration file, or none");

export function withConfigFlag(command: Command): Command {
  return command.addOption(configFlag);
}

export function withServerFlags(command: Command): Command {
  withConfigFlag(command);
  for (const option of configOptions) command.addOption(toFlag(option));
  return command.configureHelp({ padWidth: () => termWidth, formatItem });
}

const termWidth = 30;

/** Long flags have their description on the lines below, to fit a terminal of 80 columns. */
function formatItem(term: string, width: number, description: string, helper: Help): string {
  const indent = " ".repeat(width + 4);
  const lines = helper.boxWrap(description, (helper.helpWidth ?? 80) - indent.length).split("\n");
  const first = term.length > width ? `\n${indent}` : " ".repeat(width - term.length + 2);
  return `  ${term}${first}${lines.join(`\n${indent}`)}`;
}

/** @throws HF_CONFIG_INVALID, HF_CLI_USAGE naming what is invalid */
export function loadWithFlags(given: ServerFlags): Promise<Configuration> {
  const flags = Object.fromEntries(
    configOptions.flatMap((option) => {
      const value = given[toFlag(option).attributeName()];
      if (value === undefined) return [];
      return [[option.path, value instanceof Parsed ? value.value : value]];
    }),
  );
  return loadConfiguration({ ...sourcesOf(given.config), flags });
}

/** The sources of a configuration, with or without the flag `--config`. */
export function sourcesOf(config: string | undefined): ConfigSources {
  return { folder: process.cwd(), env: process.env, config, modules: { holdfast } };
}

function toFlag(option: ConfigOption): Option {
  const value = option.kind === "boolean" ? `[${option.valueName}]` : `<${option.valueName}>`;
  const summary = withoutLinks(option.doc).replaceAll("`", "");
  return new Option(`${option.flag} ${value}`, `${summary}${describeDefault(option)}`)
    .helpGroup(`${option.heading}:`)
    .argParser((text) => {
      const parsed = parseOptionText(option, text);
      if (parsed === undefined) throw new InvalidArgumentError(`It must be ${textAdvice(option)}.`);
      return new Parsed(parsed);
    });
}

function describeDefault(option: ConfigOption): string {
  const { fallback, kind, path } = option;
  if (fallback === null || fallback === undefined || fallback === false || fallback === "" || kind === "list")
    return "";
  return ` (default: ${typeof fallback === "string" ? fallback : showDefault(path, option)})`;
}

/** Of a flag that takes a number. */
export function toInteger(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError("It must be an integer of at least 0.");
  return value;
}
