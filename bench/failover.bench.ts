/**
 * One of several nodes on one store is killed with SIGKILL, and its subscribers come back to the others at once: how long until they are
 * live again, does anybody miss anything or get it twice, and how often do the others read a log for them?
 */

import { setTimeout as sleep } from "node:timers/promises";
import { maxConnections } from "@holdfast/lab/node";
import { formatCount } from "@holdfast/lab/report";
import { type LiveTimes, liveTimes } from "./reports/recovery.js";
import { jsonOption, type Options, readOptions, runBench, writeResults } from "./support/command.js";
import { NativeProcess } from "./support/native-process.js";
import { natsStore } from "./support/nats-server.js";
import { minPayloadBytes } from "./support/payload.js";
import { crowdOptions, type Faults, RecoveryCrowd, recoveryTimeoutMs } from "./support/recovery-crowd.js";
import { redisStore } from "./support/redis-server.js";
import { describe, describeMachine, Progress, summarize, table } from "./support/report.js";
import { createDataFolder, describeDataParent, removeDataFolder } from "./support/running-server.js";
import { compileServers, ServerProcess } from "./support/server-process.js";

const stores = { redis: redisStore, nats: natsStore };

interface Settings {
  readonly brokers: readonly string[];
  readonly nodes: number;
  readonly clients: number;
  readonly channels: number;
  readonly rate: number;
  readonly bytes: number;
  readonly connecting: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly folder: string | undefined;
}

interface Sample extends Faults, LiveTimes {
  readonly broker: string;
  readonly round: number;
  /** Clients of the node that was killed. */
  readonly cut: number;
  readonly live: number;
  /** Connections that were lost to nodes that were not killed. */
  readonly lostElsewhere: number;
  /** Publications that nobody has because nodes refused them for the moment. */
  readonly refused: number;
  /** From the kill until a publication was acknowledged that was sent after it, to a node that lives. */
  readonly acknowledgedMs: number | undefined;
  /** The most that one node read after the kill, for each channel; undefined where that is not counted. */
  readonly readsPerChannel: number | undefined;
}

const description = {
  name: "failover",
  about: "Time until the clients of a killed node are live on the others, and what they missed.",
  options: {
    brokers: {
      value: "A,B",
      default: "shared,redis,nats",
      about: "what the nodes share: shared, redis, nats",
    },
    nodes: { value: "N", default: "3", about: "nodes, the first of which is killed" },
    clients: { value: "N", default: "5000", about: "subscribers over all nodes, a connection each" },
    rounds: { value: "N", default: "3", about: "kills, each of a fresh cluster" },
    ...crowdOptions,
    json: jsonOption("failover"),
  },
};

const legend =
  "cut: clients of the killed node. first, half, 99 %, last: milliseconds from SIGKILL until so many of them are live on another\n" +
  "node; live is who has subscribed again with its position and has everything that was acknowledged or seen by anybody before.\n" +
  "Medians over the rounds. gaps, duplicates, lost: over all clients, also those of the other nodes, and all rounds. lost elsewhere:\n" +
  "connections to nodes that were not killed. refused: publishes that a node refused for the moment.\n" +
  "acknowledged: milliseconds from SIGKILL until a publish that was sent after it was acknowledged.\n" +
  "reads: of logs, by the node that read most from the kill until all were live, for each\n" +
  "channel; in a store of one machine they are not counted. With shared, the node that is killed owns the store.";

await runBench(async () => {
  const options = readOptions(description);
  const settings = readSettings(options);
  const { brokers, nodes, clients, channels, rate, bytes, rounds, folder } = settings;
  const machine = describeMachine();
  const progress = new Progress();
  compileServers();
  const samples: Sample[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const broker of brokers)
      samples.push(
        await measure(broker, round, settings, (text) =>
          progress.say(`failover: round ${round} of ${rounds}, ${broker}: ${text}`),
        ),
      );
  progress.clear();
  console.log(
    `\n${describe(machine)}\n${formatCount(clients)} clients on ${nodes} nodes and ${formatCount(channels)} channels, ` +
      `${formatCount(rate)} publications/s of ${bytes} bytes, ${rounds} kills each; ${describeDataParent(folder)}\n`,
  );
  console.log(`${failoverTable(samples)}\n${legend}`);
  writeResults(options, "failover", { machine, settings, samples });
  const faulty = samples.filter(isFaulty);
  if (faulty.length > 0)
    throw new Error(`clients missed something, or not all came back: ${JSON.stringify(faulty, null, 2)}`);
});

async function measure(
  broker: string,
  round: number,
  settings: Settings,
  say: (text: string) => void,
): Promise<Sample> {
  const { clients, rate, bytes, connecting, seconds } = settings;
  const folder = createDataFolder(settings.folder);
  const started: { stop(): Promise<void> }[] = [];
  try {
    const nodes = await startNodes(broker, folder, settings.nodes, started);
    const channels = Array.from({ length: settings.channels }, (_, i) => `failover${i}`);
    const ports = nodes.map(({ port }) => port);
    const crowd = new RecoveryCrowd({ ports, clients, channels, rate, bytes, maxConnecting: connecting });
    started.push({ stop: async () => crowd.close() });
    say(`connecting ${formatCount(clients)} clients`);
    await crowd.connect();
    await sleep(seconds * 1000);
    say("killing a node");
    const [killed, ...others] = nodes as [ServerProcess, ...ServerProcess[]];
    const cut = Math.ceil(clients / nodes.length);
    const readsBefore = await readsOf(others);
    crowd.expectLoss();
    const killedAt = performance.now();
    await killed.kill();
    while (crowd.liveTimes().length < cut && performance.now() - killedAt < recoveryTimeoutMs)
      await sleep(20);
    const readsAfter = await readsOf(others);
    await sleep(seconds * 1000);
    await crowd.settle();
    const times = crowd.liveTimes();
    if (times.length === 0) throw new Error(`no client came back: ${crowd.lastFailure}`);
    const reads = readsAfter.map((count, i) => count - (readsBefore[i] as number));
    const sample: Sample = {
      broker,
      round,
      cut,
      live: times.length,
      ...liveTimes(times, killedAt),
      lostElsewhere: crowd.losses - cut,
      refused: crowd.publisher.refused,
      acknowledgedMs: elapsedSince(killedAt, crowd.publisher.acknowledgedAt),
      readsPerChannel: broker === "shared" ? undefined : Math.max(...reads) / channels.length,
      ...crowd.faults(),
    };
    say(
      `all live ${formatCount(sample.last)} ms after the kill; ${sample.gaps} gaps, ${sample.duplicates} duplicates`,
    );
    return sample;
  } finally {
    for (const each of started.reverse()) await each.stop();
    removeDataFolder(folder);
  }
}

async function startNodes(
  broker: string,
  folder: string,
  count: number,
  started: { stop(): Promise<void> }[],
): Promise<readonly ServerProcess[]> {
  const args = ["--durability", "process"];
  if (broker === "shared") args.push("--data", folder);
  else {
    const store = stores[broker as keyof typeof stores];
    const running = await NativeProcess.start(store, folder);
    started.push(running);
    args.push("--store", store.url(running.port));
  }
  const nodes: ServerProcess[] = [];
  for (let i = 0; i < count; i++) {
    const node = await ServerProcess.start({ name: `node ${i + 1}`, server: "holdfast" }, { args });
    started.push(node);
    nodes.push(node);
  }
  return nodes;
}

async function readsOf(nodes: readonly ServerProcess[]): Promise<readonly number[]> {
  const stats = await Promise.all(nodes.map((node) => node.ask("stats")));
  return stats.map(({ historyReads = 0 }) => historyReads);
}

function elapsedSince(start: number, end: number | undefined): number | undefined {
  return end === undefined ? undefined : Math.round(end - start);
}

function isFaulty(sample: Sample): boolean {
  const { gaps, duplicates, unrecovered, lostAcknowledged, contradictions, lostElsewhere, live, cut } =
    sample;
  return (
    gaps + duplicates + unrecovered + lostAcknowledged + contradictions + lostElsewhere > 0 || live < cut
  );
}

function failoverTable(samples: readonly Sample[]): string {
  const head = [
    "",
    "cut",
    "first",
    "half",
    "99 %",
    "last",
    "unrecovered",
    "gaps",
    "duplicates",
    "lost",
    "lost elsewhere",
    "refused",
    "acknowledged",
    "reads",
  ];
  const rows = [...new Set(samples.map(({ broker }) => broker))].map((broker) => {
    const own = samples.filter((sample) => sample.broker === broker);
    const median = (figure: (sample: Sample) => number) => formatCount(summarize(own.map(figure)).median);
    const total = (figure: (sample: Sample) => number) =>
      formatCount(own.reduce((sum, sample) => sum + figure(sample), 0));
    return [
      `holdfast, ${broker}`,
      median(({ cut }) => cut),
      median(({ first }) => first),
      median(({ p50 }) => p50),
      median(({ p99 }) => p99),
      median(({ last }) => last),
      total(({ unrecovered }) => unrecovered),
      total(({ gaps }) => gaps),
      total(({ duplicates }) => duplicates),
      total(({ lostAcknowledged }) => lostAcknowledged),
      total(({ lostElsewhere }) => lostElsewhere),
      total(({ refused }) => refused),
      median(({ acknowledgedMs = Number.POSITIVE_INFINITY }) => acknowledgedMs),
      broker === "shared"
        ? "-"
        : summarize(own.map(({ readsPerChannel = 0 }) => readsPerChannel)).median.toFixed(2),
    ];
  });
  return table(head, rows);
}

function readSettings(options: Options): Settings {
  return {
    brokers: options.words("brokers", ["shared", "redis", "nats"]),
    nodes: options.integer("nodes", { min: 2, max: 10 }),
    clients: options.integer("clients", { min: 2, max: maxConnections() }),
    channels: options.integer("channels", { min: 1, max: 1_000_000 }),
    rate: options.number("rate", { min: 1, max: 100_000 }),
    bytes: options.integer("bytes", { min: minPayloadBytes, max: 32_768 }),
    connecting: options.integer("connecting", { min: 1, max: 10_000 }),
    seconds: options.number("seconds", { min: 0.1, max: 600 }),
    rounds: options.integer("rounds", { min: 1, max: 100 }),
    folder: options.text("folder"),
  };
}
