/**
 * How much memory does an idle connection with one subscription take on the server, and does it come back when the
 * connection closes? Each contender has a fresh server, which collects its garbage before every measurement.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { maxConnections } from "@holdfast/lab/node";
import { formatCount } from "@holdfast/lab/report";
import type { Memory, Stats } from "./servers/answer-asks.js";
import { jsonOption, readOptions, runBench, writeResults } from "./support/command.js";
import { type Contender, contenderNames, contendersNamed } from "./support/contenders.js";
import { describe, describeMachine, Progress, percent, table } from "./support/report.js";
import { compileServers, ServerProcess } from "./support/server-process.js";
import { emptiedStats, heapOf, isEmpty, settledMemory } from "./support/server-usage.js";
import { IdleClients } from "./support/subscribers.js";

interface Settings {
  readonly connections: number;
  readonly channels: number;
  readonly idleSeconds: number;
}

interface Measurement {
  readonly contender: string;
  readonly connections: number;
  readonly connectSeconds: number;
  readonly before: Memory;
  /** Resident memory before garbage was collected. */
  readonly uncollectedRss: number;
  readonly connected: Memory;
  readonly closed: Memory;
  readonly statsConnected: Stats;
  readonly statsClosed: Stats;
}

const description = {
  name: "idle",
  about: "Server memory for each idle connection that has one subscription.",
  options: {
    contenders: { value: "A,B", default: contenderNames.join(","), about: "servers to compare" },
    connections: { value: "N", default: "10000", about: "connections to one server process" },
    channels: { value: "N", default: "100", about: "channels they spread over, one each" },
    idle: { value: "S", default: "30", about: "seconds to idle before measuring; pings come every 25" },
    json: jsonOption("idle"),
  },
};

/** Connections that come and go before the first measurement, so that code loaded on demand does not count. */
const warmUpConnections = 50;

const head = [
  "",
  "RSS KiB each",
  "before gc",
  "heap KiB each",
  "RSS back",
  "heap back",
  "heap left KiB each",
  "connects/s",
  "tables after",
];

const legend =
  "RSS: resident memory of the server process. heap: objects and buffers that JavaScript holds. Both after a forced\n" +
  "collection of garbage; before gc: RSS without it. each: growth divided by the connections; the kernel's own memory for\n" +
  "sockets is in neither. back: part of the growth that was free again after all had closed. heap left: the rest of it.";

await runBench(async () => {
  const options = readOptions(description);
  const contenders = contendersNamed(options.words("contenders", contenderNames));
  const settings = {
    connections: options.integer("connections", { min: 1, max: maxConnections() }),
    channels: options.integer("channels", { min: 1, max: 1_000_000 }),
    idleSeconds: options.number("idle", { min: 0, max: 600 }),
  };
  const machine = describeMachine();
  const progress = new Progress();
  compileServers();
  const measurements: Measurement[] = [];
  for (const contender of contenders) measurements.push(await measure(contender, settings, progress));
  progress.clear();
  const { connections, channels, idleSeconds } = settings;
  console.log(`\n${describe(machine)}`);
  console.log(`${formatCount(connections)} connections over ${channels} channels, ${idleSeconds} s idle\n`);
  console.log(`${table(head, measurements.map(rowOf))}\n${legend}`);
  writeResults(options, "idle", { machine, settings, measurements });
  const leaking = measurements.filter(({ statsClosed }) => !isEmpty(statsClosed));
  if (leaking.length > 0)
    throw new Error(
      `tables are not empty after all have closed: ${JSON.stringify(leaking.map((m) => m.statsClosed))}`,
    );
});

async function measure(contender: Contender, settings: Settings, progress: Progress): Promise<Measurement> {
  const { connections, channels, idleSeconds } = settings;
  const say = (text: string) => progress.say(`idle: ${contender.name}: ${text}`);
  const server = await ServerProcess.start(contender, { exposeGc: true });
  try {
    const common = { contender, port: server.port, channels };
    say("warming up");
    await (await IdleClients.open({ ...common, connections: warmUpConnections })).close();
    const before = await settledMemory(server);
    say(`connecting ${formatCount(connections)}`);
    const start = performance.now();
    const clients = await IdleClients.open({ ...common, connections });
    const connectSeconds = (performance.now() - start) / 1000;
    say(`idling for ${idleSeconds} s`);
    await sleep(idleSeconds * 1000);
    const statsConnected = await server.ask("stats");
    const uncollectedRss = await server.ask("rss");
    const connected = await settledMemory(server);
    clients.assertConnected();
    if (statsConnected.connections !== connections)
      throw new Error(
        `the server counts ${statsConnected.connections} connections instead of ${connections}`,
      );
    say("closing");
    await clients.close();
    const statsClosed = await emptiedStats(server);
    const closed = await settledMemory(server);
    return {
      contender: contender.name,
      connections,
      connectSeconds,
      before,
      uncollectedRss,
      connected,
      closed,
      statsConnected,
      statsClosed,
    };
  } catch (error) {
    throw new Error(`${contender.name}: ${(error as Error).message}`, { cause: error });
  } finally {
    await server.stop();
  }
}

function rowOf(measurement: Measurement): readonly string[] {
  const { contender, connections, connectSeconds, statsClosed } = measurement;
  const { before, uncollectedRss, connected, closed } = measurement;
  const kibEach = (bytes: number) => (bytes / 1024 / connections).toFixed(2);
  const grownRss = connected.rss - before.rss;
  const grownHeap = heapOf(connected) - heapOf(before);
  const leftHeap = heapOf(closed) - heapOf(before);
  return [
    contender,
    kibEach(grownRss),
    kibEach(uncollectedRss - before.rss),
    kibEach(grownHeap),
    percent((connected.rss - closed.rss) / grownRss),
    percent(1 - leftHeap / grownHeap),
    kibEach(leftHeap),
    formatCount(connections / connectSeconds),
    isEmpty(statsClosed) ? "empty" : JSON.stringify(statsClosed),
  ];
}
