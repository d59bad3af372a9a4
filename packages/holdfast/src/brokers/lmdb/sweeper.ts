/**
 * Removes what unused logs keep no more: their publications when these have expired, empty logs after `metaTtlMs`, expired
 * idempotency keys, and from memory the logs that can be loaded again. Some at a time.
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
  /** How long a log that is empty and unused keeps its epoch and offset, in milliseconds. */
  readonly metaTtlMs: number;
  readonly maxChannels: number;
  /** The log has something to be written to the index. */
  readonly onDirty: (log: ChannelLog) => void;
  readonly onError: (error: unknown, stage: string) => void;
}

const intervalMs = 10_000;
const busyIntervalMs = 100;
const logsPerSweep = 500;
/** The event loop gets its turn after so long. */
const sliceMs = 10;
const keysPerSweep = 2000;
/** Of the table that is looked through for logs that can go, in one sweep. */
const recordsPerSweep = 500;
/** Where there were none, they are looked for again after so long. */
const fruitlessMs = 60_000;
/** Part of the table of logs beyond which empty ones go before their time. */
const crowdedPart = 7 / 8;
/** An unused log stays in memory for so long. */
const keepLoadedMs = 60_000;

export class Sweeper {
  readonly #options: SweeperOptions;
  #cancelTimer: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;
  /** The last channel in which an empty log was looked for. */
  #place = "";
  #found = 0;
  #restsUntil = 0;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  /** Resolves when what is at work is done; undefined where nothing is. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  start(): void {
    this.#schedule(intervalMs);
  }

  /** Resolves once nothing of it is at work. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer?.();
    await this.#running;
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer = this.#options.clock.setTimer(() => {
      this.#running = this.#sweep(this.#options.clock.now()).then(
        (isMore) => this.#goOn(isMore),
        (error: unknown) => {
          this.#options.onError(error, "looking after unused logs");
          this.#goOn(false);
        },
      );
    }, delayMs);
  }

  #goOn(isMore: boolean): void {
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
   * Where the table of logs is crowded, empty and unused logs go before their time: some of the table at
   * a time, in its order.
   * @returns whether there is more to look through
   */
  #forgetUnused(puts: Promise<unknown>[], elapsed: number): boolean {
    const { index, maxChannels, clock, loaded } = this.#options;
    if (index.channelCount < Math.floor(maxChannels * crowdedPart) || elapsed < this.#restsUntil)
      return false;
    const names = index.channelNamesAfter(this.#place, recordsPerSweep);
    const end = clock.elapsed() + sliceMs;
    for (const name of names) {
      this.#place = name;
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
    this.#restsUntil = this.#found > 0 ? 0 : elapsed + fruitlessMs;
    this.#place = "";
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
