/**
 * How fast does a publication reach all subscribers of its channel, and what does a delivery cost the server?
 * Contenders take turns in rounds, each on a fresh server, so that what the machine does besides hits all of them.
 */
import { type Contender, contenderNames, contendersNamed } from "./support/contenders.js";
import { FanOut } from "./support/fan-out.js";
import { type FanOutSample, fanOutLegend, fanOutTable } from "./support/fan-out-table.js";
import { describeMachine, mostConnections, pinThisProcess } from "./support/machine.js";
import { measureUsage, noteOnOthers } from "./support/measured-usage.js";
import { type Options, readOptions, UsageError } from "./support/options.js";
import { leastPayloadBytes } from "./support/payload.js";
import { describe, grouped, Progress } from "./support/report.js";
import { jsonOption, writeResults } from "./support/results.js";
import { rotated } from "./support/rotated.js";
import { runBench } from "./support/run-bench.js";
import { compileServers, ServerProcess } from "./support/server-process.js";

interface Settings {
  readonly contenders: readonly Contender[];
  readonly subscribers: number;
  readonly windows: readonly number[];
  readonly bytes: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly serverCore: number | undefined;
  readonly loadCore: number | undefined;
}

const description = {
  name: "fanout",
  about: "Deliveries per second to the subscribers of one channel, and the server's CPU time for each.",
  options: {
    contenders: { value: "A,B", default: contenderNames.join(","), about: "servers to compare" },
    subscribers: { value: "N", default: "1000", about: "subscribers of the channel" },
    window: { value: "W,W", default: "1,8", about: "publications outstanding at a time" },
    bytes: { value: "N", default: "100", about: "bytes of a message" },
    seconds: { value: "S", default: "5", about: "length of each measurement" },
    "warm-up": { value: "S", default: "2", about: "seconds before each measurement that do not count" },
    rounds: { value: "N", default: "3", about: "measurements of each contender and window" },
    pin: { value: "S,L", about: "cores to keep the server and the load on, e.g. 0,1 (Linux)" },
    json: jsonOption("fanout"),
  },
};

await runBench(async () => {
  const options = readOptions(description);
  const settings = readSettings(options);
  const machine = describeMachine();
  const progress = new Progress();
  compileServers();
  if (settings.loadCore !== undefined) pinThisProcess(settings.loadCore);
  const samples: FanOutSample[] = [];
  for (let round = 1; round <= settings.rounds; round++)
    for (const contender of rotated(settings.contenders, round - 1))
      samples.push(...(await measure(contender, settings, round, progress)));
  progress.clear();
  console.log(`\n${describe(machine)}\n${describeSettings(settings)}`);
  for (const window of settings.windows)
    console.log(`\nWindow ${window}\n${fanOutTable(samples.filter((sample) => sample.window === window))}`);
  console.log(fanOutLegend);
  const note = noteOnOthers(samples);
  if (note !== "") console.log(note);
  writeResults(options, { machine, settings: { ...settings, contenders: undefined }, samples });
});

async function measure(
  contender: Contender,
  settings: Settings,
  round: number,
  progress: Progress,
): Promise<FanOutSample[]> {
  const { subscribers, bytes, windows, seconds, warmUpSeconds, rounds, serverCore } = settings;
  const where = `fanout: round ${round} of ${rounds}, ${contender.name}`;
  progress.say(`${where}: connecting ${subscribers} subscribers`);
  const server = await ServerProcess.start(contender, { core: serverCore });
  const samples: FanOutSample[] = [];
  try {
    const fanOut = await FanOut.open({ contender, port: server.port, subscribers, bytes });
    for (const window of windows) {
      progress.say(`${where}, window ${window}: warming up`);
      await fanOut.publishFor(warmUpSeconds, window);
      const measured = await measureUsage(server, () => fanOut.publishFor(seconds, window));
      await fanOut.verify();
      const { serverCpuMicros, ...published } = measured;
      const sample: FanOutSample = {
        contender: contender.name,
        window,
        round,
        ...published,
        deliveriesPerSecond: published.deliveries / published.seconds,
        serverCpuMicrosPerDelivery: serverCpuMicros / published.deliveries,
      };
      samples.push(sample);
      progress.say(
        `${where}, window ${window}: ${grouped(sample.deliveriesPerSecond)}/s, ` +
          `${sample.serverCpuMicrosPerDelivery.toFixed(2)} µs each`,
      );
    }
    fanOut.close();
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  } finally {
    await server.stop();
  }
  return samples;
}

function readSettings(options: Options): Settings {
  const pin = options.text("pin") === undefined ? [] : options.integers("pin", { least: 0 });
  if (pin.length !== 0 && pin.length !== 2)
    throw new UsageError("--pin accepts two cores, the server's and the load's, e.g. 0,1.");
  return {
    contenders: contendersNamed(options.words("contenders", contenderNames)),
    subscribers: options.integer("subscribers", { least: 1, most: mostConnections() }),
    windows: options.integers("window", { least: 1, most: 1000 }),
    bytes: options.integer("bytes", { least: leastPayloadBytes, most: 32_768 }),
    seconds: options.number("seconds", { least: 0.1, most: 600 }),
    warmUpSeconds: options.number("warm-up", { least: 0, most: 600 }),
    rounds: options.integer("rounds", { least: 1, most: 100 }),
    serverCore: pin[0],
    loadCore: pin[1],
  };
}

function describeSettings({ subscribers, bytes, seconds, rounds, serverCore, loadCore }: Settings): string {
  const cores = serverCore === undefined ? "" : `; server on core ${serverCore}, load on core ${loadCore}`;
  return `${grouped(subscribers)} subscribers, ${bytes}-byte messages, ${rounds} × ${seconds} s each${cores}`;
}
