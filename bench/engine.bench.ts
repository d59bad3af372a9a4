/**
 * What does the WebSocket engine, `holdfast/websocket`, cost beside the `ws` package, without anything on top of either?
 * Both take turns in rounds, each on a fresh server, so that what the machine does besides hits both.
 */

import { maxConnections } from "@holdfast/lab/node";
import { formatCount } from "@holdfast/lab/report";
import { memoryLegend, memoryTable, rateLegend, rateTable } from "./reports/engine.js";
import { jsonOption, type Options, readOptions, runBench, writeResults } from "./support/command.js";
import {
  baseEngine,
  type MemorySample,
  measureMemory,
  measureRate,
  memoryScenarios,
  ownEngine,
  type RateSample,
  rateScenarios,
  scenarioGroups,
} from "./support/engine.js";
import { describe, describeMachine, Progress, rotated } from "./support/report.js";
import { compileServers } from "./support/server-process.js";
import { noteOnOthers } from "./support/server-usage.js";

interface Settings {
  readonly groups: readonly string[];
  readonly subscribers: number;
  readonly connections: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
}

const description = {
  name: "engine",
  about: "The WebSocket engine alone beside the ws package: rates, the server's CPU time and its memory.",
  options: {
    scenarios: { value: "A,B", default: scenarioGroups.join(","), about: "what to measure" },
    subscribers: { value: "N", default: "1000", about: "subscribers of the broadcasts" },
    connections: { value: "N", default: "10000", about: "idle connections of the memory scenarios" },
    seconds: { value: "S", default: "2", about: "length of each measurement of a rate" },
    "warm-up": { value: "S", default: "1", about: "seconds before each of them that do not count" },
    rounds: { value: "N", default: "3", about: "measurements of each rate and server" },
    json: jsonOption("engine"),
  },
};

const engines = [ownEngine, baseEngine];

await runBench(async () => {
  const options = readOptions(description);
  const settings = readSettings(options);
  const isWanted = ({ group }: { readonly group: string }) => settings.groups.includes(group);
  const machine = describeMachine();
  const progress = new Progress();
  compileServers();
  const rates = await measureRates(settings, progress);
  const memories = await measureMemories(settings, progress);
  progress.clear();
  console.log(`\n${describe(machine)}\n${describeSettings(settings)}`);
  if (rates.length > 0) console.log(`\n${rateTable(rateScenarios.filter(isWanted), rates)}${rateLegend}`);
  if (memories.length > 0)
    console.log(`\n${memoryTable(memoryScenarios.filter(isWanted), memories)}${memoryLegend}`);
  const note = noteOnOthers(rates);
  if (note !== "") console.log(note);
  writeResults(options, "engine", { machine, settings, rates, memories });
});

async function measureRates(settings: Settings, progress: Progress): Promise<RateSample[]> {
  const samples: RateSample[] = [];
  for (let round = 1; round <= settings.rounds; round++)
    for (const scenario of rateScenarios.filter(({ group }) => settings.groups.includes(group)))
      for (const engine of rotated(engines, round - 1)) {
        const where = `engine: round ${round} of ${settings.rounds}, ${scenario.title}, ${engine.name}`;
        progress.say(where);
        const sample = await named(where, measureRate(scenario, engine, round, settings));
        samples.push(sample);
        progress.say(
          `${where}: ${formatCount(sample.perSecond)}/s, ${sample.serverCpuMicrosEach.toFixed(2)} µs each`,
        );
      }
  return samples;
}

async function measureMemories(settings: Settings, progress: Progress): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  for (const scenario of memoryScenarios.filter(({ group }) => settings.groups.includes(group)))
    for (const engine of engines) {
      const where = `engine: ${scenario.title}, ${engine.name}`;
      progress.say(`${where}: ${formatCount(settings.connections)} connections`);
      const sample = await named(where, measureMemory(scenario, engine, settings.connections));
      samples.push(sample);
      progress.say(`${where}: ${(sample.rssBytesEach / 1024).toFixed(2)} KiB each`);
    }
  return samples;
}

/** Says where an error came from. */
async function named<T>(where: string, measured: Promise<T>): Promise<T> {
  try {
    return await measured;
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  }
}

function readSettings(options: Options): Settings {
  return {
    groups: options.words("scenarios", scenarioGroups),
    subscribers: options.integer("subscribers", { min: 1, max: maxConnections() }),
    connections: options.integer("connections", { min: 1, max: maxConnections() }),
    seconds: options.number("seconds", { min: 0.1, max: 600 }),
    warmUpSeconds: options.number("warm-up", { min: 0, max: 600 }),
    rounds: options.integer("rounds", { min: 1, max: 100 }),
  };
}

function describeSettings({ subscribers, connections, rounds, seconds }: Settings): string {
  return (
    `${formatCount(subscribers)} subscribers, ${formatCount(connections)} idle connections, ` +
    `${rounds} × ${seconds} s for each rate`
  );
}
