/**
 * One torture run from its first client to the verdict: clients publish and read while faults happen; then the faults
 * stop, everything comes to rest, and what was recorded is held against the promises.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import { Auditor } from "./audit.js";
import { createChannelNames } from "./channels.js";
import { checkHistory } from "./checker.js";
import { type Clients, createClients } from "./clients.js";
import { FaultProxy } from "./fault-proxy.js";
import { FaultRunner } from "./fault-runner.js";
import { type ChannelLog, type History, nameOf, Recorder } from "./history.js";
import { findMissingLive } from "./missing-live.js";
import type { TortureOptions } from "./options.js";
import { createPlan } from "./plan.js";
import { Random } from "./random.js";
import { describeProgress, summarize, type TortureReport } from "./report.js";
import { ServerProcess } from "./server-process.js";
import type { Violation } from "./violations.js";

const progressMs = 1000;
const pollMs = 200;
const mostFailures = 200;

/** @param say takes lines of progress */
export async function runTorture(
  options: TortureOptions,
  say: (text: string) => void,
): Promise<TortureReport> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-torture-"));
  const run = new Run(options, folder, say);
  try {
    const report = await run.run();
    if (report.violations.length === 0) await rm(folder, { recursive: true, force: true });
    return report;
  } catch (error) {
    throw new Error(`the run failed, and left ${folder}`, { cause: error });
  } finally {
    await run.end();
  }
}

class Run {
  readonly #options: TortureOptions;
  readonly #folder: string;
  readonly #say: (text: string) => void;
  readonly #recorder = new Recorder();
  readonly #failures: Violation[] = [];
  readonly #channels: readonly string[];
  #server: ServerProcess | undefined;
  #proxy: FaultProxy | undefined;
  #clients: Clients | undefined;

  constructor(options: TortureOptions, folder: string, say: (text: string) => void) {
    this.#options = options;
    this.#folder = folder;
    this.#say = say;
    this.#channels = createChannelNames(options.channels);
  }

  async run(): Promise<TortureReport> {
    const { seed, seconds, store } = this.#options;
    const random = new Random(seed);
    const plan = createPlan(random.fork(), {
      ...this.#options,
      channels: this.#channels,
      hasStore: store === "disk",
    });
    const port = await findFreePort();
    const apiKey = randomUUID();
    const server = new ServerProcess({
      port,
      data: store === "disk" ? join(this.#folder, "data") : undefined,
      flushLog: join(this.#folder, "flushed"),
      apiKey,
      shiftMs: shiftToBoundary(seconds),
      mutation: this.#options.mutation,
      onFailure: (text) => this.#fail("server", text),
    });
    this.#server = server;
    await server.start();
    const proxy = await FaultProxy.listen(port);
    this.#proxy = proxy;
    const clients = createClients({
      options: this.#options,
      channels: this.#channels,
      port: proxy.port,
      apiKey,
      random: random.fork(),
      recorder: this.#recorder,
      onFailure: (text) => this.#fail("client", text),
    });
    this.#clients = clients;

    const unsubscribe = (user: string) => void callApi(port, apiKey, "unsubscribe", { user }).catch(() => {});
    const faults = new FaultRunner({
      seconds,
      plan,
      clients,
      proxy,
      server,
      recorder: this.#recorder,
      unsubscribe,
    });
    const progress = setInterval(() => {
      const second = Math.min(seconds, Math.floor(faults.elapsedMs / 1000));
      this.#say(describeProgress(second, seconds, clients, faults.counts));
    }, progressMs);
    const url = `ws://127.0.0.1:${port}/connection/websocket`;
    let logs: ChannelLog[] = [];
    let logsAfterRestart: ChannelLog[] = [];
    let restedAt = 0;
    try {
      await faults.run();
      proxy.heal();
      server.setDiskFull(false);
      await this.#settle(clients, url);
      restedAt = this.#recorder.tick();
      logs = await this.#readLogs(url);
      stopAll(clients);
      if (store === "disk") logsAfterRestart = await this.#restartAndRead(server, url);
    } catch (error) {
      // A server that does not start, say. What was seen until then is checked all the same.
      this.#fail("run", error instanceof Error ? error.message : String(error));
    } finally {
      clearInterval(progress);
      stopAll(clients);
    }
    const { publications, readings, ends } = this.#recorder;
    const history: History = { store, publications, readings, ends, restedAt, logs, logsAfterRestart };
    const violations = [...this.#failures, ...checkHistory(history)];
    return summarize({ history, violations, folder: this.#folder, counts: faults.counts, clients });
  }

  /** Ends everything that this run has started. */
  async end(): Promise<void> {
    if (this.#clients) stopAll(this.#clients);
    await this.#proxy?.close();
    await this.#server?.kill();
  }

  /** Everything that is to be published is, and readers have come to the ends of the logs. */
  async #settle(clients: Clients, url: string): Promise<void> {
    const deadline = Date.now() + this.#options.settleSeconds * 1000;
    const publishers = [...clients.publishers, clients.burster];
    const finished = Promise.all(publishers.map((publisher) => publisher.finish())).then(() => true);
    const isFinished = await Promise.race([
      finished,
      sleep(this.#options.settleSeconds * 1000, false, { ref: false }),
    ]);
    if (!isFinished) this.#fail("publishers", "not everything was acknowledged in time");
    for (const channel of keptChannels(this.#channels)) await clients.burster.finishChannel(channel);
    const auditor = await Auditor.connect(url);
    try {
      while (Date.now() < deadline) {
        if (await this.#haveCaughtUp(clients, auditor)) return;
        await sleep(pollMs);
      }
    } finally {
      auditor.close();
    }
    // Who is left behind, the checker tells.
  }

  async #haveCaughtUp({ readers }: Clients, auditor: Auditor): Promise<boolean> {
    if (this.#isLiveMissing()) return false;
    for (const channel of keptChannels(this.#channels)) {
      const head = await auditor.readHead(channel);
      const isBehind = readers.some((reader) => {
        if (!reader.channels.includes(channel)) return false;
        const position = reader.positionIn(channel);
        return position?.epoch !== head.epoch || position.offset !== head.offset;
      });
      if (isBehind) return false;
    }
    return true;
  }

  #isLiveMissing(): boolean {
    const restedAt = this.#recorder.tick();
    return this.#channels
      .filter((channel) => channel.startsWith("live:"))
      .some((channel) => {
        const sent = this.#recorder.publications.filter((published) => published.channel === channel);
        const publications = new Map(sent.map((published) => [nameOf(published), published]));
        const readings = this.#recorder.readings.filter((reading) => reading.channel === channel);
        return readings.some((reading) => findMissingLive({ publications, restedAt }, reading).length > 0);
      });
  }

  async #readLogs(url: string): Promise<ChannelLog[]> {
    const auditor = await Auditor.connect(url);
    const logs: ChannelLog[] = [];
    for (const channel of keptChannels(this.#channels)) logs.push(await auditor.readLog(channel));
    auditor.close();
    return logs;
  }

  async #restartAndRead(server: ServerProcess, url: string): Promise<ChannelLog[]> {
    await server.kill();
    await server.start();
    return this.#readLogs(url);
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

async function callApi(port: number, apiKey: string, method: string, params: object): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/api/${method}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-API-Key": apiKey },
    body: JSON.stringify(params),
    signal: AbortSignal.timeout(5000),
  });
  await response.text();
}

function stopAll({ publishers, readers, burster }: Clients): void {
  for (const client of [...publishers, ...readers, burster]) client.stop();
}

function keptChannels(channels: readonly string[]): string[] {
  return channels.filter((channel) => !channel.startsWith("live:"));
}
