/**
 * Compares the head of each channel that has readers to the head of its log from time to time. Events may get lost, and in a quiet
 * channel no later event shows the gap; so it is repaired within the interval. `checkNow` does the same at once, after the
 * connection to a store was down.
 */
import { hasCode } from "../errors.js";
import type { Clock } from "../time/clock.js";
import type { Position } from "../wire/messages.js";
import type { Channel } from "./channel.js";
import type { Channels } from "./channels.js";
import type { Delivery } from "./delivery.js";
import type { Log } from "./log.js";

export interface PositionCheckOptions {
  readonly channels: Pick<Channels, "withReaders" | "recovery">;
  readonly delivery: Pick<Delivery, "retryReads">;
  readonly log: Pick<Log, "heads" | "canGoBack">;
  readonly clock: Pick<Clock, "setTimer">;
  /** Runs the callback once, after the events of this turn. */
  readonly schedule: (run: () => void) => void;
  /** From 0 up to 1; nodes that started together check apart. */
  readonly random: () => number;
  /** Longest time between two checks of a channel. @default 10,000 */
  readonly intervalMs?: number;
  /** Checks whatever else follows the log, at the same pace. */
  readonly checkOthers?: () => Promise<void>;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

interface Checked {
  readonly channel: Channel;
  readonly head: Position;
}

/** Channels in one request to the store. */
const channelsPerBatch = 1000;
const defaultIntervalMs = 10_000;
/** The fraction of the interval by which checks may come early. */
const jitter = 0.2;
/** Time for events that are on their way while the heads are read. */
const lateEventMs = 200;

export class PositionChecks {
  readonly #options: PositionCheckOptions;
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();
  /** A requested check that has not started. */
  #next: Promise<void> | undefined;
  readonly #cancelLate = new Set<() => void>();

  constructor(options: PositionCheckOptions) {
    this.#options = options;
  }

  /** Starts checking. */
  start(): void {
    this.#isStopped = false;
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
    for (const cancel of this.#cancelLate) cancel();
    this.#cancelLate.clear();
  }

  /** Checks all channels with readers, after a check that is running. Resolves when all heads have been compared. */
  checkNow(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      this.#running = this.#checkAll();
      return this.#running;
    });
    return this.#next;
  }

  #schedule(): void {
    const { clock, intervalMs = defaultIntervalMs, random } = this.#options;
    const delayMs = intervalMs * (1 - jitter * random());
    this.#cancelTimer = clock.setTimer(() => {
      // The next interval starts after this check, so that a slow store is asked no more often than it answers.
      void this.checkNow().then(() => this.#isStopped || this.#schedule());
    }, delayMs);
  }

  async #checkAll(): Promise<void> {
    const { channels, delivery, schedule, checkOthers } = this.#options;
    // Its part of the store may be the one that cannot be reached.
    await checkOthers?.().catch((error: unknown) => this.#report(error));
    try {
      delivery.retryReads();
      let batch: Channel[] = [];
      for (const channel of channels.withReaders()) {
        batch.push(channel);
        if (batch.length < channelsPerBatch) continue;
        await this.#check(batch);
        batch = [];
        // Yields to other work, even if the store answers at once.
        await new Promise<void>((resolve) => schedule(resolve));
        if (this.#isStopped) return;
      }
      if (batch.length > 0) await this.#check(batch);
    } catch (error) {
      this.#report(error);
    }
  }

  /** Whoever watches the store reports that it cannot be reached. */
  #report(error: unknown): void {
    if (!this.#isStopped && !hasCode(error, "HF_BROKER_UNAVAILABLE"))
      this.#options.onError(error, { stage: "checking positions" });
  }

  async #check(batch: readonly Channel[]): Promise<void> {
    const { log, channels } = this.#options;
    const before = batch.map(({ position }) => position);
    const names = batch.map(({ name }) => name);
    const floors = log.canGoBack ? new Map(batch.map(({ name, position }) => [name, [position]])) : undefined;
    const heads = await log.heads(names, floors);
    if (this.#isStopped) return;
    const behind: Checked[] = [];
    batch.forEach((channel, i) => {
      const known = before[i];
      const head = heads.get(channel.name);
      if (known === undefined || head === undefined || channel.subscriptions.size === 0) return;
      if (channels.recovery.compare(channel, known, head) === "behind") behind.push({ channel, head });
    });
    if (behind.length > 0) this.#compareLater(behind);
  }

  /** A busy channel is always a little behind: what it lacks is on its way or shows up as a gap, except the last event. */
  #compareLater(behind: readonly Checked[]): void {
    const { clock, channels } = this.#options;
    const cancel = clock.setTimer(() => {
      this.#cancelLate.delete(cancel);
      for (const { channel, head } of behind)
        if (channel.subscriptions.size > 0 && channel.epoch === head.epoch && channel.head < head.offset)
          channels.recovery.compare(channel, channel.position, head);
    }, lateEventMs);
    this.#cancelLate.add(cancel);
  }
}
