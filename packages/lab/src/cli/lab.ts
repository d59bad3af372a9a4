/** Runs the lab, shows how far it is, and says what it has found. */
import { accessSync, constants, writeFileSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { HoldfastError } from "holdfast";
import { messageOf, onEndSignal, writeNote, writeResult, writeText } from "holdfast/internal";
import { runLab } from "../index.js";
import {
  chartSheet,
  htmlReport,
  isCorrect,
  type LabResult,
  type LabSettings,
  markdownTable,
} from "../report/index.js";
import { runWithProgress } from "./lab-progress.js";
import { labText } from "./lab-text.js";

export type LabFlags = Readonly<Record<string, unknown>> & {
  readonly report?: string;
  readonly json?: boolean;
};

const writers: Readonly<Record<string, (result: LabResult) => string>> = {
  ".html": htmlReport,
  ".svg": chartSheet,
  ".md": (result) => `${markdownTable(result)}\n`,
  ".json": (result) => `${JSON.stringify(result, undefined, 2)}\n`,
};

/** @returns the exit code */
export async function runLabCommand(settings: LabSettings, { report, json }: LabFlags): Promise<number> {
  if (report !== undefined) checkReport(report);
  const controller = new AbortController();
  const stop = endOnSignal(controller);
  let result: LabResult;
  try {
    result = await runWithProgress(settings, (options) =>
      runLab(settings, { ...options, signal: controller.signal }),
    );
  } finally {
    stop();
  }
  if (result.measurements.length === 0) {
    writeNote("Ended before anything was measured.");
    return 1;
  }
  if (json) writeResult(result);
  else writeText(labText(result, process.stdout.columns ?? 100));
  if (report !== undefined) writeReport(report, result);
  return result.measurements.every(isCorrect) ? 0 : 1;
}

/** A run takes minutes: what would fail at its end is said before. */
function checkReport(file: string): void {
  if (!Object.hasOwn(writers, extname(file)))
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--report must be a file that ends with ${Object.keys(writers).join(", ")}, but is ${JSON.stringify(file)}`,
    );
  try {
    accessSync(dirname(resolve(file)), constants.W_OK);
  } catch (error) {
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--report ${file}: its folder cannot be written: ${messageOf(error)}`,
    );
  }
}

function writeReport(file: string, result: LabResult): void {
  const write = writers[extname(file)] as (result: LabResult) => string;
  try {
    writeFileSync(file, write(result));
  } catch (error) {
    throw new HoldfastError("HF_LAB_FAILED", `${file} could not be written: ${messageOf(error)}`);
  }
  writeNote(`Report: ${resolve(file)}`);
}

/** @returns what takes it back */
function endOnSignal(controller: AbortController): () => void {
  const end = () => {
    // Whoever asks twice does not want to wait.
    if (controller.signal.aborted) process.exit(1);
    controller.abort();
    writeNote("Ending; what is finished so far is shown …");
  };
  return onEndSignal(end);
}
