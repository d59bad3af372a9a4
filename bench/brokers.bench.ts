/**
 * What a broker for several nodes costs: acknowledged publishes per second from one node, and the time from a publish on one node to
 * its event on another, beside a round trip of the store itself, of the same bytes and taken in turns with it.
 */

import type { Redis } from "ioredis";
import { RedisBroker } from "../packages/holdfast/src/brokers/redis/redis-broker.js";
import type { Broker } from "../packages/holdfast/src/channels/broker.js";
import type { LogEvents } from "../packages/holdfast/src/channels/log.js";
import { systemClock } from "../packages/holdfast/src/sockets/system-clock.js";
import { RedisServer } from "../packages/holdfast/test/support/redis-server.js";
import { jsonOption, readOptions, runBench, writeResults } from "./support/command.js";
import { describe, describeMachine, table } from "./support/report.js";

const description = {
  name: "brokers",
  about: "Publishes per second over a broker for several nodes, and its latency beside that of its store.",
  options: {
    brokers: { value: "LIST", default: "redis", about: "which brokers, comma-separated" },
    publishers: {
      value: "N",
      default: "1000",
      about: "publishes under way at once, each in a channel of its own",
    },
    seconds: { value: "N", default: "5", about: "of publishing, after one second that does not count" },
    rounds: { value: "N", default: "5000", about: "publishes whose events are awaited, one by one" },
    bytes: { value: "N", default: "100", about: "bytes of a message" },
    json: jsonOption("brokers"),
  },
};

/** A store that runs, and its broker. */
interface Store {
  readonly createBroker: () => Broker;
  /** Sends bytes through the store's own pub/sub, and waits until they have come. */
  readonly roundTrip: (data: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const stores: Readonly<Record<string, () => Promise<Store>>> = {
  async redis() {
    const server = await RedisServer.start();
    const [publisher, subscriber] = [server.connect(), server.connect()];
    await subscriber.subscribe("raw");
    let onMessage = () => {};
    subscriber.on("messageBuffer", () => onMessage());
    const onError = (error: unknown) => console.error(error);
    return {
      createBroker: () =>
        new RedisBroker(
          { url: server.url, maxPendingBytes: 1024 ** 3 },
          { clock: systemClock, schedule: (run) => void setImmediate(run), onError },
        ),
      roundTrip: (data) =>
        new Promise((resolve, reject) => {
          onMessage = resolve;
          publisher.publish("raw", data).catch(reject);
        }),
      async stop() {
        for (const redis of [publisher, subscriber] as Redis[]) redis.disconnect();
        await server.stop();
      },
    };
  },
};

let nodes = 0;
const retention = { maxEntries: 1000, maxBytes: 16 * 1024 * 1024, ttlMs: 3_600_000 };

await runBench(async () => {
  const options = readOptions(description);
  const names = options.words("brokers", Object.keys(stores));
  const settings = {
    publishers: options.integer("publishers", { min: 1 }),
    seconds: options.integer("seconds", { min: 1 }),
    rounds: options.integer("rounds", { min: 100 }),
    bytes: options.integer("bytes", { min: 2 }),
  };
  const data = JSON.stringify("x".repeat(settings.bytes - 2));
  const samples = [];
  for (const name of names) {
    const store = await (stores[name] as () => Promise<Store>)();
    const throughput = await measureThroughput(store, data, settings);
    samples.push({ name, ...throughput, ...(await measureLatency(store, data, settings.rounds)) });
    await store.stop();
  }
  const machine = describeMachine();
  console.log(
    `${describe(machine)}\n${settings.publishers} publishers, ${settings.bytes} bytes, 1000 entries kept\n`,
  );
  const ms = (value: number) => value.toFixed(3);
  console.log(
    table(
      [
        "",
        "publishes/s",
        "CPU per publish, µs",
        "p50 ms",
        "p99 ms",
        "store p50 ms",
        "store p99 ms",
        "ratio of p50",
      ],
      samples.map(({ name, perSecond, cpuMicros, broker, raw }) => [
        name,
        Math.round(perSecond).toLocaleString("en-US"),
        cpuMicros.toFixed(1),
        ms(broker.p50Ms),
        ms(broker.p99Ms),
        ms(raw.p50Ms),
        ms(raw.p99Ms),
        (broker.p50Ms / raw.p50Ms).toFixed(2),
      ]),
    ),
  );
  writeResults(options, "brokers", { machine, settings, samples });
});

async function openNode(store: Store, onPublication: LogEvents["onPublication"] = () => {}): Promise<Broker> {
  const broker = store.createBroker();
  await broker.open(
    {
      log: { onPublication, onDisconnect() {}, onReconnect() {} },
      presence: { onJoin() {}, onLeave() {} },
      cluster: { onCommand: async () => ({}), onHistoryRemoved() {} },
    },
    {
      node: { id: `node-${++nodes}`, name: "bench", version: "0.0.0", startedAt: 0 },
      needs: { hasMaps: false, durability: "process" },
    },
  );
  return broker;
}

async function measureThroughput(
  store: Store,
  data: string,
  { publishers, seconds }: { readonly publishers: number; readonly seconds: number },
): Promise<{ readonly perSecond: number; readonly cpuMicros: number }> {
  const broker = await openNode(store);
  let count = 0;
  let isRunning = true;
  const publish = async (channel: string) => {
    while (isRunning) {
      await broker.log.publish(channel, { data }, { retention });
      count++;
    }
  };
  const running = Array.from({ length: publishers }, (_, i) => publish(`channel-${i}`));
  await wait(1000);
  count = 0;
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await wait(seconds * 1000);
  const [elapsedMs, { user, system }] = [performance.now() - start, process.cpuUsage(cpu)];
  const measured = { perSecond: (count / elapsedMs) * 1000, cpuMicros: (user + system) / count };
  isRunning = false;
  await Promise.all(running);
  await broker.close();
  return measured;
}

async function measureLatency(store: Store, data: string, rounds: number) {
  let onEvent = () => {};
  const [sender, receiver] = [await openNode(store), await openNode(store, () => onEvent())];
  await receiver.log.subscribe("news");
  const viaBroker = () =>
    new Promise<void>((resolve, reject) => {
      onEvent = resolve;
      sender.log.publish("news", { data }, { retention }).catch(reject);
    });
  const [broker, raw]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds * 1.2; round++) {
    const isWarm = round >= rounds * 0.2;
    for (const [times, run] of [
      [broker, viaBroker],
      [raw, () => store.roundTrip(data)],
    ] as const) {
      const start = performance.now();
      await run();
      if (isWarm) times.push(performance.now() - start);
    }
  }
  await Promise.all([sender.close(), receiver.close()]);
  return { broker: quantilesOf(broker), raw: quantilesOf(raw) };
}

function quantilesOf(times: number[]): { readonly p50Ms: number; readonly p99Ms: number } {
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.floor((times.length - 1) * part)] as number;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
