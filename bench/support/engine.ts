/** What the engine benchmark measures, one line of its tables each, what is expected beside the yardstick, and the measuring. */

import { setTimeout as sleep } from "node:timers/promises";
import { EchoLoad, HandshakeLoad } from "./engine-loads.js";
import { FanOut, type FanOutOptions } from "./fan-out.js";
import type { Load } from "./load.js";
import { jsonPayload } from "./payload.js";
import { type Protocol, wsProtocol } from "./protocols.js";
import { compressedTextFrame } from "./raw-client.js";
import { ServerProcess } from "./server-process.js";
import { heapOf, measureUsage, settledMemory, type Usage } from "./server-usage.js";
import { IdleClients } from "./subscribers.js";

/** The servers: what runs them, a file in bench/servers without its ending. */
export interface Engine {
  readonly name: string;
  readonly server: string;
}

export const ownEngine: Engine = { name: "holdfast", server: "engine-holdfast" };
export const baseEngine: Engine = { name: "ws", server: "engine-ws" };

/** Of the ratio to the yardstick. */
export interface Goal {
  readonly of: "rate" | "CPU" | "RSS";
  readonly is: "≥" | "≤";
  readonly value: number;
}

interface Scenario {
  /** In --scenarios; several may share it. */
  readonly group: string;
  readonly title: string;
  /** What the server is started with. */
  readonly args: readonly string[];
  readonly goal?: Goal;
}

export interface RateScenario extends Scenario {
  open(server: ServerProcess, engine: Engine, subscribers: number): Promise<Load>;
}

export interface MemoryScenario extends Scenario {
  /** Its `subscribe` brings a connection to the state in which it then idles. */
  readonly protocol: Protocol;
}

const jsonBytes = 2048;
const smallBytes = 100;
const echoConnections = 100;

const echoProtocol: Protocol = { ...wsProtocol, path: "/echo" };

const compressedProtocol: Protocol = {
  ...wsProtocol,
  offer: "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
};

const exchanged = jsonPayload.create(1, jsonBytes);
const exchangedFrame = compressedTextFrame(exchanged);

const compressedIdleProtocol: Protocol = {
  ...echoProtocol,
  offer: "permessage-deflate",
  async subscribe(client) {
    const echoed = client.waitFor("the echo", (text) => text);
    client.sendFrame(exchangedFrame);
    if ((await echoed) !== exchanged) throw new Error("what came back is not what was sent");
  },
};

export const rateScenarios: readonly RateScenario[] = [
  echo("echo-100", smallBytes),
  echo("echo-16k", 16 * 1024),
  broadcast(1, { of: "CPU", is: "≤", value: 0.8 }),
  broadcast(8, { of: "rate", is: "≥", value: 8 }),
  compressedBroadcast(1),
  compressedBroadcast(8),
  {
    group: "handshakes",
    title: "handshakes",
    args: [],
    open: async (server) => new HandshakeLoad(server, wsProtocol),
  },
];

const memoryGoal: Goal = { of: "RSS", is: "≤", value: 1 };

export const memoryScenarios: readonly MemoryScenario[] = [
  { group: "memory", title: "idle", args: [], protocol: wsProtocol, goal: memoryGoal },
  {
    group: "memory-compressed",
    title: "idle, compressing",
    args: ["compressing-by-default"],
    protocol: compressedIdleProtocol,
    goal: memoryGoal,
  },
];

/** What --scenarios accepts. */
export const scenarioGroups: readonly string[] = [
  ...new Set([...rateScenarios, ...memoryScenarios].map(({ group }) => group)),
];

function echo(group: string, bytes: number): RateScenario {
  return {
    group,
    title: group,
    args: [],
    goal: { of: "rate", is: "≥", value: 1 },
    open: ({ port }) => EchoLoad.open({ port, protocol: echoProtocol, connections: echoConnections, bytes }),
  };
}

function broadcast(window: number, goal: Goal): RateScenario {
  return {
    group: "broadcast",
    title: `broadcast, window ${window}`,
    args: [],
    goal,
    open: ({ port }, engine, subscribers) =>
      openFanOut(window, {
        contender: { ...engine, protocol: wsProtocol },
        port,
        subscribers,
        bytes: smallBytes,
        counted: "frames",
      }),
  };
}

function compressedBroadcast(window: number): RateScenario {
  return {
    group: "broadcast-compressed",
    title: `compressed broadcast, window ${window}`,
    args: ["compressing"],
    goal: { of: "rate", is: "≥", value: 5 },
    open: ({ port }, engine, subscribers) =>
      openFanOut(window, {
        contender: { ...engine, protocol: compressedProtocol },
        port,
        subscribers,
        bytes: jsonBytes,
        payload: jsonPayload,
        counted: "frames",
      }),
  };
}

async function openFanOut(window: number, options: FanOutOptions): Promise<Load> {
  const fanOut = await FanOut.open(options);
  return {
    async runFor(seconds) {
      const published = await fanOut.publishFor(seconds, window);
      return { units: published.deliveries, seconds: published.seconds };
    },
    verify: () => fanOut.verify(),
    close: () => fanOut.close(),
  };
}

export interface RateSample extends Usage {
  readonly title: string;
  readonly engine: string;
  readonly round: number;
  readonly units: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly serverCpuMicrosEach: number;
}

export interface MemorySample {
  readonly title: string;
  readonly engine: string;
  readonly connections: number;
  readonly connectSeconds: number;
  /** Growth divided by the connections, after garbage has been collected. */
  readonly rssBytesEach: number;
  readonly heapBytesEach: number;
}

export interface RateSettings {
  readonly subscribers: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** Connections that come and go before memory is measured first, so that code loaded on demand does not count. */
const warmUpConnections = 50;
/** After some eight quiet seconds, V8 gives back the memory that it took to be quick while connections came. */
const idleMs = 9000;

export async function measureRate(
  scenario: RateScenario,
  engine: Engine,
  round: number,
  { subscribers, seconds, warmUpSeconds }: RateSettings,
): Promise<RateSample> {
  const { title, args } = scenario;
  const server = await ServerProcess.start(engine, { args });
  try {
    const load = await scenario.open(server, engine, subscribers);
    await load.runFor(warmUpSeconds);
    const measured = await measureUsage(server, () => load.runFor(seconds));
    await load.verify();
    load.close();
    return {
      title,
      engine: engine.name,
      round,
      ...measured,
      perSecond: measured.units / measured.seconds,
      serverCpuMicrosEach: measured.serverCpuMicros / measured.units,
    };
  } finally {
    await server.stop();
  }
}

export async function measureMemory(
  { title, args, protocol }: MemoryScenario,
  engine: Engine,
  connections: number,
): Promise<MemorySample> {
  const server = await ServerProcess.start(engine, { args, exposeGc: true });
  try {
    const common = { contender: { ...engine, protocol }, port: server.port, channels: 1 };
    await (await IdleClients.open({ ...common, connections: warmUpConnections })).close();
    const before = await settledMemory(server);
    const start = performance.now();
    const clients = await IdleClients.open({ ...common, connections });
    const connectSeconds = (performance.now() - start) / 1000;
    await sleep(idleMs);
    const connected = await settledMemory(server);
    clients.assertConnected();
    const stats = await server.ask("stats");
    if (stats.connections !== connections)
      throw new Error(`the server counts ${stats.connections} connections instead of ${connections}`);
    clients.destroy();
    return {
      title,
      engine: engine.name,
      connections,
      connectSeconds,
      rssBytesEach: (connected.rss - before.rss) / connections,
      heapBytesEach: (heapOf(connected) - heapOf(before)) / connections,
    };
  } finally {
    await server.stop();
  }
}

export function isOwn({ engine }: { readonly engine: string }): boolean {
  return engine === ownEngine.name;
}
