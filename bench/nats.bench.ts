/**
 * What does the broker for NATS add to JetStream? Acknowledged publications per second, and the time until another node has one, of
 * the broker and of bare messages on the same server, in turns; and what it costs when several nodes publish to one channel. Nodes are
 * brokers in this process, each with its own connection.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { LatencyHistogram } from "@holdfast/lab/load";
import { formatCount } from "@holdfast/lab/report";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { createNatsBroker, type NatsBroker } from "../packages/holdfast/src/brokers/nats/nats-broker.js";
import type { BrokerEvents } from "../packages/holdfast/src/channels/broker.js";
import { systemClock } from "../packages/holdfast/src/sockets/system-clock.js";
import { jsonOption, readOptions, runBench, writeResults } from "./support/command.js";
import { isInstalled, NativeProcess, type NativeServer } from "./support/native-process.js";
import { describe, describeMachine, summarize, summarizeLatencies, table } from "./support/report.js";
import { createDataFolder, describeDataParent, removeDataFolder } from "./support/running-server.js";

const description = {
  name: "nats",
  about: "Publications per second and latency of the broker for NATS, beside bare JetStream.",
  options: {
    publishers: { value: "N", default: "1000", about: "publishers, each waiting for its acknowledgements" },
    bytes: { value: "N", default: "100", about: "bytes of a message" },
    seconds: { value: "S", default: "5", about: "length of each measurement" },
    rounds: { value: "N", default: "3", about: "measurements of each" },
    folder: { value: "DIR", about: "where data is kept (default: the system's folder for temporary files)" },
    json: jsonOption("nats"),
  },
};

const server: NativeServer = {
  files: ["/usr/sbin/nats-server"],
  ports: 1,
  configure(folder, [port]) {
    const file = join(folder, "nats.conf");
    writeFileSync(file, `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${folder}" }`);
    return ["--config", file];
  },
};

const retention = { maxEntries: 1000, maxBytes: 4 * 1024 * 1024, ttlMs: 24 * 60 * 60 * 1000 };
const streams = 16;
const warmUpSeconds = 1;
const latencySamples = 2000;

interface Sample {
  readonly what: string;
  readonly round: number;
  readonly perSecond?: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function measureAll(
  {
    publishers,
    bytes,
    seconds,
    folder,
  }: {
    readonly publishers: number;
    readonly bytes: number;
    readonly seconds: number;
    readonly folder: string | undefined;
  },
  round: number,
): Promise<Sample[]> {
  const dataFolder = createDataFolder(folder);
  const running = await NativeProcess.start(server, dataFolder);
  const address = `127.0.0.1:${running.port}`;
  const bare = await BareJetStream.open(address);
  const nodes = [await openNode(address), await openNode(address), await openNode(address)] as const;
  const text = JSON.stringify("x".repeat(bytes - 2));
  const content = new TextEncoder().encode(text);
  const toChannel = (channel: string, node: Node = nodes[0]) =>
    node.broker.log.publish(channel, { data: text }, { retention });
  const samples: Sample[] = [];
  const rate = async (what: string, count: number, publish: (publisher: number) => Promise<unknown>) => {
    samples.push({ what, round, ...(await publishFor(seconds, count, publish)) });
  };
  try {
    await rate("bare JetStream, a subject each", publishers, (i) => bare.publish(i, `s${i}`, content));
    await rate("broker, a channel each", publishers, (i) => toChannel(`c${i}`));
    await rate("bare JetStream, one subject", publishers, () => bare.publish(0, "one", content));
    await rate("broker, one channel", publishers, () => toChannel("one"));
    await rate("broker, one channel, two nodes", publishers, (i) => toChannel("two", nodes[i % 2]));
    await rate("broker, one channel, three nodes", publishers, (i) => toChannel("three", nodes[i % 3]));
    await rate("bare JetStream, one publisher", 1, () => bare.publish(0, "alone", content));
    await rate("broker, one publisher", 1, () => toChannel("alone"));
    const [, other] = nodes;
    await other.broker.log.subscribe("seen");
    const until = {
      node: (seen: () => void) => {
        other.onPublication = seen;
      },
      bare: (seen: () => void) => {
        bare.onMessage = seen;
      },
    };
    samples.push({
      what: "bare JetStream, until a subscriber of what is republished has it",
      round,
      ...(await timeEach(until.bare, () => bare.publish(0, "seen", content))),
    });
    samples.push({
      what: "broker, until another node has it",
      round,
      ...(await timeEach(until.node, () => toChannel("seen"))),
    });
    return samples;
  } finally {
    for (const { broker } of nodes) await broker.close();
    await bare.close();
    await running.stop();
    removeDataFolder(dataFolder);
  }
}

interface Node {
  readonly broker: NatsBroker;
  onPublication: () => void;
}

async function openNode(address: string): Promise<Node> {
  const broker = createNatsBroker(
    { url: `nats://${address}`, streams },
    {
      clock: systemClock,
      onError: (error) => {
        throw error;
      },
    },
  );
  const node: Node = { broker, onPublication: () => {} };
  const nothing = () => {};
  const events: BrokerEvents = {
    log: { onPublication: () => node.onPublication(), onDisconnect: nothing, onReconnect: nothing },
    presence: { onJoin: nothing, onLeave: nothing },
    cluster: { onCommand: async () => ({}), onHistoryRemoved: nothing },
  };
  await broker.open(events, {
    node: { id: crypto.randomUUID(), name: "bench", version: "0.0.0", startedAt: 0 },
    needs: { hasMaps: false, durability: "process" },
  });
  return node;
}

/** Messages without offsets, epochs, history and expectations, on as many streams with the same limits. */
class BareJetStream {
  readonly #publisher: NatsConnection;
  readonly #subscriber: NatsConnection;
  onMessage: () => void = () => {};

  private constructor(publisher: NatsConnection, subscriber: NatsConnection) {
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    subscriber.subscribe("bare-live.*.seen", { callback: () => this.onMessage() });
  }

  static async open(address: string): Promise<BareJetStream> {
    const bare = new BareJetStream(await connect({ servers: address }), await connect({ servers: address }));
    await bare.#subscriber.flush();
    for (let i = 0; i < streams; i++) {
      const config = {
        name: `bare_${i}`,
        subjects: [`bare.${i}.>`],
        storage: "file",
        max_msgs_per_subject: retention.maxEntries,
        republish: { src: `bare.${i}.>`, dest: `bare-live.${i}.>` },
        allow_direct: true,
      };
      await bare.#publisher.request(`$JS.API.STREAM.CREATE.bare_${i}`, JSON.stringify(config));
    }
    return bare;
  }

  publish(publisher: number, subject: string, content: Uint8Array): Promise<unknown> {
    return this.#publisher.request(`bare.${publisher % streams}.${subject}`, content);
  }

  async close(): Promise<void> {
    await this.#publisher.close();
    await this.#subscriber.close();
  }
}

/** Publishers that each publish again as soon as they are acknowledged. */
async function publishFor(
  seconds: number,
  publishers: number,
  publish: (publisher: number) => Promise<unknown>,
): Promise<Omit<Sample, "what" | "round">> {
  const latencies = new LatencyHistogram();
  let isMeasuring = false;
  let isOver = false;
  let published = 0;
  const run = async (publisher: number) => {
    while (!isOver) {
      const start = performance.now();
      await publish(publisher);
      if (!isMeasuring) continue;
      published++;
      latencies.record(performance.now() - start);
    }
  };
  const all = Promise.all(Array.from({ length: publishers }, (_, publisher) => run(publisher)));
  await sleep(warmUpSeconds);
  isMeasuring = true;
  const start = performance.now();
  await sleep(seconds);
  isMeasuring = false;
  const elapsedMs = performance.now() - start;
  isOver = true;
  await all;
  return { perSecond: (published * 1000) / elapsedMs, ...summarizeLatencies(latencies) };
}

/** One after the other, from the publish until it is seen. */
async function timeEach(
  onSeen: (seen: () => void) => void,
  publish: () => Promise<unknown>,
): Promise<Omit<Sample, "what" | "round">> {
  const latencies = new LatencyHistogram();
  for (let i = 0; i < latencySamples; i++) {
    const start = performance.now();
    const seen = new Promise<void>((resolve) => onSeen(resolve));
    const published = publish();
    await seen;
    latencies.record(performance.now() - start);
    await published;
  }
  return summarizeLatencies(latencies);
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

await runBench(async () => {
  const options = readOptions(description);
  const settings = {
    publishers: options.integer("publishers", { min: 1, max: 100_000 }),
    bytes: options.integer("bytes", { min: 2, max: 100_000 }),
    seconds: options.number("seconds", { min: 0.1, max: 600 }),
    rounds: options.integer("rounds", { min: 1, max: 100 }),
    folder: options.text("folder"),
  };
  if (!isInstalled(server)) throw new Error("nats-server is not installed");
  const samples: Sample[] = [];
  for (let round = 1; round <= settings.rounds; round++) samples.push(...(await measureAll(settings, round)));
  const machine = describeMachine();
  const data = describeDataParent(settings.folder);
  console.log(
    `${describe(machine)}\n${settings.bytes}-byte messages, ${settings.publishers} publishers, ${settings.rounds} × ${settings.seconds} s each, medians; ${data}\n`,
  );
  const names = [...new Set(samples.map(({ what }) => what))];
  console.log(
    table(
      ["", "per second", "p50 ms", "p99 ms"],
      names.map((name) => {
        const all = samples.filter(({ what }) => what === name);
        const rates = all.flatMap((each) => each.perSecond ?? []);
        return [
          name,
          rates.length === 0 ? "" : formatCount(summarize(rates).median),
          summarize(all.map(({ p50Ms }) => p50Ms)).median.toFixed(2),
          summarize(all.map(({ p99Ms }) => p99Ms)).median.toFixed(2),
        ];
      }),
    ),
  );
  writeResults(options, "nats", { machine, settings: { ...settings, data }, samples });
});
