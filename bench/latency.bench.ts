/**
 * How long does a publication take to its subscribers, at rising rates until the server no longer keeps up? Publications
 * come on a schedule, and latency counts from it. Contenders take turns in rounds, each on a fresh server.
 */

import { maxConnections } from "@holdfast/lab/node";
import { formatCount } from "@holdfast/lab/report";
import { type LatencySample, latencyLegend, latencyTable } from "./reports/latency.js";
import { jsonOption, type Options, readOptions, runBench, writeResults } from "./support/command.js";
import {
  type Contender,
  fanOutContenders,
  holdfast,
  holdfastDisk,
  installedOf,
} from "./support/contenders.js";
import { OpenLoop } from "./support/open-loop.js";
import { minPayloadBytes } from "./support/payload.js";
import { describe, describeMachine, Progress, rotated } from "./support/report.js";
import { describeDataParent, startServer } from "./support/running-server.js";
import { compileServers } from "./support/server-process.js";
import { measureUsage, noteOnOthers } from "./support/server-usage.js";

interface Settings {
  readonly contenders: readonly string[];
  readonly rates: readonly number[];
  readonly subscribers: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly folder: string | undefined;
}

/** Publications of a channel that Holdfast keeps, so that a burst of a publisher that was late fits. */
const retention = 20_000;

const compared = [...fanOutContenders.slice(0, 2), holdfastDisk, ...fanOutContenders.slice(2)].map(
  (contender): Contender =>
    contender.server === holdfast.server
      ? { ...contender, args: [...(contender.args ?? []), "--retention", String(retention)] }
      : contender,
);
const names = compared.map(({ name }) => name);
const presetNames = names.filter((name) => name !== "nchan");

const description = {
  name: "latency",
  about: "Latency from a publication's due time to its deliveries, at rising rates.",
  options: {
    contenders: {
      value: "A,B",
      default: presetNames.join(","),
      about: `servers to compare, of ${names.join(",")}`,
    },
    rates: {
      value: "N,N",
      default: "100,200,500,1000,2000,4000,8000",
      about: "publications a second, rising",
    },
    subscribers: { value: "N", default: "100", about: "subscribers of the channel" },
    bytes: { value: "N", default: "100", about: "bytes of a message" },
    seconds: { value: "S", default: "4", about: "length of each measurement" },
    "warm-up": { value: "S", default: "1", about: "seconds before each measurement that do not count" },
    rounds: { value: "N", default: "3", about: "measurements of each contender and rate" },
    folder: { value: "DIR", about: "where data is kept (default: the system's folder for temporary files)" },
    json: jsonOption("latency"),
  },
};

await runBench(async () => {
  const options = readOptions(description);
  const settings = readSettings(options);
  const { subscribers, bytes, seconds, rounds, folder } = settings;
  const { installed, missing } = installedOf(
    compared.filter(({ name }) => settings.contenders.includes(name)),
  );
  const machine = describeMachine();
  const data = describeDataParent(folder);
  const progress = new Progress();
  compileServers();
  const samples: LatencySample[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const contender of rotated(installed, round - 1))
      samples.push(...(await measure(contender, round, settings, progress)));
  progress.clear();
  samples.sort((a, b) => names.indexOf(a.contender) - names.indexOf(b.contender));
  console.log(
    `\n${describe(machine)}\n${formatCount(subscribers)} subscribers, ${bytes}-byte messages, ${rounds} × ${seconds} s each; ${data}\n`,
  );
  console.log(`${latencyTable(samples, missing)}\n${latencyLegend}`);
  const note = noteOnOthers(samples);
  if (note !== "") console.log(note);
  writeResults(options, "latency", { machine, settings: { ...settings, retention, data, missing }, samples });
});

/** All rates, until one is too high. */
async function measure(
  contender: Contender,
  round: number,
  settings: Settings,
  progress: Progress,
): Promise<LatencySample[]> {
  const { rates, subscribers, bytes, seconds, warmUpSeconds, rounds, folder } = settings;
  const where = `latency: round ${round} of ${rounds}, ${contender.name}`;
  progress.say(`${where}: connecting`);
  const server = await startServer(contender, { dataParent: folder });
  const samples: LatencySample[] = [];
  try {
    const loop = await OpenLoop.open({ contender, port: server.port, subscribers, bytes });
    for (const rate of rates) {
      const measured = await measureUsage(server, () => loop.run(rate, seconds, warmUpSeconds));
      samples.push({ contender: contender.name, round, rate, subscribers, ...measured });
      const { p50Ms, p99Ms, isSaturated, hasEnded } = measured;
      const kept = `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`;
      const lost = hasEnded ? "the server gave up on subscribers" : "saturated";
      progress.say(`${where}, ${formatCount(rate)}/s: ${isSaturated ? lost : kept}`);
      if (isSaturated) break;
    }
    loop.close();
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  } finally {
    await server.stop();
  }
  return samples;
}

function readSettings(options: Options): Settings {
  return {
    contenders: options.words("contenders", names),
    rates: options.integers("rates", { min: 1, max: 1_000_000 }).toSorted((a, b) => a - b),
    subscribers: options.integer("subscribers", { min: 1, max: maxConnections() }),
    bytes: options.integer("bytes", { min: minPayloadBytes, max: 32_768 }),
    seconds: options.number("seconds", { min: 0.1, max: 600 }),
    warmUpSeconds: options.number("warm-up", { min: 0, max: 600 }),
    rounds: options.integer("rounds", { min: 1, max: 100 }),
    folder: options.text("folder"),
  };
}
