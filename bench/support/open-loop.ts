/**
 * One publisher that publishes on a schedule, whatever comes back, and the subscribers of one channel. Latency counts from
 * the moment a publication was due, not from when it was sent, so a server that falls behind can't hide it by slowing the
 * publisher down. Everything is counted, and on some subscribers the order checked; a loss or a duplicate fails the run.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { createSchedule, inParallel, LatencyHistogram, type Schedule } from "@holdfast/lab/load";
import type { Contender } from "./contenders.js";
import { FirstFailure } from "./load.js";
import { markedPayload } from "./payload.js";
import type { Publisher } from "./protocols.js";
import type { RawClient } from "./raw-client.js";
import { type LatencySummary, summarizeLatencies } from "./report.js";
import { assertPing, openPublisher, openSubscriber, SubscriptionEnded } from "./subscribers.js";

export interface OpenLoopOptions {
  readonly contender: Contender;
  readonly port: number;
  readonly subscribers: number;
  /** Of each message. */
  readonly bytes: number;
}

export interface OpenLoopResult extends LatencySummary {
  /** Until everything had come. */
  readonly seconds: number;
  readonly published: number;
  /** How late the publisher itself was: 99 % of publications were sent within so many milliseconds of their time. */
  readonly lateP99Ms: number;
  /**
   * Whether the server fell behind, or gave up on subscribers; then the latencies say nothing more, for they rise with the
   * length of the run, and there must not be another.
   */
  readonly isSaturated: boolean;
  /** Whether it gave up on subscribers. */
  readonly hasEnded: boolean;
}

const channel = "bench";
/** Subscribers that check everything they get, instead of counting only. */
const inspectors = 5;
/** Timers are so late; closer than this, the loop spins. */
const timerSlackMs = 2;
const drainTimeoutMs = 60_000;
const surplusWaitMs = 100;

export class OpenLoop {
  readonly #options: OpenLoopOptions;
  readonly #publisher: Publisher;
  readonly #subscribers: readonly RawClient[];
  #published = 0;
  #received = 0;
  readonly #failure = new FirstFailure();
  /** The publications that a run began after, and its schedule. */
  #base = 0;
  #schedule: Schedule = createSchedule({ ratePerSecond: 1, windowStartMs: 0, durationMs: 0, warmUpMs: 0 });
  #latencies = new LatencyHistogram();

  private constructor(options: OpenLoopOptions, publisher: Publisher, subscribers: readonly RawClient[]) {
    this.#options = options;
    this.#publisher = publisher;
    this.#subscribers = subscribers;
    const { protocol } = options.contender;
    publisher.onLost = this.#failure.fail;
    publisher.onMessage = this.#failure.guard((message) => protocol.acknowledgementsIn(message));
    for (const [i, subscriber] of subscribers.entries()) {
      subscriber.onLost = this.#failure.fail;
      if (i < inspectors)
        subscriber.onMessage = this.#failure.guard((message) => this.#inspect(subscriber, message));
      else {
        subscriber.onDeliveries = (count) => this.#record(subscriber.received - count, count);
        subscriber.onMessage = this.#failure.guard((message) => assertPing(protocol, message));
        subscriber.startCounting("markers");
      }
    }
  }

  static async open(options: OpenLoopOptions): Promise<OpenLoop> {
    const { contender, port, subscribers: count } = options;
    const publisher = await openPublisher(port, contender.protocol);
    const subscribers = await inParallel(count, (i) => openSubscriber(port, contender.protocol, channel, i));
    return new OpenLoop(options, publisher, subscribers);
  }

  /** Publishes at this rate; resolves when everything has come. @throws Error when it does not */
  async run(perSecond: number, seconds: number, warmUpSeconds: number): Promise<OpenLoopResult> {
    const start = performance.now();
    const warmUpMs = warmUpSeconds * 1000;
    const schedule = createSchedule({
      ratePerSecond: perSecond,
      windowStartMs: start + warmUpMs,
      durationMs: seconds * 1000,
      warmUpMs,
    });
    this.#base = this.#published;
    this.#schedule = schedule;
    this.#latencies = new LatencyHistogram();
    const lateness = new LatencyHistogram();
    let sent = 0;
    let maxOutstanding = 0;
    while (sent < schedule.count && !this.#failure.error) {
      const now = performance.now();
      const due = schedule.dueBy(now);
      if (due > sent) {
        this.#publish(due - sent);
        while (sent < due) lateness.record(now - schedule.timeOf(++sent));
      }
      maxOutstanding = Math.max(maxOutstanding, this.#outstanding());
      if (findOutcome(perSecond, schedule.count, maxOutstanding) === "hopeless") break;
      const waitMs = schedule.timeOf(sent + 1) - performance.now();
      if (waitMs > timerSlackMs) await sleep(waitMs - timerSlackMs);
      else await new Promise(setImmediate);
    }
    const outstanding = this.#outstanding();
    await this.#drain();
    const end = performance.now();
    const hasEnded = this.#failure.error instanceof SubscriptionEnded;
    if (!hasEnded) await this.#verify();
    return {
      ...summarizeLatencies(this.#latencies),
      seconds: (end - start) / 1000,
      published: sent,
      lateP99Ms: lateness.percentileMs(99) ?? Number.NaN,
      hasEnded,
      isSaturated:
        hasEnded ||
        sent < schedule.count ||
        findOutcome(perSecond, schedule.count, outstanding) !== "kept up",
    };
  }

  close(): void {
    for (const client of [this.#publisher, ...this.#subscribers]) client.destroy();
  }

  /** Publications that some subscriber has not got yet, on average. */
  #outstanding(): number {
    return this.#published - this.#received / this.#subscribers.length;
  }

  #publish(count: number): void {
    const { contender, bytes } = this.#options;
    const messages = Array.from({ length: count }, () => {
      const sequence = ++this.#published;
      return contender.protocol.publish(channel, markedPayload.create(sequence, bytes), sequence);
    });
    this.#publisher.send(...messages);
  }

  #inspect(subscriber: RawClient, message: string): void {
    const sequences = markedPayload.sequencesIn(message, this.#options.bytes);
    if (sequences.length === 0) assertPing(subscriber.protocol, message);
    for (const sequence of sequences)
      if (sequence !== ++subscriber.received)
        throw new Error(`a subscriber got ${sequence} in place of ${subscriber.received}`);
    this.#record(subscriber.received - sequences.length, sequences.length);
  }

  /** @param first publications that the subscriber had before these */
  #record(first: number, count: number): void {
    const now = performance.now();
    this.#received += count;
    const { warmUpCount, timeOf } = this.#schedule;
    for (let sequence = first - this.#base + 1; sequence <= first - this.#base + count; sequence++)
      if (sequence > warmUpCount) this.#latencies.record(now - timeOf(sequence));
  }

  async #drain(): Promise<void> {
    const deadline = performance.now() + drainTimeoutMs;
    while (this.#outstanding() > 0 && !this.#failure.error && performance.now() < deadline) await sleep(20);
  }

  async #verify(): Promise<void> {
    await sleep(surplusWaitMs);
    if (this.#failure.error) throw this.#failure.error;
    const wrong = this.#subscribers.find(({ received }) => received !== this.#published);
    if (wrong) throw new Error(`a subscriber got ${wrong.received} of ${this.#published} publications`);
  }
}

/** When so much is outstanding at the end, the server has fallen behind: this part of the run, or so many seconds. */
const behindPart = 0.1;
const behindSeconds = 0.5;
/** When so much is outstanding at any time, it will not catch up. */
const hopelessSeconds = 2;

/** @param outstanding publications that have not reached everybody */
export function findOutcome(
  perSecond: number,
  count: number,
  outstanding: number,
): "kept up" | "fell behind" | "hopeless" {
  const seconds = outstanding / perSecond;
  if (seconds > hopelessSeconds) return "hopeless";
  return seconds > Math.min(behindSeconds, (behindPart * count) / perSecond) ? "fell behind" : "kept up";
}
