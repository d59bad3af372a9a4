/**
 * Removes messages that no longer hold anything retained, in the background, one channel at a time: when a log has grown to twice its
 * retention, or its retention's time has passed once more. Readers leave out what is beyond retention themselves.
 */
import type { Clock } from "../../time/clock.js";
import type { ChannelMessages } from "./channel-messages.js";
import { type ChannelWriter, keyMemoryMs, type LogState } from "./channel-writer.js";
import type { Frame } from "./frame.js";
import type { JetStream } from "./jetstream.js";

export interface TrimmerOptions {
  readonly jetStream: JetStream;
  readonly messages: ChannelMessages;
  readonly clock: Clock;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** Beyond twice the retention, so that short logs are not trimmed all the time. */
const extraEntries = 64;
const extraBytes = 256 * 1024;
/** Channels waiting; further ones come again with their next publication. */
const maxWaiting = 10_000;
const pauseMs = 5;
/** After which a log that had to keep everything is looked at again. */
const retryMs = 10_000;
/** Older and older messages that are tried, where new ones must stay. */
const maxTries = 4;

/** When a log is looked at again, Unix milliseconds: because it is large, or because publications may have expired. */
interface Schedule {
  notBefore: number;
  expiryAt: number;
}

export class Trimmer {
  readonly #options: TrimmerOptions;
  readonly #waiting = new Set<ChannelWriter>();
  readonly #schedules = new WeakMap<ChannelWriter, Schedule>();
  #isRunning = false;
  #isStopped = false;

  constructor(options: TrimmerOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#isStopped = true;
    this.#waiting.clear();
  }

  /** Looks whether there may be enough to remove. */
  appended(writer: ChannelWriter, state: LogState): void {
    const { offset, removedTo, bytes, removedBytes, retention, time } = state;
    let schedule = this.#schedules.get(writer);
    if (schedule === undefined) {
      schedule = { notBefore: 0, expiryAt: time + retention.ttlMs };
      this.#schedules.set(writer, schedule);
    }
    const kept = offset - removedTo;
    const isLarge =
      kept > 2 * retention.maxEntries + extraEntries ||
      bytes - removedBytes > 2 * retention.maxBytes + extraBytes;
    const hasExpired = kept > extraEntries && time >= schedule.expiryAt;
    if (!(isLarge || hasExpired) || time < schedule.notBefore) return;
    if (this.#waiting.size >= maxWaiting || this.#isStopped) return;
    this.#waiting.add(writer);
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    const { clock, onError } = this.#options;
    this.#isRunning = true;
    for (const writer of this.#waiting) {
      await this.#trim(writer).catch((error) => {
        if (!this.#isStopped) onError(error, { stage: "trimming a log in NATS" });
      });
      this.#waiting.delete(writer);
      await new Promise<void>((resolve) => void clock.setTimer(() => resolve(), pauseMs));
    }
    this.#isRunning = false;
  }

  async #trim(writer: ChannelWriter): Promise<void> {
    const { jetStream, messages, clock } = this.#options;
    const { subject } = writer;
    const head = await messages.last(subject);
    if (head === undefined) return;
    const { lastOffset, removedTo, retention } = head;
    const now = clock.now();
    this.#schedules.set(writer, { notBefore: now + retryMs, expiryAt: now + retention.ttlMs });
    const averageBytes = Math.max(
      1,
      (head.totalBytes - head.removedBytes) / Math.max(1, lastOffset - removedTo),
    );
    const numRetained = Math.min(retention.maxEntries, Math.floor(retention.maxBytes / averageBytes));
    // Where nothing is retained, there is nothing to search for.
    const expiredTo = numRetained === 0 ? removedTo : await this.#findExpired(writer, head, now);
    // A repeat of a publication with an idempotency key is answered from its message.
    let target = Math.max(lastOffset - numRetained, expiredTo);
    for (let i = 0; i < maxTries && target > removedTo; i++) {
      const oldest = await messages.holding(subject, head, Math.min(target + 1, lastOffset));
      if (oldest === undefined || oldest.firstOffset - 1 <= removedTo) return;
      if (canStartWith(oldest, head, expiredTo, now)) {
        await jetStream.purge(subject.stream, subject.log, oldest.seq);
        writer.trimmed(oldest, head.epoch);
        this.#schedules.set(writer, { notBefore: 0, expiryAt: now + retention.ttlMs });
        return;
      }
      target = removedTo + Math.floor((target - removedTo) / 2);
    }
  }

  /** The last offset of a message whose publications have all expired; `removedTo` if there is none. */
  async #findExpired({ subject }: ChannelWriter, head: Frame, now: number): Promise<number> {
    const { messages } = this.#options;
    const { ttlMs } = head.retention;
    let [from, to] = [head.removedTo, head.lastOffset];
    // The oldest first, which mostly is the answer.
    for (let offset = from + 1; from < to; offset = Math.ceil((from + to) / 2)) {
      const message = await messages.holding(subject, head, offset);
      if (message === undefined) break;
      if (now - message.time >= ttlMs) from = message.lastOffset;
      else to = message.firstOffset - 1;
    }
    return from;
  }
}

/** Whether a log loses nothing that it keeps when it starts with this message. */
function canStartWith(oldest: Frame, head: Frame, expiredTo: number, now: number): boolean {
  if (now - head.keyedAt < keyMemoryMs && now - oldest.time < keyMemoryMs) return false;
  const { maxEntries, maxBytes } = head.retention;
  const before = oldest.firstOffset - 1;
  if (before <= Math.max(expiredTo, head.lastOffset - maxEntries)) return true;
  return head.totalBytes - oldest.bytesBefore >= maxBytes;
}
