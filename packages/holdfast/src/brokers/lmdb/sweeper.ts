/**
 * Looks after logs that nobody uses: lets their publications go when they have expired, forgets them when they are empty
 * for long, and drops from memory what can be loaded again. Some at a time.
 */
import type { InitialEpochs } from "../../channels/initial-epochs.js";
import { Round } from "../../channels/round.js";
import type { Clock } from "../../time/clock.js";
import type { ChannelLog } from "./channel-log.js";
import { duePeriodOf, periodAt } from "./due.js";
import type { IdempotencyKeys } from "./idempotency-keys.js";
import { type LogIndex, settled } from "./log-index.js";
import type { StoreSpace } from "./store-space.js";

export interface SweeperOptions {
  readonly clock: Clock;
  readonly index: LogIndex;
  readonly initialEpochs: () => InitialEpochs;
  readonly keys: IdempotencyKeys;
  readonly space: StoreSpace;
  /** Logs in memory, by channel. */
  readonly logs: Map<string, ChannelLog>;
  /** Channels whose records are being removed. */
  readonly forgotten: Set<string>;
  readonly load: (channel: string) => ChannelLog | undefined;
  readonly isSubscribed: (channel: string) => boolean;
  /** The log has something to be written to the index. */
  readonly onDirty: (log: ChannelLog) => void;
  /** Records of logs beyond which those that are empty and unused go at once. */
  readonly crowdedAt: number;
  /** Logs in memory beyond which unused ones are dropped at once. */
  readonly maxLoaded: number;
  readonly onError: (error: unknown, stage: string) => void;
}

const intervalMs = 10_000;
const busyIntervalMs = 100;
const logsPerSweep = 500;
/** The event loop gets its turn after so long. */
const sliceMs = 10;
const keysPerSweep = 2000;
const loadedPerSweep = 2000;
/** Of the table that is looked through for logs that can go, in one sweep. */
const recordsPerSweep = 500;
/** Where there were none, they are looked for again after so long. */
const fruitlessMs = 60_000;
/** An unused log stays in memory for so long. */
const keepLoadedMs = 60_000;

export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #round: Round<ChannelLog>;
  #cancelTimer: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;
  /** Where looking for logs that can go has come to. */
  #place = "";
  #found = 0;
  #restsUntil = 0;

  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#round = new Round(options.logs);
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

  /** Drops logs from memory that can be loaded again, where there are too many. */
  makeRoom(): void {
    const { logs, maxLoaded } = this.#options;
    if (logs.size >= maxLoaded) this.#round.visit(loadedPerSweep, (name, log) => this.#unload(name, log));
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
    const { index, keys, space, clock } = this.#options;
    this.#round.visit(loadedPerSweep, (name, log) => {
      if (now - log.usedAt >= keepLoadedMs) this.#unload(name, log);
    });
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
    await settled(puts).finally(() => this.#options.forgotten.clear());
    space.look();
    return areMoreKeys || isMakingRoom || visited < due.length || visited === logsPerSweep;
  }

  /**
   * Where the table of logs is crowded, those that are empty and that nobody uses go before their time: some of the table at
   * a time, in its order.
   * @returns whether there is more to look through
   */
  #forgetUnused(puts: Promise<unknown>[], elapsed: number): boolean {
    const { index, crowdedAt, clock, logs } = this.#options;
    if (index.channelCount < crowdedAt || elapsed < this.#restsUntil) return false;
    const names = index.channelNamesAfter(this.#place, recordsPerSweep);
    const end = clock.elapsed() + sliceMs;
    for (const name of names) {
      this.#place = name;
      const wasLoaded = logs.has(name);
      const log = this.#options.load(name);
      if (log) log.trim(clock.now());
      if (log && this.#isUnused(log)) {
        if (log.due !== 0) puts.push(index.removeDue(log.due, name));
        this.#forget(log, puts);
        this.#found++;
      } else if (log && !wasLoaded) this.#unload(name, log);
      if (clock.elapsed() >= end) return true;
    }
    if (names.length === recordsPerSweep) return true;
    this.#restsUntil = this.#found > 0 ? 0 : elapsed + fruitlessMs;
    this.#place = "";
    this.#found = 0;
    return false;
  }

  #isUnused(log: ChannelLog): boolean {
    return log.isEmpty && !log.isDirty && log.underWay === 0 && !this.#options.isSubscribed(log.name);
  }

  #visit(name: string, period: number, now: number, puts: Promise<unknown>[]): void {
    const { index, load, onDirty } = this.#options;
    puts.push(index.removeDue(period, name));
    const log = load(name);
    if (log === undefined || log.due !== period) return;
    log.trim(now);
    if (this.#isUnused(log) && now - log.usedAt >= log.shared.metaTtlMs) this.#forget(log, puts);
    else {
      log.due = Math.max(duePeriodOf(log, now), periodAt(now) + 1);
      puts.push(index.putDue(log.due, name));
      // In the same transaction: a log that is due at a time that its record does not name would never be looked at.
      puts.push(index.putChannel(name, log.recordAt(log.storedTo)));
      onDirty(log);
    }
  }

  /** What is left of its segments goes with it; the next log of this name has another epoch. */
  #forget(log: ChannelLog, puts: Promise<unknown>[]): void {
    const { index, logs, forgotten, initialEpochs } = this.#options;
    // In the transaction in which the log goes: what comes after it must not begin with its epoch.
    const { group, generation } = initialEpochs().retire(log.name);
    puts.push(index.putGeneration(group, generation));
    if (log.owner && log.charged !== undefined)
      log.shared.room.owners.change(log.owner, { logs: -1, bytes: -log.charged }, puts);
    forgotten.add(log.name);
    for (const first of index.firstOffsetsBefore(log.name, log.head + 1, Number.MAX_SAFE_INTEGER))
      puts.push(index.removeSegment(log.name, first));
    puts.push(index.removeChannel(log.name));
    logs.delete(log.name);
  }

  #unload(name: string, log: ChannelLog): void {
    const isNeeded = log.isDirty || log.underWay > 0 || this.#options.isSubscribed(name);
    if (!isNeeded) this.#options.logs.delete(name);
  }
}
