/** `holdfast config` and `holdfast doctor`: the effective options, and what is wrong with them. */
import type { Command } from "commander";
import { configJsonSchema } from "../config/config-schema.js";
import { examine, type Finding, readLimits, refusalFinding, severities } from "../config/doctor.js";
import { assertConfiguration } from "../config/load-config.js";
import { configRows, formatRows } from "../config/print-config.js";
import { HoldfastError } from "../errors.js";
import { loadWithFlags, type ServerFlags, withServerFlags } from "./server-flags.js";
import { writeNote, writeText } from "./terminal.js";

export function addConfig(program: Command): void {
  const command = program
    .command("config")
    .description("print or check the effective options and their sources")
    .option("--print", "print all options with values and sources (default)")
    .option("--json", "print them as JSON")
    .option("--check", "only check that the configuration is valid")
    .option("--schema", "print the JSON Schema of configurations, for editors");
  withServerFlags(command)
    .addHelpText(
      "after",
      `
Also takes the flags of serve. Secrets are masked. The exit code is 2 if the
configuration is not accepted.

Examples:
  $ holdfast config
  $ holdfast config --check --config production.yaml
  $ holdfast config --schema > holdfast.schema.json
`,
    )
    .action(runConfig);
}

/** @param end receives the exit code */
export function addDoctor(program: Command, end: (code: number) => void): void {
  const command = program
    .command("doctor")
    .description("check a configuration for errors and unsafe settings")
    .option("--json", "print findings as JSON")
    .option("--strict", "treat warnings as errors");
  withServerFlags(command)
    .addHelpText(
      "after",
      `
Also takes the flags of serve. The exit code is 1 if there are errors.

Examples:
  $ holdfast doctor
  $ holdfast doctor --config production.yaml --strict
`,
    )
    .action(async (choices) => end(await runDoctor(choices)));
}

interface ConfigChoices {
  readonly print?: boolean;
  readonly json?: boolean;
  readonly check?: boolean;
  readonly schema?: boolean;
}

/** @throws HF_CONFIG_INVALID, HF_CLI_USAGE, HF_OPTION_INVALID when the configuration is not accepted */
async function runConfig(given: ServerFlags & ConfigChoices): Promise<void> {
  const { json, check, schema } = given;
  if (schema) return writeText(JSON.stringify(configJsonSchema(), undefined, 2));
  const configuration = await loadWithFlags(given);
  assertConfiguration(configuration);
  if (check && !given.print && !json)
    return writeNote(`holdfast: ${configuration.config?.name ?? "the configuration (no file)"} is valid`);
  const rows = configRows(configuration);
  writeText(json ? JSON.stringify(rows, undefined, 2) : formatRows(rows));
}

interface DoctorChoices {
  readonly json?: boolean;
  readonly strict?: boolean;
}

/** @returns the exit code: 1 with errors, and with warnings if strict */
async function runDoctor(given: ServerFlags & DoctorChoices): Promise<number> {
  const { json, strict } = given;
  const findings = await findFaults(given);
  writeText(json ? JSON.stringify(findings, undefined, 2) : describe(findings));
  const isBad = ({ severity }: Finding) => severity === "error" || (strict && severity === "warning");
  return findings.some(isBad) ? 1 : 0;
}

async function findFaults(given: ServerFlags): Promise<readonly Finding[]> {
  try {
    const configuration = await loadWithFlags(given);
    return examine(configuration, process.env, { now: Date.now(), limits: readLimits() });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return [refusalFinding(error)];
  }
}

function describe(findings: readonly Finding[]): string {
  const texts = findings.map(
    ({ severity, id, message, advice }) => `${severity.padEnd(8)} ${id}: ${message}\n         → ${advice}`,
  );
  const counts = severities.map((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return `${count} ${severity}${count === 1 ? "" : "s"}`;
  });
  return [...texts, findings.length === 0 ? "No findings." : counts.join(", ")].join("\n");
}
