/**
 * What do metrics and the flight recorder cost a fan-out? Servers with both, and without one of them, run side by side; the load goes to
 * one after the other in short turns, so that what the machine does besides hits all alike. Each turn is compared with that of the server
 * that has everything in the same round.
 */
import { jsonOption, readOptions, runBench, writeResults } from "./support/command.js";
import { type Contender, holdfast } from "./support/contenders.js";
import { FanOut } from "./support/fan-out.js";
import { describe, describeMachine, Progress, rotated, summarize, table } from "./support/report.js";
import { type RunningServer, startServer } from "./support/running-server.js";
import { compileServers } from "./support/server-process.js";
import { measureUsage } from "./support/server-usage.js";

const description = {
  name: "observe",
  about: "Processor time of a delivery with metrics and the flight recorder, and without.",
  options: {
    subscribers: { value: "N", default: "1000", about: "subscribers of one channel, of each server" },
    window: { value: "W,W", default: "1,8", about: "publications outstanding at a time" },
    seconds: { value: "S", default: "0.5", about: "length of each turn" },
    rounds: { value: "N", default: "40", about: "turns of each server" },
    json: jsonOption("observe"),
  },
};

const whole = "with both";
const without = (name: string, ...parts: string[]): Contender => ({
  ...holdfast,
  name,
  // Longer than a run: its subscribers answer no pings.
  args: ["--ping-interval", "3600000", ...(parts.length === 0 ? [] : ["--without", parts.join(",")])],
});
const contenders: readonly Contender[] = [
  without(whole),
  without("without metrics", "metrics"),
  without("without the recorder", "recorder"),
  without("without both", "metrics", "recorder"),
];

interface Sample {
  readonly contender: string;
  readonly window: number;
  readonly round: number;
  readonly cpuMicros: number;
}

interface Running {
  readonly contender: Contender;
  readonly server: RunningServer;
  readonly fanOut: FanOut;
}

await runBench(async () => {
  const options = readOptions(description);
  const subscribers = options.integer("subscribers", { min: 1, max: 5000 });
  const windows = options.integers("window", { min: 1, max: 1000 });
  const seconds = options.number("seconds", { min: 0.05, max: 60 });
  const rounds = options.integer("rounds", { min: 1, max: 1000 });
  const machine = describeMachine();
  const progress = new Progress();
  compileServers();
  const running: Running[] = [];
  const samples: Sample[] = [];
  try {
    for (const contender of contenders) {
      progress.say(`observe: connecting to the server ${contender.name}`);
      const server = await startServer(contender);
      const fanOut = await FanOut.open({ contender, port: server.port, subscribers, bytes: 100 });
      running.push({ contender, server, fanOut });
    }
    for (const window of windows) {
      for (const { fanOut } of running) await fanOut.publishFor(2, window);
      for (let round = 1; round <= rounds; round++) {
        progress.say(`observe: window ${window}, round ${round} of ${rounds}`);
        for (const { contender, server, fanOut } of rotated(running, round - 1)) {
          const measured = await measureUsage(server, () => fanOut.publishFor(seconds, window));
          const cpuMicros = measured.serverCpuMicros / measured.deliveries;
          samples.push({ contender: contender.name, window, round, cpuMicros });
        }
      }
      for (const { fanOut } of running) await fanOut.verify();
    }
  } finally {
    for (const { server, fanOut } of running) {
      fanOut.close();
      await server.stop();
    }
  }
  progress.clear();
  console.log(`\n${describe(machine)}; ${subscribers} subscribers, ${rounds} × ${seconds} s each`);
  for (const window of windows) console.log(`\nwindow ${window}\n${report(samples, window)}`);
  console.log(
    "The cost is how much more the server with both needs than the other, by the median of all rounds.",
  );
  writeResults(options, "observe", { machine, settings: { subscribers, seconds, rounds }, samples });
});

function report(samples: readonly Sample[], window: number): string {
  const of = (name: string) =>
    samples.filter((sample) => sample.window === window && sample.contender === name);
  const base = new Map(of(whole).map(({ round, cpuMicros }) => [round, cpuMicros]));
  return table(
    ["server", "CPU µs each", "cost", "quartiles"],
    contenders.map(({ name }) => {
      const own = of(name);
      const costs = own
        .map(({ round, cpuMicros }) => 100 * ((base.get(round) ?? Number.NaN) / cpuMicros - 1))
        .sort((a, b) => a - b);
      const quartile = (part: number) => (costs[Math.floor(part * (costs.length - 1))] ?? 0).toFixed(1);
      return [
        name,
        summarize(own.map(({ cpuMicros }) => cpuMicros)).median.toFixed(3),
        name === whole ? "" : `${summarize(costs).median.toFixed(1)} %`,
        name === whole ? "" : `${quartile(0.25)} to ${quartile(0.75)} %`,
      ];
    }),
  );
}
