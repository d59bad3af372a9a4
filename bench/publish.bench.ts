/**
 * How many publications a second does a server acknowledge, how long does that take, and what does it cost, for each kind
 * of acknowledgement? Contenders take turns in rounds, each on a fresh server and a fresh folder.
 */

import { LatencyHistogram } from "@holdfast/lab/load";
import { maxConnections } from "@holdfast/lab/node";
import { formatCount } from "@holdfast/lab/report";
import { type PublishSample, publishLegend, publishTable } from "./reports/publish.js";
import { jsonOption, type Options, readOptions, runBench, writeResults } from "./support/command.js";
import { installedOf } from "./support/contenders.js";
import { minPayloadBytes } from "./support/payload.js";
import {
  type PublishContender,
  publishContenderNames,
  publishContenders,
} from "./support/publish-contenders.js";
import { PublishLoad } from "./support/publish-load.js";
import { RawClient } from "./support/raw-client.js";
import { describe, describeMachine, Progress, rotated, summarizeLatencies } from "./support/report.js";
import { describeDataParent, type RunningServer, startServer } from "./support/running-server.js";
import { compileServers } from "./support/server-process.js";
import { measureUsage, noteOnOthers } from "./support/server-usage.js";
import { type PublishShape, publishShapes } from "./support/shapes.js";

interface Settings {
  readonly contenders: readonly string[];
  readonly shapes: readonly PublishShape[];
  readonly window: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly folder: string | undefined;
}

const description = {
  name: "publish",
  about: "Acknowledged publications per second and their latency, for each durability.",
  options: {
    contenders: { value: "A,B", default: publishContenderNames.join(","), about: "servers to compare" },
    publishers: {
      value: "N,N",
      default: "1,1000",
      about: "publishers, each waiting for its acknowledgements",
    },
    connections: { value: "N,N", default: "1000,50", about: "most connections they spread over" },
    channels: { value: "N,N", default: "1,1000", about: "most channels they spread over" },
    window: { value: "W", default: "1", about: "publications outstanding of each publisher" },
    bytes: { value: "N", default: "100", about: "bytes of a message" },
    seconds: { value: "S", default: "3", about: "length of each measurement" },
    "warm-up": { value: "S", default: "1", about: "seconds before each measurement that do not count" },
    rounds: { value: "N", default: "3", about: "measurements of each" },
    folder: { value: "DIR", about: "where data is kept (default: the system's folder for temporary files)" },
    json: jsonOption("publish"),
  },
};

await runBench(async () => {
  const options = readOptions(description);
  const settings = readSettings(options);
  const { shapes, rounds, window, bytes, seconds, folder } = settings;
  const wanted = publishContenders.filter(({ name }) => settings.contenders.includes(name));
  const { installed, missing } = installedOf(wanted);
  const machine = describeMachine();
  const data = describeDataParent(folder);
  const progress = new Progress();
  compileServers();
  const samples: PublishSample[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const contender of rotated(installed, round - 1))
      samples.push(...(await measureAll(contender, settings, round, progress)));
  progress.clear();
  console.log(
    `\n${describe(machine)}\n${bytes}-byte messages, ${window} outstanding each, ${rounds} × ${seconds} s each; ${data}`,
  );
  for (const { title } of shapes)
    console.log(
      `\n${title}\n${publishTable(
        samples.filter((sample) => sample.shape === title),
        missing,
      )}`,
    );
  console.log(publishLegend(wanted));
  const note = noteOnOthers(samples);
  if (note !== "") console.log(note);
  writeResults(options, "publish", { machine, settings: { ...settings, data, missing }, samples });
});

async function measureAll(
  contender: PublishContender,
  settings: Settings,
  round: number,
  progress: Progress,
): Promise<PublishSample[]> {
  const samples: PublishSample[] = [];
  for (const shape of settings.shapes) {
    const where = `publish: round ${round} of ${settings.rounds}, ${contender.name}, ${shape.title}`;
    progress.say(where);
    const server = await startServer(contender, { dataParent: settings.folder });
    try {
      samples.push(await measure(contender, shape, settings, round, server));
    } catch (error) {
      throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
    } finally {
      await server.stop();
    }
    const { publishesPerSecond, p50Ms, p99Ms } = samples.at(-1) as PublishSample;
    progress.say(
      `${where}: ${formatCount(publishesPerSecond)}/s, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`,
    );
  }
  return samples;
}

async function measure(
  { name, speech, prefix }: PublishContender,
  shape: PublishShape,
  { window, bytes, seconds, warmUpSeconds }: Settings,
  round: number,
  server: RunningServer,
): Promise<PublishSample> {
  const { port } = server;
  const channels = Array.from({ length: shape.channels }, (_, i) => `${prefix}bench${i}`);
  const observer = await RawClient.open({ port, protocol: speech.protocol });
  if (speech.prepare) await speech.prepare(observer);
  else await speech.signOn(observer, shape.connections);
  const load = await PublishLoad.open({ ...shape, port, speech, channels, window, bytes });
  await load.publishFor(warmUpSeconds);
  const latencies = new LatencyHistogram();
  const measured = await measureUsage(server, () => load.publishFor(seconds, latencies));
  const kept = await speech.countKept?.(observer, channels);
  if (kept !== undefined && kept !== load.acknowledged)
    throw new Error(`the log has taken ${kept} publications, but ${load.acknowledged} were acknowledged`);
  load.close();
  observer.destroy();
  const { serverCpuMicros, ...publications } = measured;
  return {
    contender: name,
    shape: shape.title,
    ...shape,
    round,
    ...publications,
    ...summarizeLatencies(latencies),
    publishesPerSecond: publications.published / publications.seconds,
    serverCpuMicrosEach: serverCpuMicros / publications.published,
  };
}

function readSettings(options: Options): Settings {
  const max = maxConnections();
  return {
    contenders: options.words("contenders", publishContenderNames),
    shapes: publishShapes({
      publishers: options.integers("publishers", { min: 1, max: 100_000 }),
      connections: options.integers("connections", { min: 1, max }),
      channels: options.integers("channels", { min: 1, max: 100_000 }),
    }),
    window: options.integer("window", { min: 1, max: 1000 }),
    bytes: options.integer("bytes", { min: minPayloadBytes, max: 32_768 }),
    seconds: options.number("seconds", { min: 0.1, max: 600 }),
    warmUpSeconds: options.number("warm-up", { min: 0, max: 600 }),
    rounds: options.integer("rounds", { min: 1, max: 100 }),
    folder: options.text("folder"),
  };
}
