/**
 * A server with many subscribers is killed with SIGKILL and started again on the same folder, while all come back at once:
 * how long until they are live again, and does anybody miss anything or get it twice?
 */

import { setTimeout as sleep } from "node:timers/promises";
import { maxConnections } from "@holdfast/lab/node";
import { formatCount } from "@holdfast/lab/report";
import {
  curveOf,
  liveTimes,
  type RecoverySample,
  recoveryLegend,
  recoveryTable,
} from "./reports/recovery.js";
import { jsonOption, type Options, readOptions, runBench, writeResults } from "./support/command.js";
import { freePorts } from "./support/native-process.js";
import { minPayloadBytes } from "./support/payload.js";
import { crowdOptions, RecoveryCrowd, recoveryTimeoutMs } from "./support/recovery-crowd.js";
import { describe, describeMachine, Progress } from "./support/report.js";
import { createDataFolder, describeDataParent, removeDataFolder } from "./support/running-server.js";
import { compileServers, ServerProcess } from "./support/server-process.js";

interface Settings {
  readonly durabilities: readonly string[];
  readonly clients: number;
  readonly channels: number;
  readonly rate: number;
  readonly bytes: number;
  readonly connecting: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly folder: string | undefined;
}

const description = {
  name: "recovery",
  about: "Time until all clients are live again after a crash of the server, and what they missed.",
  options: {
    durability: {
      value: "A,B",
      default: "process,disk",
      about: "when a publish is acknowledged: process, disk",
    },
    clients: { value: "N", default: "1000", about: "subscribers, a connection each" },
    rounds: { value: "N", default: "3", about: "crashes, each of a fresh server" },
    ...crowdOptions,
    json: jsonOption("recovery"),
  },
};

await runBench(async () => {
  const options = readOptions(description);
  const settings = readSettings(options);
  const { durabilities, clients, channels, rate, bytes, connecting, rounds, folder } = settings;
  const machine = describeMachine();
  const data = describeDataParent(folder);
  const progress = new Progress();
  compileServers();
  const samples: RecoverySample[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const durability of durabilities) {
      const say = (text: string) =>
        progress.say(`recovery: round ${round} of ${rounds}, ${durability}: ${text}`);
      samples.push(await measure(durability, round, settings, say));
    }
  progress.clear();
  console.log(
    `\n${describe(machine)}\n${formatCount(clients)} clients on ${formatCount(channels)} channels, ${formatCount(rate)} publications/s of ` +
      `${bytes} bytes, ${connecting} connecting at a time, ${rounds} crashes each; ${data}\n`,
  );
  console.log(`${recoveryTable(samples)}\n${recoveryLegend}`);
  writeResults(options, "recovery", { machine, settings: { ...settings, data }, samples });
  const faulty = samples.filter(isFaulty).map(({ curve, ...sample }) => sample);
  if (faulty.length > 0)
    throw new Error(`clients missed something, or not all came back: ${JSON.stringify(faulty, null, 2)}`);
});

async function measure(
  durability: string,
  round: number,
  settings: Settings,
  say: (text: string) => void,
): Promise<RecoverySample> {
  const { clients, rate, bytes, connecting, seconds } = settings;
  const [port] = (await freePorts(1)) as [number];
  const folder = createDataFolder(settings.folder);
  const start = () =>
    ServerProcess.start(
      { name: "holdfast", server: "holdfast" },
      { args: ["--data", folder, "--durability", durability, "--port", String(port)] },
    );
  const channels = Array.from({ length: settings.channels }, (_, i) => `recovery${i}`);
  const crowd = new RecoveryCrowd({
    ports: [port],
    clients,
    channels,
    rate,
    bytes,
    maxConnecting: connecting,
  });
  let server = await start();
  try {
    say(`connecting ${formatCount(clients)} clients`);
    await crowd.connect();
    await sleep(seconds * 1000);
    say("killing the server");
    crowd.expectLoss();
    const killedAt = performance.now();
    await server.kill();
    server = await start();
    const listeningAt = performance.now();
    await allLive(crowd, clients, killedAt);
    const delays = crowd.takeDelays();
    await sleep(seconds * 1000);
    await crowd.settle();
    const times = crowd.liveTimes();
    if (times.length === 0) throw new Error(`no client came back: ${crowd.lastFailure}`);
    const sample: RecoverySample = {
      durability,
      round,
      clients,
      live: times.length,
      downMs: listeningAt - killedAt,
      sinceKill: liveTimes(times, killedAt),
      sinceListening: liveTimes(times, listeningAt),
      deliveryP99Ms: delays.length === 0 ? undefined : liveTimes(delays, 0).p99,
      deliveries: delays.length,
      failedAttempts: crowd.attemptsFailed,
      lostAgain: crowd.losses - clients,
      published: crowd.publisher.published,
      acknowledged: crowd.publisher.acknowledged,
      ...crowd.faults(),
      curve: curveOf(times, killedAt),
    };
    say(
      `down for ${formatCount(sample.downMs)} ms, all live ${formatCount(sample.sinceListening.last)} ms later; ` +
        `${sample.gaps} gaps, ${sample.duplicates} duplicates`,
    );
    return sample;
  } finally {
    crowd.close();
    await server.stop();
    removeDataFolder(folder);
  }
}

/** Waits until everybody is back, or too long. */
async function allLive(crowd: RecoveryCrowd, clients: number, since: number): Promise<void> {
  while (crowd.liveTimes().length < clients && performance.now() - since < recoveryTimeoutMs)
    await sleep(100);
}

function isFaulty(sample: RecoverySample): boolean {
  const { gaps, duplicates, unrecovered, lostAcknowledged, contradictions, lostAgain, live, clients } =
    sample;
  return (
    gaps + duplicates + unrecovered + lostAcknowledged + contradictions + lostAgain > 0 || live < clients
  );
}

function readSettings(options: Options): Settings {
  return {
    durabilities: options.words("durability", ["process", "disk"]),
    clients: options.integer("clients", { min: 1, max: maxConnections() }),
    channels: options.integer("channels", { min: 1, max: 1_000_000 }),
    rate: options.number("rate", { min: 1, max: 100_000 }),
    bytes: options.integer("bytes", { min: minPayloadBytes, max: 32_768 }),
    connecting: options.integer("connecting", { min: 1, max: 10_000 }),
    seconds: options.number("seconds", { min: 0.1, max: 600 }),
    rounds: options.integer("rounds", { min: 1, max: 100 }),
    folder: options.text("folder"),
  };
}
