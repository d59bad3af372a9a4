/**
 * How fast does a publication reach all subscribers of its channel, and what does a delivery cost the server, whether all
 * are in one channel or spread over many?
 * Contenders take turns in rounds, each on a fresh server, so that what the machine does besides hits all of them.
 */

import { maxConnections } from "@holdfast/lab/node";
import { formatCount } from "@holdfast/lab/report";
import { type FanOutSample, fanOutLegend, fanOutTable, severalChannelsLegend } from "./reports/fan-out.js";
import {
  jsonOption,
  type Options,
  readOptions,
  runBench,
  UsageError,
  writeResults,
} from "./support/command.js";
import {
  type Contender,
  fanOutContenders,
  holdfast,
  holdfastProtobuf,
  installedOf,
  ws,
  wsChannels,
} from "./support/contenders.js";
import { FanOut } from "./support/fan-out.js";
import { minPayloadBytes } from "./support/payload.js";
import { describe, describeMachine, Progress, rotated } from "./support/report.js";
import { describeDataParent, startServer } from "./support/running-server.js";
import { compileServers, pinThisProcess } from "./support/server-process.js";
import { measureUsage, noteOnOthers } from "./support/server-usage.js";
import { type FanOutShape, fanOutShape, parseFanOutShapes } from "./support/shapes.js";

interface Settings {
  readonly contenders: readonly string[];
  /** Codecs are compared under the same load. */
  readonly readsAll: boolean | undefined;
  readonly shapes: readonly FanOutShape[];
  readonly publishers: number;
  readonly windows: readonly number[];
  readonly bytes: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly folder: string | undefined;
  readonly serverCore: number | undefined;
  readonly loadCore: number | undefined;
}

/** Protobuf has a run of its own, with --codec. */
const names = fanOutContenders.map(({ name }) => name).filter((name) => name !== holdfastProtobuf.name);

const description = {
  name: "fanout",
  about: "Deliveries per second to the subscribers of channels, and the server's CPU time for each.",
  options: {
    contenders: { value: "A,B", default: names.join(","), about: "servers to compare" },
    codec: {
      value: "C",
      default: "json",
      about: 'with "protobuf", compares holdfast in JSON and in Protobuf',
    },
    subscribers: { value: "N", default: "1000", about: "subscribers, all together" },
    channels: { value: "N", default: "1", about: "channels they spread over, one each" },
    shape: { value: "CxN,CxN", about: "instead of both: C channels of N each, e.g. 1x1000,1000x10,10000x1" },
    publishers: {
      value: "N",
      default: "1",
      about: "connections that publish, each into channels of its own",
    },
    window: { value: "W,W", default: "1,8", about: "publications outstanding at a time" },
    bytes: { value: "N", default: "100", about: "bytes of a message" },
    seconds: { value: "S", default: "5", about: "length of each measurement" },
    "warm-up": { value: "S", default: "2", about: "seconds before each measurement that do not count" },
    rounds: { value: "N", default: "3", about: "measurements of each contender and window" },
    folder: { value: "DIR", about: "where data is kept (default: the system's folder for temporary files)" },
    pin: { value: "S,L", about: "cores to keep the server and the load on, e.g. 0,1 (Linux)" },
    json: jsonOption("fanout"),
  },
};

await runBench(async () => {
  const options = readOptions(description);
  const settings = readSettings(options);
  const wanted = fanOutContenders.filter(({ name }) => settings.contenders.includes(name));
  const { installed, missing } = installedOf(wanted);
  const machine = describeMachine();
  const data = describeDataParent(settings.folder);
  const progress = new Progress();
  compileServers();
  if (settings.loadCore !== undefined) pinThisProcess(settings.loadCore);
  const samples: FanOutSample[] = [];
  for (let round = 1; round <= settings.rounds; round++)
    for (const shape of settings.shapes)
      for (const contender of rotated(installed, round - 1))
        samples.push(...(await measure(contender, shape, settings, round, progress)));
  progress.clear();
  console.log(`\n${describe(machine)}\n${describeSettings(settings)}; ${data}`);
  for (const { title } of settings.shapes)
    for (const window of settings.windows) {
      const those = samples.filter((sample) => sample.shape === title && sample.window === window);
      console.log(`\n${title}, window ${window}\n${fanOutTable(those, missing)}`);
    }
  console.log(fanOutLegend);
  if (settings.shapes.some(({ channels }) => channels > 1)) console.log(severalChannelsLegend);
  const note = noteOnOthers(samples);
  if (note !== "") console.log(note);
  writeResults(options, "fanout", { machine, settings: { ...settings, data, missing }, samples });
});

async function measure(
  wanted: Contender,
  { title: shape, channels, subscribers }: FanOutShape,
  settings: Settings,
  round: number,
  progress: Progress,
): Promise<FanOutSample[]> {
  const {
    readsAll,
    publishers,
    bytes,
    windows,
    seconds,
    warmUpSeconds,
    rounds,
    folder: dataParent,
    serverCore: core,
  } = settings;
  const contender = wanted === ws && channels > 1 ? wsChannels : wanted;
  const where = `fanout: round ${round} of ${rounds}, ${contender.name}, ${shape}`;
  progress.say(`${where}: connecting`);
  const server = await startServer(contender, { core, dataParent });
  const samples: FanOutSample[] = [];
  try {
    const fanOut = await FanOut.open({
      contender,
      port: server.port,
      publishersPort: server.publishersPort,
      subscribers,
      channels,
      publishers,
      bytes,
      readsAll,
    });
    for (const window of windows) {
      progress.say(`${where}, window ${window}: warming up`);
      await fanOut.publishFor(warmUpSeconds, window);
      const measured = await measureUsage(server, () => fanOut.publishFor(seconds, window));
      await fanOut.verify();
      const { serverCpuMicros, ...published } = measured;
      const sample: FanOutSample = {
        contender: contender.name,
        shape,
        channels,
        subscribers,
        window,
        round,
        ...published,
        deliveriesPerSecond: published.deliveries / published.seconds,
        publishesPerSecond: published.published / published.seconds,
        serverCpuMicrosPerDelivery: serverCpuMicros / published.deliveries,
        serverCpuMicrosPerMessage: serverCpuMicros / (published.published + published.deliveries),
      };
      samples.push(sample);
      progress.say(
        `${where}, window ${window}: ${formatCount(sample.deliveriesPerSecond)}/s, ` +
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
  const shape = options.text("shape");
  const pin = options.text("pin") === undefined ? [] : options.integers("pin", { min: 0 });
  if (pin.length !== 0 && pin.length !== 2)
    throw new UsageError("--pin accepts two cores, the server's and the load's, e.g. 0,1.");
  const codec = options.text("codec");
  if (codec !== "json" && codec !== "protobuf") throw new UsageError("--codec accepts json or protobuf.");
  return {
    contenders:
      codec === "protobuf" ? [holdfast.name, holdfastProtobuf.name] : options.words("contenders", names),
    readsAll: codec === "protobuf" ? true : undefined,
    shapes:
      shape === undefined
        ? [
            fanOutShape(
              options.integer("channels", { min: 1, max: 1_000_000 }),
              options.integer("subscribers", { min: 1, max: maxConnections() }),
            ),
          ]
        : parseFanOutShapes(shape, maxConnections()),
    publishers: options.integer("publishers", { min: 1, max: 10_000 }),
    windows: options.integers("window", { min: 1, max: 1000 }),
    bytes: options.integer("bytes", { min: minPayloadBytes, max: 32_768 }),
    seconds: options.number("seconds", { min: 0.1, max: 600 }),
    warmUpSeconds: options.number("warm-up", { min: 0, max: 600 }),
    rounds: options.integer("rounds", { min: 1, max: 100 }),
    folder: options.text("folder"),
    serverCore: pin[0],
    loadCore: pin[1],
  };
}

function describeSettings({ bytes, seconds, rounds, serverCore, loadCore }: Settings): string {
  const cores = serverCore === undefined ? "" : `; server on core ${serverCore}, load on core ${loadCore}`;
  return `${bytes}-byte messages, ${rounds} × ${seconds} s each${cores}`;
}
