/**
 * A server is replaced by a new version several times, with many subscribers and a publisher connected: who has to reconnect, what is
 * missed, and how long do publishes wait? By `holdfast reload`, by an ordinary restart, and the same restart of `ws` and Socket.IO.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { inParallel } from "@holdfast/lab/load";
import { maxConnections } from "@holdfast/lab/node";
import { formatCount } from "@holdfast/lab/report";
import { jsonOption, type Options, readOptions, runBench, writeResults } from "./support/command.js";
import { type Contender, socketIo, wsChannels } from "./support/contenders.js";
import { HoldfastServe } from "./support/holdfast-serve.js";
import { freePorts } from "./support/native-process.js";
import { markedPayload, minPayloadBytes } from "./support/payload.js";
import { RawClient, sourceOf } from "./support/raw-client.js";
import { RecoveryCrowd } from "./support/recovery-crowd.js";
import { describe, describeMachine, Progress, table } from "./support/report.js";
import { compileServers, ServerProcess } from "./support/server-process.js";

interface Settings {
  readonly ways: readonly string[];
  readonly clients: number;
  readonly channels: number;
  readonly rate: number;
  readonly bytes: number;
  readonly deploys: number;
  readonly seconds: number;
}

interface Sample {
  readonly name: string;
  /** Connections that were lost, over all deploys. */
  readonly reconnects: number;
  readonly missed: number;
  readonly duplicates: number;
  /** From the start of a deploy until everybody is served by the new version: the longest. */
  readonly deployMs: number;
  /** Of publishes, in milliseconds; undefined where the server acknowledges none. */
  readonly p99: number | undefined;
  readonly max: number | undefined;
}

const description = {
  name: "deploy",
  about: "What clients notice of a new version: holdfast reload, restarts of holdfast, ws and Socket.IO.",
  options: {
    ways: {
      value: "A,B",
      default: "reload,restart,ws,socket.io",
      about: "what is measured: reload, restart (of holdfast), ws, socket.io",
    },
    clients: { value: "N", default: "5000", about: "subscribers, a connection each" },
    channels: { value: "N", default: "100", about: "channels they spread over, one each" },
    rate: { value: "N", default: "100", about: "publications a second, over all channels" },
    bytes: { value: "N", default: "100", about: "bytes of a message" },
    deploys: { value: "N", default: "5", about: "deploys, one after the other" },
    seconds: { value: "S", default: "2", about: "of publishing, before and after each deploy" },
    json: jsonOption("deploy"),
  },
};

const deployTimeoutMs = 120_000;
const maxConnecting = 500;

const legend =
  "reconnects, missed, twice: over all clients and deploys. deploy: the longest, until all clients are with the new version and have what they can get.\n" +
  "publish: milliseconds until the acknowledgement of what was sent on a connection, deploys included; ws and Socket.IO acknowledge none.";

await runBench(async () => {
  const options = readOptions(description);
  const settings = readSettings(options);
  const machine = describeMachine();
  const progress = new Progress();
  const say = (text: string) => progress.say(`deploy: ${text}`);
  compileServers();
  const measures: Readonly<Record<string, () => Promise<Sample>>> = {
    reload: () => measureHoldfast("holdfast reload", settings, say, (server) => server.reload()),
    restart: () => measureHoldfast("holdfast, restarted", settings, say, (server) => server.restart()),
    ws: () => measureOther(wsChannels, settings, say),
    "socket.io": () => measureOther(socketIo, settings, say),
  };
  const samples: Sample[] = [];
  for (const way of settings.ways) samples.push(await (measures[way] as () => Promise<Sample>)());
  progress.clear();
  const { clients, channels, rate, bytes, deploys } = settings;
  console.log(
    `\n${describe(machine)}\n${formatCount(clients)} clients on ${channels} channels, ${formatCount(rate)} publications/s of ${bytes} bytes, ${deploys} deploys\n`,
  );
  console.log(`${deployTable(samples)}\n${legend}`);
  writeResults(options, "deploy", { machine, settings, samples });
  const reloaded = samples.find(({ name }) => name === "holdfast reload");
  if (reloaded && reloaded.reconnects + reloaded.missed + reloaded.duplicates > 0)
    throw new Error(`clients noticed a reload: ${JSON.stringify(reloaded)}`);
});

async function measureHoldfast(
  name: string,
  settings: Settings,
  say: (text: string) => void,
  deploy: (server: HoldfastServe) => Promise<void>,
): Promise<Sample> {
  const { clients, channels, rate, bytes, deploys, seconds } = settings;
  const [port] = (await freePorts(1)) as [number];
  const names = Array.from({ length: channels }, (_, i) => `deploy${i}`);
  const crowd = new RecoveryCrowd({ ports: [port], clients, channels: names, rate, bytes, maxConnecting });
  const server = new HoldfastServe(port);
  try {
    await server.start();
    say(`${name}: connecting ${formatCount(clients)} clients`);
    await crowd.connect();
    crowd.expectLoss();
    let deployMs = 0;
    for (let i = 1; i <= deploys; i++) {
      await sleep(seconds * 1000);
      say(`${name}: deploy ${i} of ${deploys}`);
      const losses = crowd.losses;
      const startedAt = performance.now();
      await deploy(server);
      const isBack = () => crowd.liveTimes().filter((at) => at > startedAt).length >= crowd.losses - losses;
      while (!isBack() && performance.now() - startedAt < deployTimeoutMs) await sleep(20);
      deployMs = Math.max(deployMs, performance.now() - startedAt);
    }
    await sleep(seconds * 1000);
    await crowd.settle();
    const { gaps, duplicates, lostAcknowledged } = crowd.faults();
    const latencies = crowd.publisher.latenciesMs.sort((a, b) => a - b);
    return {
      name,
      reconnects: crowd.losses,
      missed: gaps + lostAcknowledged,
      duplicates,
      deployMs,
      p99: latencies[Math.floor(latencies.length * 0.99)],
      max: latencies.at(-1),
    };
  } finally {
    crowd.close();
    await server.stop();
  }
}

/** A server without a log: what is published while a client is away is gone for it. */
async function measureOther(
  contender: Contender,
  { clients, channels, rate, bytes, deploys, seconds }: Settings,
  say: (text: string) => void,
): Promise<Sample> {
  const { name, protocol } = contender;
  let server = await ServerProcess.start(contender, {});
  let reconnects = 0;
  let duplicates = 0;
  let published = 0;
  const got = Array.from({ length: clients }, () => 0);
  const open: (RawClient | undefined)[] = [];
  const channelOf = (i: number) => `deploy${i % channels}`;
  const connect = async (i: number, generation: number) => {
    const client = await RawClient.open({ port: server.port, protocol, ...sourceOf(i, generation) });
    let last = published;
    await protocol.subscribe(client, channelOf(i));
    client.onLost = () => {
      open[i] = undefined;
    };
    client.onMessage = (message) => {
      for (const sequence of markedPayload.sequencesIn(message, bytes)) {
        if (sequence <= last) duplicates++;
        last = Math.max(last, sequence);
        got[i] = (got[i] ?? 0) + 1;
      }
    };
    open[i] = client;
  };
  const expected = Array.from({ length: channels }, () => 0);
  let publisher: RawClient | undefined;
  const openPublisher = async () => {
    const opened = await RawClient.open({ port: server.port, protocol });
    await protocol.signOn(opened);
    publisher = opened;
    publisher.onLost = () => {
      publisher = undefined;
    };
  };
  // What cannot be sent because the server is away was nevertheless there to be sent.
  const publish = () => {
    const sequence = ++published;
    const at = sequence % channels;
    expected[at] = (expected[at] ?? 0) + 1;
    publisher?.send(protocol.publish(`deploy${at}`, markedPayload.create(sequence, bytes), sequence));
  };
  say(`${name}: connecting ${formatCount(clients)} clients`);
  await inParallel(clients, (i) => connect(i, 0));
  await openPublisher();
  const timer = setInterval(publish, 1000 / rate);
  let deployMs = 0;
  try {
    for (let deploy = 1; deploy <= deploys; deploy++) {
      await sleep(seconds * 1000);
      say(`${name}: deploy ${deploy} of ${deploys}`);
      const startedAt = performance.now();
      await server.stop();
      server = await ServerProcess.start(contender, {});
      await sleep(0);
      reconnects += open.filter((client) => client === undefined).length;
      await openPublisher();
      await inParallel(clients, async (i) => {
        if (open[i] === undefined) await connect(i, deploy);
      });
      deployMs = Math.max(deployMs, performance.now() - startedAt);
    }
    await sleep(seconds * 1000);
    clearInterval(timer);
    await sleep(1000);
  } finally {
    clearInterval(timer);
    publisher?.destroy();
    for (const client of open) client?.destroy();
    await server.stop();
  }
  const missed = got.reduce((sum, count, i) => sum + (expected[i % channels] ?? 0) - count, 0);
  return {
    name: `${name}, restarted`,
    reconnects,
    missed,
    duplicates,
    deployMs,
    p99: undefined,
    max: undefined,
  };
}

function deployTable(samples: readonly Sample[]): string {
  const ms = (value: number | undefined) => (value === undefined ? "-" : formatCount(value));
  return table(
    ["", "reconnects", "missed", "twice", "deploy ms", "publish p99 ms", "max ms"],
    samples.map(({ name, reconnects, missed, duplicates, deployMs, p99, max }) => [
      name,
      formatCount(reconnects),
      formatCount(missed),
      formatCount(duplicates),
      ms(deployMs),
      ms(p99),
      ms(max),
    ]),
  );
}

function readSettings(options: Options): Settings {
  return {
    ways: options.words("ways", ["reload", "restart", "ws", "socket.io"]),
    clients: options.integer("clients", { min: 1, max: maxConnections() }),
    channels: options.integer("channels", { min: 1, max: 1_000_000 }),
    rate: options.number("rate", { min: 1, max: 1000 }),
    bytes: options.integer("bytes", { min: minPayloadBytes, max: 32_768 }),
    deploys: options.integer("deploys", { min: 1, max: 100 }),
    seconds: options.number("seconds", { min: 0.1, max: 600 }),
  };
}
