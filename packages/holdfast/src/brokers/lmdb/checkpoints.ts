/**
 * Checkpoints: write the tails of logs from memory to the index, several logs per transaction, and remove from it what retention no
 * longer covers. When all are written, older journal files are removed.
 */
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import type { ChannelLog } from "./channel-log.js";
import type { GroupCommit } from "./group-commit.js";
import type { IdempotencyKeys } from "./idempotency-keys.js";
import type { Journal, ReserveJournal } from "./journal.js";
import { type LogIndex, settled } from "./log-index.js";
import { stampIndex } from "./store-check.js";
import { toStoreError } from "./store-errors.js";
import type { IndexSpace } from "./store-room.js";
import type { LogPut } from "./stored-log.js";

export interface CheckpointsOptions {
  readonly clock: Clock;
  readonly index: LogIndex;
  readonly indexPath: string;
  readonly journal: Journal;
  readonly reserve: ReserveJournal;
  readonly commit: GroupCommit;
  readonly keys: IdempotencyKeys;
  readonly space: IndexSpace;
  /** Time from a publication to the index, in milliseconds. */
  readonly checkpointDelayMs: number;
  /** Size at which a new journal file begins, in bytes. */
  readonly maxJournalBytes: number;
  /** Number of the oldest journal file. */
  readonly oldestJournal: number;
  readonly onError: (error: unknown, stage: string) => void;
}

const retryDelayMs = 1000;
/** Journal files that a hold keeps, before it ends by itself. */
const maxHeldJournals = 32;

/** Where the journal ends: a file, and its bytes. */
export interface JournalEnd {
  readonly number: number;
  readonly length: number;
}

/** Keeps what a backup copies: journal files that the index would make needless, and the reserve. */
export interface JournalHold {
  /**
   * Where the journal ends now, with everything that was acknowledged as written.
   * @returns undefined if the hold has ended by itself, since the journal grew too much
   */
  end(): JournalEnd | undefined;
  release(): void;
}

export class Checkpoints {
  readonly #options: CheckpointsOptions;
  readonly #dirty = new Set<ChannelLog>();
  #oldestJournal: number;
  #running: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;
  #isBroken = false;
  readonly #holds = new Set<JournalHold>();

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#oldestJournal = options.oldestJournal;
  }

  /** Logs that have changes which are not in the index. */
  get pending(): number {
    return this.#dirty.size;
  }

  /** Resolves when the running checkpoint is done; undefined if none is running. */
  get running(): Promise<void> | undefined {
    return this.#running?.catch(() => {});
  }

  /** The log has changes that are not in the index. */
  add(log: ChannelLog): void {
    this.#dirty.add(log);
    if (this.#cancelTimer || this.#running || this.#isClosed || this.#isBroken) return;
    this.#schedule(this.#options.checkpointDelayMs);
  }

  /** Stops writing, and removing journal files. */
  stop(): void {
    this.#isBroken = true;
    this.#cancelTimer?.();
  }

  /**
   * Writes everything that is not in the index yet.
   * @throws HF_BROKER_CLOSED, and what made the write fail
   */
  async flush(): Promise<void> {
    while (this.#running) await this.#running.catch(() => {});
    if (this.#isClosed || this.#isBroken) throw new HoldfastError("HF_BROKER_CLOSED");
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#running = this.#run();
    try {
      await this.#running;
    } finally {
      this.#ended(this.#options.checkpointDelayMs);
    }
  }

  /** Resolves when no journal file that is there will be removed, and the index has what no journal file has. */
  async hold(): Promise<JournalHold> {
    const { journal } = this.#options;
    const hold: JournalHold = {
      end: () => (this.#holds.has(hold) ? { number: journal.number, length: journal.length } : undefined),
      release: () => {
        if (this.#holds.delete(hold)) this.#dropHeld();
      },
    };
    this.#holds.add(hold);
    // It may be about to remove files.
    await this.running;
    // Publications of durability `memory` are in no journal.
    if (this.#dirty.size > 0) await this.flush().catch(() => {});
    return hold;
  }

  /** Removes the journal files that were only kept for a hold. */
  #dropHeld(): void {
    const isAtWork = this.#cancelTimer !== undefined || this.#running !== undefined;
    if (isAtWork || this.#isClosed || this.#isBroken || this.#holds.size > 0) return;
    if (this.#options.journal.number !== this.#oldestJournal) this.#schedule(this.#options.checkpointDelayMs);
  }

  /**
   * Writes everything to the index now.
   * @param isLast whether not to retry after a failure
   * @throws what made the write fail
   */
  async complete({ isLast }: { readonly isLast: boolean }): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    await this.#running?.catch(() => {});
    try {
      while (this.#dirty.size > 0 && !this.#isBroken) await this.#run();
    } finally {
      this.#isClosed = isLast;
      if (!isLast && this.#dirty.size > 0) this.#schedule(retryDelayMs);
    }
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer = this.#options.clock.setTimer(() => {
      this.#cancelTimer = undefined;
      this.#running = this.#run();
      this.#running.then(
        () => this.#ended(this.#options.checkpointDelayMs),
        (error: unknown) => {
          this.#options.onError(error, "writing publications to the index");
          this.#ended(retryDelayMs);
        },
      );
    }, delayMs);
  }

  #ended(delayMs: number): void {
    this.#running = undefined;
    if (this.#dirty.size > 0 && !this.#isClosed && !this.#isBroken) this.#schedule(delayMs);
  }

  async #run(): Promise<void> {
    const { journal, reserve, commit, maxJournalBytes, index, indexPath, space } = this.#options;
    // Everything in files before the new one was acknowledged, and is part of a log.
    if (journal.length > maxJournalBytes) await commit.between(() => this.#rotate());
    const { number } = journal;
    const reserved = reserve.length;
    const logs = [...this.#dirty];
    for (let next = 0; next < logs.length; ) next = await this.#writeSome(logs, next);
    await index.flushed();
    for (const log of logs) if (!log.stored.isDirty) this.#dirty.delete(log);
    space.refreshUsage();
    journal.noteIndex(stampIndex(indexPath));
    if (number - this.#oldestJournal > maxHeldJournals) this.#holds.clear();
    if (this.#holds.size > 0) return;
    if (reserved > 0) await commit.between(() => this.#clearReserve(reserved));
    if (number === this.#oldestJournal || this.#isBroken) return;
    await journal.removeBefore(number);
    this.#oldestJournal = number;
  }

  /** Unless more was written to it meanwhile. */
  async #clearReserve(length: number): Promise<void> {
    const { reserve, onError } = this.#options;
    const isAll = reserve.length === length && !this.#isBroken;
    if (isAll) await reserve.clear().catch((error: unknown) => onError(error, "clearing the reserve"));
  }

  /** Without room for another file, the current one continues. */
  async #rotate(): Promise<void> {
    const { journal, commit, onError } = this.#options;
    await journal.rotate().catch((cause: unknown) => {
      const error = toStoreError(cause);
      if (error.code !== "HF_BROKER_FULL") {
        commit.fail(error);
        throw error;
      }
      onError(error, "starting another journal file");
    });
  }

  /** Writes one transaction. @returns the index of the first log that is not complete */
  async #writeSome(logs: readonly ChannelLog[], from: number): Promise<number> {
    const { space, clock, keys } = this.#options;
    let budget = await space.reserve();
    const puts: Promise<unknown>[] = [];
    const done: LogPut[] = [];
    let next = from;
    while (next < logs.length && budget > 0) {
      const { stored } = logs[next] as ChannelLog;
      const put = stored.put({ now: clock.now(), budget, puts, keys });
      budget -= put.spent;
      done.push(put);
      if (!put.isComplete) break;
      next++;
    }
    try {
      await settled(puts);
    } catch (error) {
      for (const put of done) put.stored.putFailed(put);
      throw error;
    }
    for (const put of done) {
      put.stored.putDone(put);
      keys.putDone(put.keys);
    }
    return next;
  }
}
