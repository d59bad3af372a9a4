/** `holdfast lab`, or `holdfast-lab`: its flags, and what they ask the lab for. */
import { Command, Option } from "commander";
import { HoldfastError } from "holdfast";
import { runCommand } from "holdfast/internal";
import { type LabInput, labPreset, labPresets, resolveLabSettings } from "../index.js";
import { headerKinds, type LabSettings, labTransports } from "../report/index.js";
import { type LabFlags, runLabCommand } from "./lab.js";

/** Setting by flag, as commander names it. */
const settingOf: Readonly<Record<string, keyof LabSettings>> = {
  transports: "transports",
  users: "users",
  interval: "intervalMs",
  rate: "perSecond",
  size: "bytes",
  duration: "durationMs",
  delay: "delayMs",
  jitter: "jitterMs",
  cutEvery: "cutEveryMs",
  wait: "waitMs",
  tolerable: "tolerableMs",
  twoWay: "isTwoWay",
  blocked: "blocked",
  headers: "headers",
  seed: "seed",
};

/** @param args what follows the name of the command @returns the exit code */
export function runLab(args: readonly string[]): Promise<number> {
  return runCommand(createLabProgram, ["node", "holdfast-lab", ...args]);
}

/** @param end is told the exit code */
function createLabProgram(end: (code: number) => void): Command {
  const presets = Object.entries(labPresets).map(
    ([name, { description }]) => `  ${name.padEnd(9)} ${description}`,
  );
  return new Command("holdfast lab")
    .exitOverride()
    .showHelpAfterError("(holdfast lab --help shows what is accepted)")
    .description("measure what polling, long polling, streams and WebSockets cost for the same messages")
    .option("--preset <name>", `settings to begin with: ${Object.keys(labPresets).join(", ")}`)
    .option("--transports <list>", `which, of ${labTransports.join(",")} (default: all)`)
    .option("--users <number>", "virtual users of each transport (default: 200)")
    .option("--interval <time>", "between two polls of a user (default: 1s)")
    .option("--rate <number>", "messages a second (default: 1)")
    .option("--size <bytes>", "of a message (default: 100)")
    .option("--duration <time>", "of the window in which all is counted, for each transport (default: 10s)")
    .option("--tolerable <time>", "how old news may be when they arrive: for the verdict (default: 1s)")
    .option("--two-way", "clients send, too: for the verdict")
    .option("--blocked <list>", "transports that the network stops: for the verdict")
    .option("--delay <time>", "of a simulated network, each way (default: none)")
    .option("--jitter <time>", "by which the delay varies (default: none)")
    .option("--cut-every <time>", "cut each connection after so long, on average (default: never)")
    .option("--wait <time>", "how long a long poll waits (default: 25s)")
    .addOption(
      new Option("--headers <kind>", "those of Chromium, or the fewest that work (default: browser)").choices(
        [...headerKinds],
      ),
    )
    .option("--seed <number>", "of what comes at random (default: 1)")
    .option("--report <file>", "write it to a file: .html, .svg, .md or .json")
    .option("--json", "the result as JSON instead of words")
    .addHelpText(
      "after",
      `
Starts a server, in memory, and users of its own for each transport in turn; it needs nothing that runs already. Times are
such as 500ms, 1s or 2m. Exit code 1 when a message was lost, came twice, or came out of order.

Presets, which other options change:
${presets.join("\n")}

Examples:
  $ holdfast lab
  $ holdfast lab --preset classic --report lab.html
  $ holdfast lab --users 1000 --rate 5 --transports poll,sse,websocket
  $ holdfast lab --delay 40ms --jitter 10ms --cut-every 5s
  $ holdfast lab --interval 30s --rate 0.1 --tolerable 1m --duration 60s
  $ holdfast lab --preset crowd --json > crowd.json
`,
    )
    .action(async (flags: LabFlags) => end(await runLabCommand(toSettings(flags), flags)));
}

/** @throws HF_OPTION_INVALID naming the flag, what came and what is accepted */
export function toSettings(flags: LabFlags): LabSettings {
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
