/**
 * A run of the lab: each transport by itself, so that they do not disturb each other, from an empty server to the last message
 * that arrives.
 */
import { version } from "holdfast";
import { Child } from "./child.js";
import type { LoadEvent, LoadOpened, LoadOutcome, LoadRequests, ServerSample } from "./ipc.js";
import { type LabModules, type LabServer, openLabServer, processModule } from "./lab-server.js";
import { describeMachine } from "./node/machine.js";
import {
  isShortOfTime,
  type LabMeasurement,
  type LabResult,
  type LabSample,
  type LabSettings,
  type LabTransport,
  maxUtilization,
} from "./report/index.js";
import { ProgressClock, runTimes } from "./run-times.js";

/** Which transport begins or has finished. */
export interface LabProgress {
  readonly transport: LabTransport;
  readonly index: number;
  readonly count: number;
  /** Undefined when it begins. */
  readonly measurement?: LabMeasurement;
}

export interface LabRunOptions {
  readonly onProgress?: (progress: LabProgress) => void;
  /** Several times a second, with new figures each second of the window. */
  readonly onSample?: (sample: LabSample) => void;
  /** Ends the run; the result has the transports that were finished. */
  readonly signal?: AbortSignal;
  readonly modules?: LabModules;
}

/**
 * @param settings as `resolveLabSettings` gives them
 * @throws HF_LAB_FAILED when a process of the run ends or does not answer
 */
export async function runLab(settings: LabSettings, options: LabRunOptions = {}): Promise<LabResult> {
  const { onProgress, onSample = () => {}, signal, modules = {} } = options;
  const startedAt = new Date().toISOString();
  const measurements: LabMeasurement[] = [];
  const { transports } = settings;
  for (const [index, transport] of transports.entries()) {
    if (signal?.aborted) break;
    const place = { transport, index, count: transports.length };
    onProgress?.(place);
    try {
      const measurement = await measureTransport({ settings, transport, onSample, modules, signal });
      measurements.push(measurement);
      onProgress?.({ ...place, measurement });
    } catch (error) {
      // A run that a signal ended has not failed.
      if (!signal?.aborted) throw error;
    }
  }
  return { version, startedAt, machine: describeMachine(), settings, measurements };
}

interface MeasureOptions {
  readonly settings: LabSettings;
  readonly transport: LabTransport;
  readonly onSample: (sample: LabSample) => void;
  readonly modules: LabModules;
  readonly signal: AbortSignal | undefined;
}

const openTimeoutMs = 30_000;
const openTimeoutPerUserMs = 30;
/** For a machine that is slow. */
const runSlackMs = 30_000;

interface Marks {
  before?: ServerSample;
  withUsers?: ServerSample;
  windowStart?: Promise<ServerSample>;
  windowEnd?: Promise<ServerSample>;
  heapPeak: number;
}

/** @throws HF_LAB_FAILED when a process ends or does not answer, also when the signal ends it */
async function measureTransport(options: MeasureOptions): Promise<LabMeasurement> {
  const { settings, modules, signal } = options;
  const server = await openLabServer(settings, modules);
  const marks: Marks = { heapPeak: 0 };
  const watch = new RunWatch(options, server, marks);
  const load = new Child<LoadRequests>({
    name: "the lab's users",
    module: processModule(modules),
    args: ["users"],
    onEvent: (event) => watch.take(event as LoadEvent),
  });
  const end = () => Promise.all([load.stop(), server.close()]);
  const onAbort = () => void end();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal?.aborted) await end();
    return await measure(options, server, load, watch, marks);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    watch.end();
    await end();
  }
}

async function measure(
  { settings, transport }: MeasureOptions,
  server: LabServer,
  load: Child<LoadRequests>,
  watch: RunWatch,
  marks: Marks,
): Promise<LabMeasurement> {
  const { port, serverPort, apiKey } = server;
  const openingMs = openTimeoutMs + settings.users * openTimeoutPerUserMs;
  await load.ready();
  watch.phase("opening");
  await load.request("warm", { settings, transport, port, serverPort, apiKey }, openingMs);
  const before = await server.sampleAfterGc();
  const opened = await load.request("open", {}, openingMs);
  const afterOpening = await server.sample();
  const withUsers = await server.sampleAfterGc();
  const connections = await server.connections();
  marks.heapPeak = Math.max(before.heapUsed, afterOpening.heapUsed);
  watch.phase("settling");
  await server.setCutting(true);
  const { warmUpMs, maxDrainMs } = runTimes(settings, transport);
  const outcome = await load.request("run", {}, warmUpMs + settings.durationMs + maxDrainMs + runSlackMs);
  const [start, end] = await Promise.all([marks.windowStart, marks.windowEnd]);
  if (start === undefined || end === undefined) throw new Error("the window had no beginning or no end");
  const samples = { before, afterOpening, withUsers, start, end, heapPeak: marks.heapPeak };
  return toMeasurement({ settings, transport, opened, outcome, connections, samples });
}

/** Follows the load's events, and samples the server at these moments. */
class RunWatch {
  readonly #options: MeasureOptions;
  readonly #server: LabServer;
  readonly #marks: Marks;
  readonly #clock: ProgressClock;
  readonly #timer: NodeJS.Timeout;
  #opened = 0;
  #window: LabSample["window"];

  constructor(options: MeasureOptions, server: LabServer, marks: Marks) {
    this.#options = options;
    this.#server = server;
    this.#marks = marks;
    this.#clock = new ProgressClock(options.settings, options.transport, () => performance.now());
    this.#timer = setInterval(() => this.#emit(), 250);
  }

  phase(phase: LabSample["phase"]): void {
    this.#clock.enter(phase);
    this.#emit();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  take(event: LoadEvent): void {
    if (event.event === "opened") this.#opened = event.opened;
    else if (event.event === "window start") {
      this.#marks.windowStart = quietly(this.#server.startWindow());
      this.phase("measuring");
    } else if (event.event === "window end") {
      this.#marks.windowEnd = quietly(this.#server.sample());
      // Users who were cut off must be able to catch up.
      void quietly(this.#server.setCutting(false));
      this.phase("draining");
    } else void quietly(this.#sample(event));
  }

  async #sample({ windowMs, traffic, p50Ms, p99Ms }: LoadEvent & { readonly event: "tick" }): Promise<void> {
    const start = await this.#marks.windowStart;
    const now = await this.#server.sample();
    this.#marks.heapPeak = Math.max(this.#marks.heapPeak, now.heapUsed);
    if (start === undefined) return;
    const serverCorePercent = corePercent(start, now);
    this.#window = { ms: windowMs, traffic, serverCorePercent, serverRss: now.rss, p50Ms, p99Ms };
    this.#emit();
  }

  #emit(): void {
    const { transport, onSample } = this.#options;
    const { phase, progress, secondsLeft } = this.#clock.read();
    const window = this.#window && { window: this.#window };
    onSample({ transport, phase, progress, secondsLeft, opened: this.#opened, ...window });
  }
}

/** Whoever awaits it gets its failure; where nobody does, the failure is ignored. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

interface Measured {
  readonly settings: LabSettings;
  readonly transport: LabTransport;
  readonly opened: LoadOpened;
  readonly outcome: LoadOutcome;
  readonly connections: number;
  readonly samples: {
    readonly before: ServerSample;
    readonly afterOpening: ServerSample;
    readonly withUsers: ServerSample;
    readonly start: ServerSample;
    readonly end: ServerSample;
    readonly heapPeak: number;
  };
}

function toMeasurement(measured: Measured): LabMeasurement {
  const { settings, transport, opened, outcome, connections, samples } = measured;
  const { before, afterOpening, withUsers, start, end } = samples;
  const { traffic } = outcome;
  const userMs = end.userMs - start.userMs;
  const systemMs = end.systemMs - start.systemMs;
  return {
    transport,
    users: settings.users,
    opened: opened.opened,
    windowMs: outcome.windowMs,
    messages: outcome.messages,
    traffic,
    opening: { ...opened.traffic, ms: opened.ms, serverCpuMs: cpuMs(before, afterOpening) },
    latency: outcome.latency,
    server: {
      userMs,
      systemMs,
      corePercent: corePercent(start, end),
      microsPerDelivery: traffic.deliveries > 0 ? ((userMs + systemMs) * 1000) / traffic.deliveries : null,
      loopDelayP99Ms: end.loopDelayP99Ms,
      connections,
    },
    memory: {
      rssBefore: before.rss,
      rssWithUsers: withUsers.rss,
      rssPeak: end.rssPeak,
      heapBefore: before.heapUsed,
      heapWithUsers: withUsers.heapUsed,
      heapPeak: Math.max(samples.heapPeak, withUsers.heapUsed, end.heapUsed),
      kibPerUser: (withUsers.rss - before.rss) / 1024 / settings.users,
    },
    sequences: outcome.sequences,
    errors: outcome.errors,
    load: outcome.load,
    isLoadBound: isShortOfTime(outcome.load) || outcome.load.arrivalUtilization > maxUtilization,
  };
}

function cpuMs(from: ServerSample, to: ServerSample): number {
  return to.userMs - from.userMs + to.systemMs - from.systemMs;
}

function corePercent(from: ServerSample, to: ServerSample): number {
  const elapsed = to.atMs - from.atMs;
  return elapsed > 0 ? (cpuMs(from, to) / elapsed) * 100 : 0;
}
