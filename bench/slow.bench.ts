/**
 * Some subscribers of a channel stop reading for good: what does that cost those that read, and the server's memory?
 * Contenders take turns in rounds, each on a fresh server.
 */

import { LatencyHistogram } from "@holdfast/lab/load";
import { maxConnections } from "@holdfast/lab/node";
import { formatCount } from "@holdfast/lab/report";
import { type SlowHalf, type SlowSample, slowLegend, slowTable } from "./reports/slow.js";
import { jsonOption, type Options, readOptions, runBench, writeResults } from "./support/command.js";
import { type Contender, holdfast, holdfastDurable, socketIo, ws } from "./support/contenders.js";
import { FanOut } from "./support/fan-out.js";
import { minPayloadBytes } from "./support/payload.js";
import { describe, describeMachine, Progress, rotated, summarizeLatencies } from "./support/report.js";
import { describeDataParent, type RunningServer, startServer } from "./support/running-server.js";
import { compileServers } from "./support/server-process.js";
import { measureUsage, noteOnOthers, watchMemory } from "./support/server-usage.js";
import { StalledReaders } from "./support/stalled-readers.js";

interface Settings {
  readonly contenders: readonly string[];
  readonly readers: number;
  readonly stalled: number;
  readonly window: number;
  readonly bytes: number;
  readonly fillMebibytes: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly folder: string | undefined;
}

const compared: readonly Contender[] = [holdfast, holdfastDurable, ws, socketIo];
const names = compared.map(({ name }) => name);

const description = {
  name: "slow",
  about: "Deliveries to those who read, with and without others that don't, and the server's memory.",
  options: {
    contenders: { value: "A,B", default: names.join(","), about: "servers to compare" },
    readers: { value: "N", default: "1000", about: "subscribers that read" },
    stalled: { value: "N", default: "100", about: "subscribers that never read" },
    window: { value: "W", default: "1", about: "publications outstanding at a time" },
    bytes: { value: "N", default: "4096", about: "bytes of a message" },
    fill: {
      value: "MiB",
      default: "6",
      about: "sent to each stalled one first, until both systems' buffers are full",
    },
    seconds: { value: "S", default: "15", about: "length of each half; Holdfast cuts the stalled after 30" },
    "warm-up": { value: "S", default: "2", about: "seconds before each half that do not count" },
    rounds: { value: "N", default: "3", about: "measurements of each contender" },
    folder: { value: "DIR", about: "where data is kept (default: the system's folder for temporary files)" },
    json: jsonOption("slow"),
  },
};

await runBench(async () => {
  const options = readOptions(description);
  const settings = readSettings(options);
  const { readers, stalled, window, bytes, seconds, rounds, folder } = settings;
  const contenders = compared.filter(({ name }) => settings.contenders.includes(name));
  const machine = describeMachine();
  const data = describeDataParent(folder);
  const progress = new Progress();
  compileServers();
  const samples: SlowSample[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const contender of rotated(contenders, round - 1)) {
      const say = (text: string) =>
        progress.say(`slow: round ${round} of ${rounds}, ${contender.name}: ${text}`);
      samples.push(await measure(contender, round, settings, say));
    }
  progress.clear();
  samples.sort((a, b) => names.indexOf(a.contender) - names.indexOf(b.contender));
  console.log(
    `\n${describe(machine)}\n${formatCount(readers)} readers, ${formatCount(stalled)} stalled, window ${window}, ` +
      `${bytes}-byte messages, ${rounds} × 2 × ${seconds} s each; ${data}\n`,
  );
  console.log(`${slowTable(samples)}\n${slowLegend}`);
  const note = noteOnOthers(samples.flatMap((sample) => [sample.without, sample.with]));
  if (note !== "") console.log(note);
  writeResults(options, "slow", { machine, settings: { ...settings, data }, samples });
});

async function measure(
  contender: Contender,
  round: number,
  settings: Settings,
  say: (text: string) => void,
): Promise<SlowSample> {
  const { stalled, bytes, folder } = settings;
  const server = await startServer(contender, { dataParent: folder });
  const common = { contender, port: server.port, channel: "bench", bytes };
  try {
    say("without stalled readers");
    const without = await measureHalf(contender, server, settings);
    say(`${formatCount(without.deliveriesPerSecond)}/s; filling the buffers of stalled readers`);
    const [[filledBytes, half], memory] = await watchMemory(server, async () => {
      const fillBytes = settings.fillMebibytes * 1024 * 1024;
      const readers = await StalledReaders.open({ ...common, count: stalled, fillBytes });
      say("with stalled readers");
      const half = await measureHalf(contender, server, settings);
      // They stay till the end.
      return [readers.filledBytes, half] as const;
    });
    say(`${formatCount(without.deliveriesPerSecond)}/s, then ${formatCount(half.deliveriesPerSecond)}/s`);
    return {
      contender: contender.name,
      round,
      stalled,
      without,
      with: half,
      bytesToEachStalled: filledBytes + half.published * bytes,
      memory,
    };
  } catch (error) {
    throw new Error(`${contender.name}: ${(error as Error).message}`, { cause: error });
  } finally {
    await server.stop();
  }
}

/** Its readers come for this only, and go afterwards. */
async function measureHalf(
  contender: Contender,
  server: RunningServer,
  { readers, bytes, window, seconds, warmUpSeconds }: Settings,
): Promise<SlowHalf> {
  const fanOut = await FanOut.open({ contender, port: server.port, subscribers: readers, bytes });
  await fanOut.publishFor(warmUpSeconds, window);
  const latencies = new LatencyHistogram();
  const measured = await measureUsage(server, () => fanOut.publishFor(seconds, window, latencies));
  await fanOut.verify();
  const stats = await server.ask("stats");
  fanOut.close();
  return {
    ...summarizeLatencies(latencies),
    ...measured,
    deliveriesPerSecond: measured.deliveries / measured.seconds,
    // One more publishes.
    others: (stats.connections ?? Number.NaN) - readers - 1,
  };
}

function readSettings(options: Options): Settings {
  const max = Math.floor(maxConnections() / 2);
  return {
    contenders: options.words("contenders", names),
    readers: options.integer("readers", { min: 1, max }),
    stalled: options.integer("stalled", { min: 1, max }),
    window: options.integer("window", { min: 1, max: 1000 }),
    bytes: options.integer("bytes", { min: minPayloadBytes, max: 32_768 }),
    fillMebibytes: options.number("fill", { min: 0, max: 1024 }),
    seconds: options.number("seconds", { min: 0.1, max: 600 }),
    warmUpSeconds: options.number("warm-up", { min: 0, max: 600 }),
    rounds: options.integer("rounds", { min: 1, max: 100 }),
    folder: options.text("folder"),
  };
}
