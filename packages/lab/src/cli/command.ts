/** The command `holdfast lab` or `holdfast-lab`: its flags, a run with progress, and the report. */

import { accessSync, constants, writeFileSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { Command, Option } from "commander";
import { HoldfastError } from "holdfast";
import { messageOf, onEndSignal, runCommand, writeNote, writeResult, writeText } from "holdfast/internal";
import { type LabInput, labPreset, labPresets, resolveLabSettings, runLab } from "../index.js";
import {
  drawChartSheet,
  headerKinds,
  htmlReport,
  isCorrect,
  type LabResult,
  type LabSettings,
  labTransports,
  markdownTable,
} from "../report/index.js";
import { runWithProgress } from "./progress.js";
import { labText } from "./text.js";

/** The setting of each flag, by commander's name for it. */
const settingOf: Readonly<Record<string, keyof LabSettings>> = {
  transports: "transports",
  users: "users",
  interval: "intervalMs",
  rate: "ratePerSecond",
  size: "sizeBytes",
  duration: "durationMs",
  delay: "delayMs",
  jitter: "jitterMs",
  cutEvery: "cutEveryMs",
  wait: "waitMs",
  maxLatency: "maxLatencyMs",
  twoWay: "isTwoWay",
  blocked: "blocked",
  headers: "headers",
  seed: "seed",
};

/** @param args after the name of the command @returns the exit code */
export function runLabCommand(args: readonly string[]): Promise<number> {
  return runCommand(createLabProgram, ["node", "holdfast-lab", ...args]);
}

/** @param end is told the exit code */
function createLabProgram(end: (code: number) => void): Command {
  const presets = Object.entries(labPresets).map(
    ([name, { description }]) => `  ${name.padEnd(9)} ${description}`,
  );
  return new Command("holdfast lab")
    .exitOverride()
    .showHelpAfterError("(see holdfast lab --help)")
    .description("measure what polling, long polling, streams and WebSockets cost for the same messages")
    .option("--preset <name>", `settings to start from: ${Object.keys(labPresets).join(", ")}`)
    .option("--transports <list>", `comma-separated: ${labTransports.join(",")} (default: all)`)
    .option("--users <number>", "virtual users per transport (default: 200)")
    .option("--interval <time>", "time between two polls of a user (default: 1s)")
    .option("--rate <number>", "messages published per second (default: 1)")
    .option("--size <bytes>", "message size (default: 100)")
    .option("--duration <time>", "how long to measure each transport (default: 10s)")
    .option("--max-latency <time>", "latency that is acceptable, for the verdict (default: 1s)")
    .option("--two-way", "clients also send, for the verdict")
    .option("--blocked <list>", "transports that the network blocks, for the verdict")
    .option("--delay <time>", "simulated network delay, each way (default: none)")
    .option("--jitter <time>", "how much the delay varies (default: none)")
    .option("--cut-every <time>", "cut each connection after this time on average (default: never)")
    .option("--wait <time>", "how long a long poll waits (default: 25s)")
    .addOption(
      new Option(
        "--headers <kind>",
        "HTTP header fields: as Chromium sends them, or the fewest that work (default: browser)",
      ).choices([...headerKinds]),
    )
    .option("--seed <number>", "seed of the random numbers (default: 1)")
    .option("--report <file>", "write a report: .html, .svg, .md or .json")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Starts its own in-memory server and virtual users for each transport in turn;
nothing else has to be running. Times are written as 500ms, 1s or 2m. Exits with 1
when a message was lost, duplicated or out of order.

Presets (other options override them):
${presets.join("\n")}

Examples:
  $ holdfast lab
  $ holdfast lab --preset classic --report lab.html
  $ holdfast lab --users 1000 --rate 5 --transports poll,sse,websocket
  $ holdfast lab --delay 40ms --jitter 10ms --cut-every 5s
  $ holdfast lab --interval 30s --rate 0.1 --max-latency 1m --duration 60s
  $ holdfast lab --preset crowd --json > crowd.json
`,
    )
    .action(async (flags: LabFlags) => end(await measureAndReport(toSettings(flags), flags)));
}

/** @throws HF_OPTION_INVALID naming the flag, what came and what is accepted */
function toSettings(flags: LabFlags): LabSettings {
  const given = Object.entries(settingOf).flatMap(([flag, setting]) =>
    flags[flag] === undefined ? [] : [[setting, flags[flag]]],
  );
  const preset: LabInput = flags.preset === undefined ? {} : labPreset(String(flags.preset)).input;
  try {
    return resolveLabSettings({ ...preset, ...Object.fromEntries(given) });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    throw new HoldfastError(error.code, withFlagNames(error.message), { cause: error });
  }
}

function withFlagNames(message: string): string {
  return Object.entries(settingOf).reduce((text, [flag, setting]) => {
    const name = `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return text.replace(new RegExp(`(^|; )${setting}\\b|\\b${setting}(?= must| \\()`, "g"), `$1${name}`);
  }, message);
}

type LabFlags = Readonly<Record<string, unknown>> & {
  readonly report?: string;
  readonly json?: boolean;
};

const writers: Readonly<Record<string, (result: LabResult) => string>> = {
  ".html": htmlReport,
  ".svg": drawChartSheet,
  ".md": (result) => `${markdownTable(result)}\n`,
  ".json": (result) => `${JSON.stringify(result, undefined, 2)}\n`,
};

/** @returns the exit code */
async function measureAndReport(settings: LabSettings, { report, json }: LabFlags): Promise<number> {
  if (report !== undefined) checkReport(report);
  const controller = new AbortController();
  const stop = abortOnSignal(controller);
  let result: LabResult;
  try {
    result = await runWithProgress(settings, (options) =>
      runLab(settings, { ...options, signal: controller.signal }),
    );
  } finally {
    stop();
  }
  if (result.measurements.length === 0) {
    writeNote("Stopped before anything was measured.");
    return 1;
  }
  if (json) writeResult(result);
  else writeText(labText(result, process.stdout.columns ?? 100));
  if (report !== undefined) writeReport(report, result);
  return result.measurements.every(isCorrect) ? 0 : 1;
}

/** A run takes minutes, so a report that could not be written fails before it. */
function checkReport(file: string): void {
  if (!Object.hasOwn(writers, extname(file)))
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--report must be a file ending in ${Object.keys(writers).join(", ")}, but is ${JSON.stringify(file)}`,
    );
  try {
    accessSync(dirname(resolve(file)), constants.W_OK);
  } catch (error) {
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--report ${file}: cannot write to its folder: ${messageOf(error)}`,
    );
  }
}

function writeReport(file: string, result: LabResult): void {
  const write = writers[extname(file)] as (result: LabResult) => string;
  try {
    writeFileSync(file, write(result));
  } catch (error) {
    throw new HoldfastError("HF_LAB_FAILED", `cannot write ${file}: ${messageOf(error)}`);
  }
  writeNote(`Report: ${resolve(file)}`);
}

/** @returns a function that removes the listener */
function abortOnSignal(controller: AbortController): () => void {
  const end = () => {
    // A second signal means: do not wait.
    if (controller.signal.aborted) process.exit(1);
    controller.abort();
    writeNote("Stopping; results so far follow …");
  };
  return onEndSignal(end);
}
