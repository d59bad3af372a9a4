/**
 * One torture run from its first client to the verdict: clients publish and read while faults happen; then the faults
 * stop, everything comes to rest, and what was recorded is held against the promises.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import { Auditor } from "./audit.js";
import { createChannelNames, quietChannels } from "./channels.js";
import { checkHistory } from "./checker.js";
import { type Clients, createClients, quietReaders } from "./clients.js";
import { FaultProxy } from "./fault-proxy.js";
import { FaultRunner } from "./fault-runner.js";
import { type ChannelLog, type History, type PresenceList, Recorder } from "./history.js";
import { traitsOfBroker } from "./nodes/brokers.js";
import { NodeGroup } from "./nodes/node-group.js";
import { createNodePlan } from "./nodes/node-plan.js";
import type { TortureOptions } from "./options.js";
import { createPlan, type PlannedFault } from "./plan.js";
import { Random } from "./random.js";
import { describeProgress, summarize, type TortureReport } from "./report.js";
import { callApi, keptChannels, settle, settlePresence, urlOf } from "./settle.js";
import { SingleServer } from "./single-server.js";
import type { System } from "./system.js";
import type { Violation } from "./violations.js";

const progressMs = 1000;
const mostFailures = 200;

/** @param say takes lines of progress */
export async function runTorture(
  options: TortureOptions,
  say: (text: string) => void,
): Promise<TortureReport> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-torture-"));
  const run = new Run(options, folder, say);
  try {
    const report = await run.run().finally(() => run.end());
    if (report.violations.length === 0) await rm(folder, { recursive: true, force: true });
    return report;
  } catch (error) {
    throw new Error(`the run failed, and left ${folder}`, { cause: error });
  }
}

class Run {
  readonly #options: TortureOptions;
  readonly #folder: string;
  readonly #say: (text: string) => void;
  readonly #recorder = new Recorder();
  readonly #failures: Violation[] = [];
  readonly #channels: readonly string[];
  /** Those that clients are spread over. */
  readonly #loudChannels: readonly string[];
  readonly #apiKey = randomUUID();
  #system: System | undefined;
  #proxy: FaultProxy | undefined;
  #clients: Clients | undefined;

  constructor(options: TortureOptions, folder: string, say: (text: string) => void) {
    this.#options = options;
    this.#folder = folder;
    this.#say = say;
    const { channels, broker } = options;
    this.#channels =
      broker === undefined
        ? createChannelNames(channels)
        : [...createChannelNames(channels, traitsOfBroker(broker).hasMaps), ...quietChannels];
    this.#loudChannels = this.#channels.filter((channel) => !quietChannels.includes(channel));
  }

  async run(): Promise<TortureReport> {
    const { seed, seconds, store, settleSeconds } = this.#options;
    const random = new Random(seed);
    const plan = this.#createPlan(random.fork());
    const ofClients = random.fork();
    const ofRoutes = random.fork();
    const apiKey = this.#apiKey;
    const system = await this.#createSystem();
    this.#system = system;
    await system.start();
    const { ports } = system;
    const proxy = await FaultProxy.listen(() => ofRoutes.pick(ports));
    this.#proxy = proxy;
    const clients = createClients({
      options: this.#options,
      channels: this.#loudChannels,
      port: proxy.port,
      apiKey,
      random: ofClients,
      recorder: this.#recorder,
      onFailure: (text) => this.#fail("client", text),
    });
    this.#clients = clients;

    const unsubscribe = (user: string) =>
      void callApi(ofRoutes.pick(ports), apiKey, "unsubscribe", { user }).catch(() => {});
    const faults = new FaultRunner({ seconds, plan, clients, proxy, system, unsubscribe });
    const progress = setInterval(() => {
      const second = Math.min(seconds, Math.floor(faults.elapsedMs / 1000));
      this.#say(describeProgress(second, seconds, clients, faults.counts, system.numEnds));
    }, progressMs);
    const settling = {
      clients,
      channels: this.#channels,
      recorder: this.#recorder,
      ports,
      apiKey,
      timeoutMs: settleSeconds * 1000,
      onFailure: (text: string) => this.#fail("publishers", text),
    };
    let logs: ChannelLog[] = [];
    let logsOfOthers: ChannelLog[] = [];
    let logsAfterRestart: ChannelLog[] = [];
    let presence: PresenceList[] = [];
    let restedAt = 0;
    let storeFault: string | undefined;
    try {
      await faults.run();
      proxy.heal();
      await system.heal();
      await settle(settling);
      restedAt = this.#recorder.tick();
      presence = await settlePresence(settling);
      const [first, ...others] = ports;
      logs = await this.#readLogs(first as number);
      logsOfOthers = (await Promise.all(others.map((port) => this.#readLogs(port)))).flat();
      stopAll(clients);
      storeFault = await system.findStoreFault?.();
      if (await system.restart()) logsAfterRestart = await this.#readLogs(first as number);
    } catch (error) {
      // A server that does not start, say. What was seen until then is checked all the same.
      this.#fail("run", error instanceof Error ? error.message : String(error));
    } finally {
      clearInterval(progress);
      stopAll(clients);
    }
    const { publications, readings, watches, ends } = this.#recorder;
    const seen = { publications, readings, watches, ends, restedAt };
    const history: History = { store, ...seen, logs, logsOfOthers, logsAfterRestart, presence };
    const violations = [...this.#failures, ...checkHistory(history)];
    const folder = this.#folder;
    return summarize({ history, violations, folder, counts: faults.counts, system, clients, storeFault });
  }

  /** Ends everything that this run has started. */
  async end(): Promise<void> {
    if (this.#clients) stopAll(this.#clients);
    await this.#proxy?.close();
    await this.#system?.stop();
  }

  #createPlan(random: Random): PlannedFault[] {
    const { broker, store } = this.#options;
    const hasStore = store === "disk";
    const options = { ...this.#options, channels: this.#loudChannels, hasStore };
    if (broker === undefined) return createPlan(random, options);
    const ofClients = createPlan(random.fork(), {
      ...options,
      subscribers: options.subscribers + quietReaders,
      kills: 0,
      troublesPerMinute: 0,
    });
    const ofNodes = createNodePlan(random.fork(), { ...options, broker });
    return [...ofClients, ...ofNodes].sort((a, b) => a.atMs - b.atMs);
  }

  async #createSystem(): Promise<System> {
    const { broker, store, nodes, seconds, mutation } = this.#options;
    const common = {
      apiKey: this.#apiKey,
      shiftMs: shiftToBoundary(seconds),
      mutation,
      onFailure: (text: string) => this.#fail("server", text),
    };
    if (broker !== undefined)
      return NodeGroup.create({
        ...common,
        count: nodes,
        broker,
        folder: this.#folder,
        recorder: this.#recorder,
      });
    const port = await findFreePort();
    const data = store === "disk" ? join(this.#folder, "data") : undefined;
    const flushLog = join(this.#folder, "flushed");
    return new SingleServer({ ...common, port, data, store, flushLog }, this.#recorder);
  }

  async #readLogs(port: number): Promise<ChannelLog[]> {
    const auditor = await Auditor.connect(urlOf(port));
    const logs: ChannelLog[] = [];
    for (const channel of keptChannels(this.#channels)) logs.push(await auditor.readLog(channel));
    auditor.close();
    return logs;
  }

  #fail(where: string, text: string): void {
    if (this.#failures.length < mostFailures) this.#failures.push({ promise: "run", where, text });
  }
}

/** Idempotency keys are kept in parts of five minutes: one ends in the middle of the run. */
function shiftToBoundary(seconds: number): number {
  const partMs = 5 * 60_000;
  const middle = Date.now() + seconds * 500;
  return Math.ceil(middle / partMs) * partMs - middle;
}

function stopAll({ publishers, readers, people, burster, whisperer }: Clients): void {
  for (const client of [...publishers, ...readers, ...people, burster, whisperer]) client.stop();
}
