/** Plays the users of one transport, and publishes: opening, a window in which everything counts, and the rest that comes. */

import { ArrivalWatch } from "./arrival-watch.js";
import type { LoadNews, LoadOpened, LoadOutcome, LoadStart } from "./ipc.js";
import { LatencyHistogram } from "./latency-histogram.js";
import { LoadWatch } from "./load-watch.js";
import { openUsers } from "./open-users.js";
import { Publisher } from "./publisher.js";
import { createRandom } from "./random.js";
import type { LabTraffic, SequenceOutcome } from "./report/index.js";
import { RequestText } from "./request-text.js";
import { type RunTimes, runTimesOf } from "./run-times.js";
import { type Schedule, scheduleOf } from "./schedule.js";
import { Tally, trafficSince } from "./tally.js";
import { userFactories } from "./users/factories.js";
import type { UserContext, VirtualUser } from "./users/virtual-user.js";

/** Few of them, since the memory of those that are gone is used again by those who come. */
const warmPart = 0.1;
const mostWarmUsers = 50;
const tickMs = 1000;
const drainStepMs = 50;
/** What comes twice comes soon after. */
const surplusMs = 250;

export class Load {
  readonly #start: LoadStart;
  readonly #say: (news: LoadNews) => void;
  readonly #tally = new Tally();
  readonly #latencies = new LatencyHistogram();
  readonly #arrivals: ArrivalWatch;
  #users: readonly VirtualUser[] = [];
  #schedule: Schedule | undefined;

  constructor(start: LoadStart, say: (news: LoadNews) => void) {
    this.#start = start;
    this.#arrivals = new ArrivalWatch({ users: start.settings.users });
    this.#say = say;
  }

  /** Has the server do once what it will do, so that its code and memory are what they are later on. */
  async warm(): Promise<number> {
    const users = this.#createUsers(
      Math.min(mostWarmUsers, Math.ceil(warmPart * this.#start.settings.users)),
      new Tally(),
    );
    const opened = await openUsers(users, () => {});
    for (const user of users) user.end();
    return opened;
  }

  async open(): Promise<LoadOpened> {
    const start = performance.now();
    this.#users = this.#createUsers(this.#start.settings.users, this.#tally);
    const opened = await openUsers(this.#users, (count) => this.#say({ news: "opened", opened: count }));
    return { opened, ms: performance.now() - start, traffic: this.#tally.snapshot() };
  }

  /** @throws Error when the server does not take what is published */
  async run(): Promise<LoadOutcome> {
    const { settings, transport, serverPort, apiKey } = this.#start;
    const { durationMs, perSecond, bytes } = settings;
    const times = runTimesOf(settings, transport);
    const { warmUpMs } = times;
    const windowStartMs = performance.now() + warmUpMs;
    const schedule = scheduleOf({ perSecond, windowStartMs, durationMs, warmUpMs });
    this.#schedule = schedule;
    const publisher = new Publisher({ port: serverPort, apiKey, bytes, schedule });
    let fault: Error | undefined;
    const published = publisher.run().catch((error: Error) => {
      fault = error;
    });
    while (performance.now() < windowStartMs && !fault)
      await pause(Math.min(tickMs, windowStartMs - performance.now()));
    if (fault) throw fault;
    const before = this.#tally.snapshot();
    const watch = new LoadWatch();
    this.#say({ news: "window start" });
    const started = performance.now();
    const ticks = setInterval(() => this.#tick(before, started), tickMs);
    // As long as is asked for, also where it began late.
    const endMs = started + durationMs;
    while (performance.now() < endMs && !fault) await pause(Math.min(tickMs, endMs - performance.now()));
    clearInterval(ticks);
    const traffic = trafficSince(before, this.#tally.snapshot());
    const use = watch.read();
    this.#say({ news: "window end" });
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
      load: { ...use, arrivalUtilization, lateP99Ms: publisher.lateP99Ms },
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
      onDelivery: (sequence) => this.#time(sequence),
    };
    return Array.from({ length: count }, (_, i) => userFactories[transport](context, i, count));
  }

  #time(sequence: number): void {
    const schedule = this.#schedule;
    if (schedule === undefined || sequence <= schedule.warmUpCount) return;
    this.#latencies.record(performance.now() - schedule.timeOf(sequence));
    this.#arrivals.take(sequence);
  }

  #tick(before: LabTraffic, started: number): void {
    this.#say({
      news: "tick",
      windowMs: performance.now() - started,
      traffic: trafficSince(before, this.#tally.snapshot()),
      p50Ms: this.#latencies.percentileMs(50),
      p99Ms: this.#latencies.percentileMs(99),
    });
  }

  /** Until everybody has everything, or nothing has come for so long that nothing will. */
  async #drain(published: number, { stallMs, mostDrainMs }: RunTimes): Promise<void> {
    const end = performance.now() + mostDrainMs;
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
