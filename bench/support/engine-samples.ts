/** One measurement of the engine benchmark, on a fresh server. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Engine, type MemoryScenario, ownEngine, type RateScenario } from "./engine-scenarios.js";
import { IdleClients } from "./idle-clients.js";
import { measureUsage, type Usage } from "./measured-usage.js";
import { ServerProcess } from "./server-process.js";
import { heapOf, settledMemory } from "./settled-memory.js";

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
