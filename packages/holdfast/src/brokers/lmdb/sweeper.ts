/**
 * Removes, a few at a time, what is no longer needed: expired publications of unused logs, empty logs after `metaTtlMs`, expired
 * idempotency keys; and unloads unused logs from memory.
 */
import type { Clock } from "../../time/clock.js";
import type { ChannelLog } from "./channel-log.js";
import type { IdempotencyKeys } from "./idempotency-keys.js";
import type { LoadedLogs } from "./loaded-logs.js";
import { type LogIndex, settled } from "./log-index.js";
import type { IndexSpace } from "./store-room.js";
import { periodAt } from "./stored-log.js";

export interface SweeperOptions {
  readonly clock: Clock;
  readonly index: LogIndex;
  readonly keys: IdempotencyKeys;
  readonly space: IndexSpace;
  readonly loaded: LoadedLogs;
  /** How long an empty, unused log keeps its epoch and offset, in milliseconds. */
  readonly metaTtlMs: number;
  readonly maxChannels: number;
  /** The log has changes that are not in the index. */
  readonly onDirty: (log: ChannelLog) => void;
  readonly onError: (error: unknown, stage: string) => void;
}

const intervalMs = 10_000;
const busyIntervalMs = 100;
const logsPerSweep = 500;
/** Longest time before other work gets its turn. */
const sliceMs = 10;
const keysPerSweep = 2000;
/** Records that one sweep searches for empty logs. */
const recordsPerSweep = 500;
/** Time until the next search after one that found none. */
const searchPauseMs = 60_000;
/** The fraction of `maxChannels` beyond which empty logs are removed early. */
const crowdedFraction = 7 / 8;
/** How long an unused log stays in memory. */
const keepLoadedMs = 60_000;

export class Sweeper {
  readonly #options: SweeperOptions;
  #cancelTimer: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;
  /** The last channel that was searched for an empty log. */
  #lastSearched = "";
  #found = 0;
  #restsUntil = 0;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  /** Resolves when the running sweep is done; undefined if none is running. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  start(): void {
    this.#schedule(intervalMs);
  }

  /** Resolves once no sweep is running. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer?.();
    await this.#running;
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer = this.#options.clock.setTimer(() => {
      this.#running = this.#sweep(this.#options.clock.now()).then(
        (isMore) => this.#scheduleNext(isMore),
        (error: unknown) => {
          this.#options.onError(error, "sweeping unused logs");
          this.#scheduleNext(false);
        },
      );
    }, delayMs);
  }

  #scheduleNext(isMore: boolean): void {
    if (!this.#isStopped) this.#schedule(isMore ? busyIntervalMs : intervalMs);
  }

  /** @returns whether there is more to do */
  async #sweep(now: number): Promise<boolean> {
    const { index, keys, space, clock, loaded } = this.#options;
    loaded.unloadSome(now - keepLoadedMs);
    await space.reserve();
    const puts: Promise<unknown>[] = [];
    const due = index.dueBefore(periodAt(now), logsPerSweep);
    const end = clock.elapsed() + sliceMs;
    let visited = 0;
    for (const { due: period, name } of due) {
      this.#visit(name, period, now, puts);
      visited++;
      if (clock.elapsed() >= end) break;
    }
    const areMoreKeys = keys.expire(keysPerSweep, puts);
    const isMakingRoom = this.#forgetUnused(puts, clock.elapsed());
    await settled(puts).finally(() => loaded.endForget());
    space.refreshUsage();
    return areMoreKeys || isMakingRoom || visited < due.length || visited === logsPerSweep;
  }

  /**
   * If the table of logs is crowded, removes empty, unused logs early: searches a part of the table at a time, in order.
   * @returns whether there is more to search
   */
  #forgetUnused(puts: Promise<unknown>[], elapsed: number): boolean {
    const { index, maxChannels, clock, loaded } = this.#options;
    if (index.channelCount < Math.floor(maxChannels * crowdedFraction) || elapsed < this.#restsUntil)
      return false;
    const names = index.channelNamesAfter(this.#lastSearched, recordsPerSweep);
    const end = clock.elapsed() + sliceMs;
    for (const name of names) {
      this.#lastSearched = name;
      const wasLoaded = loaded.has(name);
      const log = loaded.load(name);
      if (log) log.trim(clock.now());
      if (log?.isEmpty && loaded.isUnused(log)) {
        loaded.forget(log, puts);
        this.#found++;
      } else if (log && !wasLoaded) loaded.unload(log);
      if (clock.elapsed() >= end) return true;
    }
    if (names.length === recordsPerSweep) return true;
    this.#restsUntil = this.#found > 0 ? 0 : elapsed + searchPauseMs;
    this.#lastSearched = "";
    this.#found = 0;
    return false;
  }

  #visit(name: string, period: number, now: number, puts: Promise<unknown>[]): void {
    const { index, loaded, metaTtlMs, onDirty } = this.#options;
    puts.push(index.removeDue(period, name));
    const log = loaded.load(name);
    if (log === undefined || log.stored.due !== period) return;
    log.trim(now);
    if (log.isEmpty && loaded.isUnused(log) && now - log.usedAt >= metaTtlMs) loaded.forget(log, puts);
    else {
      log.stored.reschedule(now, puts);
      onDirty(log);
    }
  }
}
