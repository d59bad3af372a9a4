/**
 * Servers for a browser to read from, one for each transport, so that each one's processor time and memory are its own. All
 * get the same messages at the same time.
 */
import type { LabServer, ServerSample, SocketTraffic } from "@holdfast/lab";
import { createFiller } from "@holdfast/lab/load";
import type { LabSettings, LabTransport } from "@holdfast/lab/report";
import type { BenchLine, BenchMessage, LabUpdate, LineUsage } from "./protocol.js";

export interface BenchParts {
  readonly open: (settings: LabSettings) => Promise<LabServer>;
  /** Unix milliseconds, with fractions. */
  readonly now: () => number;
  /** Returns what ends it. */
  readonly every: (milliseconds: number, run: () => void) => () => void;
  readonly tell: (update: LabUpdate) => void;
  readonly onError: (error: unknown) => void;
}

interface Baseline {
  readonly sample: ServerSample;
  readonly traffic: SocketTraffic;
}

interface Line {
  readonly transport: LabTransport;
  readonly server: LabServer;
  before: Baseline | undefined;
}

const stepMs = 10;
const publishEveryMs = 500;

export class BrowserBench {
  readonly #settings: LabSettings;
  readonly #parts: BenchParts;
  readonly #lines: Line[] = [];
  #end: () => void = () => {};
  #published = 0;
  #opening: Promise<unknown> = Promise.resolve();
  #isStarted = false;
  #isClosed = false;
  #gone: Promise<unknown> = Promise.resolve();

  constructor(settings: LabSettings, parts: BenchParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** @throws HF_LAB_FAILED when a server does not come up; then none stays */
  async open(): Promise<readonly BenchLine[]> {
    const opening = Promise.allSettled(
      this.#settings.transports.map(async (transport) => {
        const server = await this.#parts.open(this.#settings);
        this.#lines.push({ transport, server, before: undefined });
      }),
    );
    this.#opening = opening;
    const failed = (await opening).find(({ status }) => status === "rejected");
    if (failed || this.#isClosed) {
      await this.#closeServers();
      throw failed ? (failed as PromiseRejectedResult).reason : new Error("the lab was closed");
    }
    const { transports } = this.#settings;
    this.#lines.sort((a, b) => transports.indexOf(a.transport) - transports.indexOf(b.transport));
    return this.#lines.map(({ transport, server }) => ({ transport, port: server.port }));
  }

  get channel(): string {
    return this.#lines[0]?.server.channel ?? "";
  }

  /**
   * Everything counts from here: publishes for as long as the settings say, and tells how it goes.
   * @returns false where it was started before, and nothing was done
   */
  async start(): Promise<boolean> {
    if (this.#isStarted) return false;
    this.#isStarted = true;
    const { now, every, tell } = this.#parts;
    const onError = this.#report;
    try {
      for (const line of this.#lines)
        line.before = { sample: await line.server.sampleAfterGc(), traffic: await line.server.traffic() };
    } catch (error) {
      // Servers that are ended meanwhile answer nothing.
      if (!this.#isClosed) throw error;
    }
    if (this.#isClosed) return true;
    if (this.#settings.cutEveryMs > 0)
      for (const { server } of this.#lines) void server.setCutting(true).catch(onError);
    const startedAt = now();
    let publishedAt = startedAt;
    const { ratePerSecond, durationMs } = this.#settings;
    const total = Math.max(1, Math.floor((durationMs / 1000) * ratePerSecond));
    this.#end = every(stepMs, () => {
      const elapsed = now() - startedAt;
      const due = Math.min(total, Math.floor((elapsed / 1000) * ratePerSecond));
      while (this.#published < due) this.#publish(startedAt + ((this.#published + 1) / ratePerSecond) * 1000);
      const isOver = elapsed >= durationMs && this.#published >= total;
      if (!isOver && now() - publishedAt < publishEveryMs) return;
      publishedAt = now();
      if (isOver) this.#end();
      if (isOver && this.#settings.cutEveryMs > 0)
        for (const { server } of this.#lines) void server.setCutting(false).catch(onError);
      const published = this.#published;
      this.#use().then((use) => tell({ type: "bench", ms: elapsed, published, isOver, use }), onError);
    });
    return true;
  }

  /** As it stands now, such as when the last message has arrived. */
  async read(): Promise<LabUpdate> {
    return { type: "bench", ms: 0, published: this.#published, isOver: true, use: await this.#use() };
  }

  /** Also while it is opened: resolves once all servers are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#end();
    await this.#opening;
    await this.#closeServers();
  }

  readonly #report = (error: unknown): void => {
    if (!this.#isClosed) this.#parts.onError(error);
  };

  /** Resolves when all are gone, whoever closes them. */
  async #closeServers(): Promise<void> {
    this.#gone = Promise.all([this.#gone, ...this.#lines.splice(0).map(({ server }) => server.close())]);
    await this.#gone;
  }

  #publish(at: number): void {
    const n = ++this.#published;
    const bare: BenchMessage = { n, at: Math.round(at * 1000) / 1000 };
    const missing = this.#settings.sizeBytes - JSON.stringify(bare).length - ',"pad":""'.length;
    const message: BenchMessage = missing > 0 ? { ...bare, pad: createFiller(n, missing) } : bare;
    for (const { server } of this.#lines) server.publish(message).catch(this.#report);
  }

  async #use(): Promise<Partial<Record<LabTransport, LineUsage>>> {
    const all = await Promise.all(
      this.#lines.map(async (line) => [line.transport, await usageOf(line)] as const),
    );
    return Object.fromEntries(all);
  }
}

async function usageOf({ server, before }: Line): Promise<LineUsage> {
  const [sample, traffic] = [await server.sample(), await server.traffic()];
  const userMs = sample.userMs - (before?.sample.userMs ?? 0);
  const systemMs = sample.systemMs - (before?.sample.systemMs ?? 0);
  return {
    cpuMs: userMs + systemMs,
    userMs,
    systemMs,
    rss: sample.rss,
    rssBefore: before?.sample.rss ?? sample.rss,
    heapUsed: sample.heapUsed,
    loopDelayP99Ms: sample.loopDelayP99Ms,
    bytesUp: traffic.bytesUp - (before?.traffic.bytesUp ?? 0),
    bytesDown: traffic.bytesDown - (before?.traffic.bytesDown ?? 0),
    connections: traffic.connections - (before?.traffic.connections ?? 0),
  };
}
