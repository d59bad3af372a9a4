/** `holdfast config` and `holdfast doctor`: the effective options with their sources, and what is wrong with them. Secrets are masked. */
import type { Command } from "commander";
import { isSecretPlace } from "../config/config-file.js";
import { configJsonSchema } from "../config/config-schema.js";
import {
  bySeverity,
  examine,
  type Finding,
  readLimits,
  refusalFinding,
  severities,
} from "../config/doctor.js";
import { examineBroker } from "../config/examine-broker.js";
import { assertConfiguration, type Configuration } from "../config/load-config.js";
import { isReference } from "../config/secrets.js";
import type { Source } from "../config/settings.js";
import { HoldfastError } from "../errors.js";
import { mask, maskAddress } from "../options/secrets.js";
import { loadWithFlags, type ServerFlags, withServerFlags } from "./server-flags.js";
import { writeNote, writeText } from "./terminal.js";
import { countWorkers } from "./workers.js";

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
    .option("--strict", "treat warnings as errors")
    .option("--no-connect", "do not connect to the broker");
  withServerFlags(command)
    .addHelpText(
      "after",
      `
Also takes the flags of serve. The exit code is 1 if there are errors. With a
broker, it connects and checks the settings of the server there.

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
  readonly connect?: boolean;
}

/** @returns the exit code: 1 with errors, and with warnings if strict */
async function runDoctor(given: ServerFlags & DoctorChoices): Promise<number> {
  const { json, strict } = given;
  const findings = await findFaults(given);
  writeText(json ? JSON.stringify(findings, undefined, 2) : describe(findings));
  const isBad = ({ severity }: Finding) => severity === "error" || (strict && severity === "warning");
  return findings.some(isBad) ? 1 : 0;
}

async function findFaults(given: ServerFlags & DoctorChoices): Promise<readonly Finding[]> {
  try {
    const configuration = await loadWithFlags(given);
    return bySeverity([
      ...examine(configuration, process.env, { now: Date.now(), limits: readLimits() }),
      ...findWorkerFault(configuration),
      ...(await examineBroker(configuration, given.connect !== false)),
    ]);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return [refusalFinding(error)];
  }
}

/** Workers that would share no store. */
function findWorkerFault(configuration: Configuration): readonly Finding[] {
  try {
    countWorkers(configuration);
    return [];
  } catch (error) {
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

export interface ConfigRow {
  readonly option: string;
  readonly value: unknown;
  readonly source: Source;
}

const ofApp = ["authenticate", "anonymous", "personalChannel", "channels", "app", "onError"];

/** Options of the server in their order, then the description of the application. */
export function configRows({ settings, config }: Configuration): readonly ConfigRow[] {
  const options = [...settings.values()].map(({ option, value, source }) => ({
    option: option.path,
    value: masked(option.path, value),
    source,
  }));
  if (config === undefined) return options;
  const source: Source = { kind: "file", name: config.name };
  const described = ofApp
    .filter((name) => config.value[name] !== undefined)
    .flatMap((name) => leavesOf(name, config.value[name]))
    .map(([option, value]) => ({ option, value: masked(option, value), source }));
  return [...options, ...described];
}

/** One line each, in columns. */
export function formatRows(rows: readonly ConfigRow[]): string {
  const cells = rows.map(({ option, value, source }) => [option, formatValue(value), formatSource(source)]);
  // One long value must not push the other sources out of view.
  const most = [80, 40];
  const widths = most.map((width, column) =>
    Math.min(width, Math.max(...cells.map((row) => (row[column] as string).length))),
  );
  return cells
    .map(([option = "", value = "", source = ""]) =>
      `${option.padEnd(widths[0] as number)}  ${value.padEnd(widths[1] as number)}  ${source}`.trimEnd(),
    )
    .join("\n");
}

function formatValue(value: unknown): string {
  if (typeof value === "function") return "in code";
  if (value === undefined) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function formatSource(source: Source): string {
  return source.kind === "default" ? "default" : source.name;
}

function leavesOf(path: string, value: unknown): readonly (readonly [string, unknown])[] {
  if (["app", "onError"].includes(path)) return [[path, "in code"]];
  if (typeof value !== "object" || value === null || Array.isArray(value) || isReference(value))
    return [[path, value]];
  return Object.entries(value).flatMap(([name, each]) =>
    leavesOf(/^[A-Za-z_$][\w$]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`, each),
  );
}

function masked(place: string, value: unknown): unknown {
  if (place === "broker") return typeof value === "string" ? maskAddress(value) : value && "in code";
  return isSecretPlace(place) ? maskAll(value) : value;
}

/** Names of variables and files are not secrets, and neither are scopes and names of keys. */
function maskAll(value: unknown): unknown {
  if (typeof value === "string") return mask;
  if (Array.isArray(value)) return value.map(maskAll);
  if (typeof value !== "object" || value === null || isReference(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      name === "scope" || name === "name" ? each : maskAll(each),
    ]),
  );
}
