/** `holdfast doctor`. */
import { examine, refusalOf } from "../config/doctor/doctor.js";
import { type Finding, severities } from "../config/doctor/finding.js";
import { readLimits } from "../config/doctor/machine-findings.js";
import { HoldfastError } from "../index.js";
import { writeText } from "./output.js";
import { loadWithFlags, type ServerFlags } from "./server-flags.js";

interface DoctorChoices {
  readonly json?: boolean;
  readonly strict?: boolean;
}

/** @returns the exit code: 1 with errors, and with warnings where it has to be strict */
export async function runDoctor(given: ServerFlags & DoctorChoices): Promise<number> {
  const { json, strict } = given;
  const findings = await find(given);
  writeText(json ? JSON.stringify(findings, undefined, 2) : describe(findings));
  const isBad = ({ severity }: Finding) => severity === "error" || (strict && severity === "warning");
  return findings.some(isBad) ? 1 : 0;
}

async function find(given: ServerFlags): Promise<readonly Finding[]> {
  try {
    const configuration = await loadWithFlags(given);
    return examine(configuration, process.env, { now: Date.now(), limits: readLimits() });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return [refusalOf(error)];
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
  return [...texts, findings.length === 0 ? "Nothing was found." : counts.join(", ")].join("\n");
}
