/**
 * The logs in memory: loaded from the index on use, begun, forgotten, and unloaded when unused. A log that may have lost acknowledged
 * publications continues in a new epoch when it is loaded.
 */

import type { Owner } from "../../channels/quota.js";
import { Round } from "../../channels/round.js";
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import type { Position } from "../../wire/messages.js";
import { InitialEpochs } from "../epochs.js";
import { ChannelLog } from "./channel-log.js";
import type { EpochBase, Run } from "./format.js";
import { type LogIndex, settled } from "./log-index.js";
import type { OpenStore } from "./store.js";
import { mayHaveLost, stampOf } from "./store-marker.js";
import type { IndexSpace, StoreRoom } from "./store-room.js";

/** The initial state of a log. */
export interface NewLog {
  readonly name: string;
  readonly epoch: string;
  /** Stamp of the epoch's beginning. */
  readonly since: number;
  readonly run: number;
  readonly now: number;
  readonly owner?: Owner;
}

/** What all logs of a store share. */
export interface SharedByLogs {
  readonly index: LogIndex;
  /** How long an empty, unused log keeps its epoch and offset, in milliseconds. */
  readonly metaTtlMs: number;
  readonly room: Pick<StoreRoom, "owners" | "unstored" | "addTailBytes">;
  /** Publications of a log could not be read, from an offset on. */
  readonly onDamage: (channel: string, offset: number) => void;
}

export interface LoadedLogsOptions extends Omit<SharedByLogs, "index" | "onDamage"> {
  readonly store: Pick<OpenStore, "index" | "marker" | "refusal">;
  readonly clock: Clock;
  readonly createEpoch: () => string;
  /** The epoch that a subscribed channel's log has or will have; undefined if the node is not subscribed. */
  readonly subscribedEpoch: (channel: string) => string | undefined;
  readonly onEpoch: (channel: string, epoch: string) => void;
  readonly onLoad: (log: ChannelLog) => void;
  /** The log has changes that are not in the index. */
  readonly onDirty: (log: ChannelLog) => void;
  /** Publications were found damaged. */
  readonly onDamage: (error: HoldfastError, stage: string) => void;
  readonly onError: (error: unknown, stage: string) => void;
}

/** Logs in memory beyond which unused ones are dropped at once. */
const maxLoaded = 100_000;
const loadedPerRound = 2000;

export class LoadedLogs {
  readonly #options: LoadedLogsOptions;
  readonly #shared: SharedByLogs;
  readonly #logs = new Map<string, ChannelLog>();
  readonly #round = new Round(this.#logs);
  /** Channels whose records are being removed: those still in the index do not count. */
  readonly #forgotten = new Set<string>();
  /** Logs whose end could not be read, and that must continue in a new epoch. */
  readonly #damaged = new Set<ChannelLog>();
  #initialEpochs: InitialEpochs;
  #stamps = 0;

  constructor(options: LoadedLogsOptions) {
    this.#options = options;
    const { store, metaTtlMs, room, createEpoch } = options;
    const onDamage = (channel: string, offset: number) => this.#reportDamage(channel, offset);
    this.#shared = { index: store.index, metaTtlMs, room, onDamage };
    // Used unless the base can be stored; then clients are told of a gap after a restart.
    this.#initialEpochs = new InitialEpochs(createEpoch());
  }

  get size(): number {
    return this.#logs.size;
  }

  values(): Iterable<ChannelLog> {
    return this.#logs.values();
  }

  has(channel: string): boolean {
    return this.#logs.has(channel);
  }

  isLoaded(log: ChannelLog): boolean {
    return this.#logs.get(log.name) === log;
  }

  isSubscribed(channel: string): boolean {
    return this.#options.subscribedEpoch(channel) !== undefined;
  }

  /** Whether the log can be reloaded from the index, and no subscription needs it. */
  isUnused(log: ChannelLog): boolean {
    return !log.stored.isDirty && !log.hasPending && !this.isSubscribed(log.name);
  }

  /**
   * Loads or stores the base of initial epochs, so that an empty channel has the same epoch after a restart.
   * @throws what made storing it fail
   */
  async openEpochs(space: IndexSpace): Promise<void> {
    const { store, createEpoch } = this.#options;
    const { index, marker } = store;
    const { lostRun, repairedRun } = marker;
    const known = index.epochBase();
    const isKept = known?.lostRun === lostRun && known.repairedRun === repairedRun;
    if (!isKept) {
      if (store.refusal) return;
      // Logs may have been lost without a trace.
      const base: EpochBase = { base: createEpoch(), lostRun, repairedRun };
      await space.reserve();
      await settled([index.putEpochBase(base)]);
      await index.flushed();
      this.#initialEpochs = new InitialEpochs(base.base, index.generations());
    } else this.#initialEpochs = new InitialEpochs(known.base, index.generations());
  }

  /** The head of a log, or where it will begin. */
  position(channel: string): Position {
    return this.load(channel)?.position ?? { epoch: this.#initialEpoch(channel), offset: 0 };
  }

  load(channel: string): ChannelLog | undefined {
    const known = this.#logs.get(channel);
    if (known !== undefined) return known;
    const log = this.#loadFromIndex(channel);
    if (log !== undefined) {
      this.renewIfLost(log);
      this.#options.onLoad(log);
    }
    return log;
  }

  /** Begins a log for its first publication. */
  begin(channel: string, owner: Owner): ChannelLog {
    return this.#add(channel, { epoch: this.#initialEpoch(channel), since: this.#stamp(), owner });
  }

  /** Drops a log whose first publication was refused. */
  discard(log: ChannelLog): void {
    if (!this.isLoaded(log)) return;
    this.#logs.delete(log.name);
    this.#shared.room.unstored.add(log.owner, -1);
  }

  /** Applies a run of the journal. @returns undefined if it belongs to a log that was forgotten since */
  async replay(run: Run): Promise<ChannelLog | undefined> {
    const { store } = this.#options;
    const known = this.#logs.get(run.channel) ?? this.#loadFromIndex(run.channel);
    const log = known ?? this.#add(run.channel, run);
    if (known === undefined) log.markRun(run.run);
    // A log of this name was forgotten, and another one begun.
    if (run.since > log.since && run.first <= log.head && store.refusal === undefined)
      await store.index.removeSegmentsUpTo(log.name, log.head);
    return log.replay(run) ? log : undefined;
  }

  /** Must be called after the whole journal was replayed. */
  renewIfLost(log: ChannelLog): void {
    const { store, createEpoch, onDirty } = this.#options;
    const isLost = this.#damaged.delete(log) || mayHaveLost(store.marker, log);
    log.markRun(store.marker.run);
    if (!isLost) return;
    log.renew(createEpoch(), this.#stamp());
    onDirty(log);
  }

  /**
   * A log that is behind a position of its own epoch has lost what readers were shown, such as a folder that was put back from a
   * copy: it continues in a new epoch.
   */
  renewIfBehind(channel: string, floor: Position): void {
    const { epoch, offset } = this.position(channel);
    if (epoch !== floor.epoch || offset >= floor.offset) return;
    const { store, createEpoch, onDirty, onEpoch, onError } = this.#options;
    const log = this.#logs.get(channel);
    if (log !== undefined) {
      log.renew(createEpoch(), this.#stamp());
      onDirty(log);
      onEpoch(channel, log.epoch);
      return;
    }
    const { group, generation } = this.#initialEpochs.retire(channel);
    onEpoch(channel, this.#initialEpochs.of(channel));
    if (store.refusal !== undefined) return;
    store.index
      .putGeneration(group, generation)
      .catch((error: unknown) => onError(error, `storing the epoch of channel ${channel}`));
  }

  /** Removes a log and its segments; the next log of this name has another epoch. */
  forget(log: ChannelLog, puts: Promise<unknown>[]): void {
    // In the transaction that removes the log: the next one must not begin with its epoch.
    const { group, generation } = this.#initialEpochs.retire(log.name);
    puts.push(this.#shared.index.putGeneration(group, generation));
    this.#forgotten.add(log.name);
    log.stored.remove(puts);
    this.#logs.delete(log.name);
  }

  /** Forgotten logs are gone from the index. */
  endForget(): void {
    this.#forgotten.clear();
  }

  /** Unloads some of the logs that were last used before a time, Unix milliseconds. */
  unloadSome(usedBefore: number): void {
    this.#round.visit(loadedPerRound, (_, log) => {
      if (log.usedAt <= usedBefore) this.unload(log);
    });
  }

  /** Drops an unused log from memory. */
  unload(log: ChannelLog): void {
    if (this.isUnused(log)) this.#logs.delete(log.name);
  }

  #initialEpoch(channel: string): string {
    return this.#options.subscribedEpoch(channel) ?? this.#initialEpochs.of(channel);
  }

  #stamp(): number {
    return stampOf(this.#options.store.marker.run, ++this.#stamps);
  }

  #add(
    name: string,
    { epoch, since, owner }: { readonly epoch: string; readonly since: number; readonly owner?: Owner },
  ): ChannelLog {
    if (this.#logs.size >= maxLoaded) this.unloadSome(Number.POSITIVE_INFINITY);
    const { store, clock } = this.#options;
    const log = new ChannelLog(
      { name, epoch, since, run: store.marker.run, now: clock.now(), owner },
      this.#shared,
    );
    this.#logs.set(name, log);
    return log;
  }

  #loadFromIndex(channel: string): ChannelLog | undefined {
    const { store, onError } = this.#options;
    const record = this.#forgotten.has(channel) ? undefined : store.index.channel(channel);
    if (record === undefined) return undefined;
    const log = this.#add(channel, record);
    const lost = log.load(record);
    if (lost !== undefined) {
      this.#reportDamage(channel, lost);
      this.#damaged.add(log);
      if (store.refusal === undefined)
        store.index
          .removeSegmentsFrom(channel, lost)
          .catch((error: unknown) => onError(error, `repairing channel ${channel}`));
    }
    return log;
  }

  /** Readers get no wrong data, and notice the gap by the offsets. */
  #reportDamage(channel: string, offset: number): void {
    const error = new HoldfastError(
      "HF_STORE_CORRUPT",
      `publications of ${channel} from ${offset} on are damaged and no longer kept`,
      { details: { channel, offset } },
    );
    this.#options.onDamage(error, `reading channel ${channel}`);
  }
}
