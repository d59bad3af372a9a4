/** Plays the users of one transport and publishes: opening, a window in which everything counts, and draining what still comes. */

import type { LoadEvent, LoadOpened, LoadOutcome, LoadStart } from "./ipc.js";
import { inParallel } from "./load/in-parallel.js";
import { LatencyHistogram } from "./load/latency-histogram.js";
import { createRandom } from "./load/random.js";
import { createSchedule, type Schedule } from "./load/schedule.js";
import { ArrivalWatch, ProcessorWatch } from "./load-health.js";
import { RequestText } from "./node/request-text.js";
import { Publisher } from "./publisher.js";
import type { LabTraffic, LabTransport, SequenceOutcome } from "./report/index.js";
import { type RunTimes, runTimes } from "./run-times.js";
import { Tally, trafficSince } from "./traffic.js";
import { PollingUser } from "./users/polling-user.js";
import { HttpStreamUser, SseUser } from "./users/stream-users.js";
import type { UserContext, VirtualUser } from "./users/virtual-user.js";
import { WebSocketH2User, WebSocketUser } from "./users/websocket-users.js";

/** Few of them, since users that come later use the memory again. */
const warmFraction = 0.1;
const maxWarmUsers = 50;
const tickMs = 1000;
const drainStepMs = 50;
/** Duplicates come soon after. */
const surplusMs = 250;

export class UserLoad {
  readonly #start: LoadStart;
  readonly #send: (event: LoadEvent) => void;
  readonly #tally = new Tally();
  readonly #latencies = new LatencyHistogram();
  readonly #arrivals: ArrivalWatch;
  #users: readonly VirtualUser[] = [];
  #schedule: Schedule | undefined;

  constructor(start: LoadStart, send: (event: LoadEvent) => void) {
    this.#start = start;
    this.#arrivals = new ArrivalWatch({ users: start.settings.users });
    this.#send = send;
  }

  /** Makes the server do everything once, so that its code is compiled and its memory as large as it will be. */
  async warm(): Promise<number> {
    const users = this.#createUsers(
      Math.min(maxWarmUsers, Math.ceil(warmFraction * this.#start.settings.users)),
      new Tally(),
    );
    const opened = await openUsers(users, () => {});
    for (const user of users) user.end();
    return opened;
  }

  async open(): Promise<LoadOpened> {
    const start = performance.now();
    this.#users = this.#createUsers(this.#start.settings.users, this.#tally);
    const opened = await openUsers(this.#users, (count) => this.#send({ event: "opened", opened: count }));
    return { opened, ms: performance.now() - start, traffic: this.#tally.snapshot() };
  }

  /** @throws Error when the server does not take what is published */
  async run(): Promise<LoadOutcome> {
    const { settings, transport, serverPort, apiKey } = this.#start;
    const { durationMs, ratePerSecond, sizeBytes } = settings;
    const times = runTimes(settings, transport);
    const { warmUpMs } = times;
    const windowStartMs = performance.now() + warmUpMs;
    const schedule = createSchedule({ ratePerSecond, windowStartMs, durationMs, warmUpMs });
    this.#schedule = schedule;
    const publisher = new Publisher({ port: serverPort, apiKey, sizeBytes, schedule });
    let fault: Error | undefined;
    const published = publisher.run().catch((error: Error) => {
      fault = error;
    });
    while (performance.now() < windowStartMs && !fault)
      await pause(Math.min(tickMs, windowStartMs - performance.now()));
    if (fault) throw fault;
    const before = this.#tally.snapshot();
    const watch = new ProcessorWatch();
    this.#send({ event: "window start" });
    const started = performance.now();
    const ticks = setInterval(() => this.#tick(before, started), tickMs);
    // The whole duration, even where it began late.
    const endMs = started + durationMs;
    while (performance.now() < endMs && !fault) await pause(Math.min(tickMs, endMs - performance.now()));
    clearInterval(ticks);
    const traffic = trafficSince(before, this.#tally.snapshot());
    const usage = watch.read();
    this.#send({ event: "window end" });
    const windowMs = performance.now() - started;
    await published;
    if (fault) throw fault;
    await this.#drain(publisher.sent, times);
    const arrivalUtilization = this.#arrivals.utilization();
    for (const user of this.#users) user.end();
    return {
      windowMs,
      messages: schedule.count - schedule.warmUpCount,
      traffic,
      latency: this.#latencies.summary(),
      sequences: this.#outcome(publisher.sent),
      errors: { count: this.#tally.errors, first: this.#tally.firstErrors },
      load: { ...usage, arrivalUtilization, lateP99Ms: publisher.lateP99Ms },
    };
  }

  #createUsers(count: number, tally: Tally): VirtualUser[] {
    const { settings, transport, port } = this.#start;
    const random = createRandom(settings.seed);
    const context: UserContext = {
      port,
      tally,
      requests: new RequestText(settings.headers, port),
      intervalMs: settings.intervalMs,
      waitMs: settings.waitMs,
      random,
      onDelivery: (sequence) => this.#recordLatency(sequence),
    };
    return Array.from({ length: count }, (_, i) => createUser(transport, context, i, count));
  }

  #recordLatency(sequence: number): void {
    const schedule = this.#schedule;
    if (schedule === undefined || sequence <= schedule.warmUpCount) return;
    this.#latencies.record(performance.now() - schedule.timeOf(sequence));
    this.#arrivals.recordArrival(sequence);
  }

  #tick(before: LabTraffic, started: number): void {
    this.#send({
      event: "tick",
      windowMs: performance.now() - started,
      traffic: trafficSince(before, this.#tally.snapshot()),
      p50Ms: this.#latencies.percentileMs(50),
      p99Ms: this.#latencies.percentileMs(99),
    });
  }

  /** Waits until every user has everything, or until nothing has come for so long that nothing will. */
  async #drain(published: number, { stallMs, maxDrainMs }: RunTimes): Promise<void> {
    const end = performance.now() + maxDrainMs;
    let last = this.#tally.deliveries;
    let lastAt = performance.now();
    while (this.#users.some(({ check }) => check.received < published)) {
      const now = performance.now();
      if (this.#tally.deliveries !== last) {
        last = this.#tally.deliveries;
        lastAt = now;
      }
      if (now - lastAt > stallMs || now > end) return;
      await pause(drainStepMs);
    }
    await pause(surplusMs);
  }

  #outcome(published: number): SequenceOutcome {
    let [missed, duplicates, outOfOrder] = [0, 0, 0];
    for (const { check } of this.#users) {
      missed += check.missedOf(published);
      duplicates += check.duplicates;
      outOfOrder += check.outOfOrder;
    }
    return { published, expected: published * this.#users.length, missed, duplicates, outOfOrder };
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}

const patienceMs = 20_000;
const patiencePerUserMs = 25;
const reportMs = 200;

/** Opens users a few at a time: a crowd that comes all at once is another question. @returns how many are open in the end */
async function openUsers(users: readonly VirtualUser[], onOpened: (count: number) => void): Promise<number> {
  const count = () => users.filter(({ isOpen }) => isOpen).length;
  const reports = setInterval(() => onOpened(count()), reportMs);
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs + users.length * patiencePerUserMs);
  });
  const opened = inParallel(users.length, async (i) => {
    if (!isOver) await users[i]?.open();
  });
  await Promise.race([opened, patience]);
  isOver = true;
  clearTimeout(timer);
  clearInterval(reports);
  onOpened(count());
  return count();
}

/** @param index of the user @param users how many there are */
export function createUser(
  transport: LabTransport,
  context: UserContext,
  index: number,
  users: number,
): VirtualUser {
  switch (transport) {
    case "poll":
      // Spread evenly over the interval, as users are who came at different times.
      return new PollingUser(context, index / users, false);
    case "long-poll":
      return new PollingUser(context, 0, true);
    case "sse":
      return new SseUser(context);
    case "http-stream":
      return new HttpStreamUser(context);
    case "websocket":
      return new WebSocketUser(context);
    case "websocket-h2":
      return new WebSocketH2User(context);
  }
}
