/** Looks a configuration over, and says what is unsafe or will not work. */
import { HoldfastError, messageOf } from "../../errors.js";
import { documentPath } from "../document-path.js";
import { assertConfiguration, type Configuration } from "../load-config.js";
import { configOptions } from "../option-table.js";
import { isServiceVariable } from "../service-variables.js";
import { findAccessFaults } from "./access-findings.js";
import { type Finding, severities } from "./finding.js";
import { findMachineFaults, type MachineContext } from "./machine-findings.js";
import { findSecretFaults } from "./secret-findings.js";

/** Variables of other commands, and those that say where a configuration is. */
const otherVariables = ["CONFIG", "URL", "USER", "TOKEN", "SECRET", "DIRECT_WRITES"].map(
  (name) => `HOLDFAST_${name}`,
);

/** @returns findings, the most severe first */
export function examine(
  configuration: Configuration,
  env: NodeJS.ProcessEnv,
  machine: MachineContext,
): readonly Finding[] {
  const found = [
    ...findSecretFaults(configuration),
    ...findAccessFaults(configuration),
    ...findMachineFaults(configuration, machine),
    ...findUnknownVariables(env, configuration),
  ];
  const all = [...findRefusal(configuration, found), ...found];
  return severities.flatMap((severity) => all.filter((finding) => finding.severity === severity));
}

/** What a server would not even start with, unless that has been found already. */
function findRefusal(configuration: Configuration, found: readonly Finding[]): readonly Finding[] {
  try {
    assertConfiguration(configuration);
    return [];
  } catch (error) {
    const isKnown = error instanceof HoldfastError && error.details.option === "secret";
    if (isKnown && found.some(({ id }) => id === "weak-secret")) return [];
    return [refusalOf(error)];
  }
}

/** A configuration that cannot even be read. */
export function refusalOf(error: unknown): Finding {
  return {
    severity: "error",
    id: "not-accepted",
    message: messageOf(error),
    advice: `the server does not start with it; holdfast config --schema and ${documentPath("howto/configuration.md")} say what is accepted`,
  };
}

function findUnknownVariables(env: NodeJS.ProcessEnv, { config }: Configuration): readonly Finding[] {
  const known = new Set([...configOptions.map(({ variable }) => variable), ...otherVariables]);
  const referred =
    JSON.stringify(config?.value.authenticate ?? "") + JSON.stringify(config?.value.apiKeys ?? "");
  return Object.keys(env)
    .filter((name) => name.startsWith("HOLDFAST_") && !known.has(name) && !referred.includes(`"${name}"`))
    .filter((name) => !isServiceVariable(name, env[name] ?? ""))
    .map((name) => ({
      severity: "warning",
      id: "unknown-variable",
      message: `the environment has ${name}, which no option is called by`,
      advice: "holdfast serve --help lists the flags; each has a variable of its name",
    }));
}
