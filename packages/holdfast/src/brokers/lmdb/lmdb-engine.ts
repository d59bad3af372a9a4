/** The logs of an open store: loads them when they are used, takes publications, reads, and keeps the parts together. */

import { InitialEpochs } from "../../channels/initial-epochs.js";
import type {
  HistoryPage,
  HistoryQuery,
  NewPublication,
  PublishOptions,
  PublishResult,
} from "../../channels/log.js";
import { HoldfastError } from "../../errors.js";
import type { Position } from "../../wire/messages.js";
import { ChannelLog } from "./channel-log.js";
import { Checkpoints } from "./checkpoints.js";
import type { EngineOptions } from "./engine-options.js";
import { GroupCommit } from "./group-commit.js";
import { IdempotencyKeys, type SentKey } from "./idempotency-keys.js";
import { LogMaps } from "./log-maps.js";
import { removeFrom, removeUpTo } from "./log-removals.js";
import type { LogsInUse, NewLog } from "./logs-in-use.js";
import { PublishChecks } from "./publish-checks.js";
import type { Run } from "./runs.js";
import { closeStore, type OpenStore } from "./store.js";
import { openInitialEpochs } from "./store-epochs.js";
import { toStoreError } from "./store-errors.js";
import { mayHaveLost, stampOf } from "./store-marker.js";
import { StoreRoom } from "./store-room.js";
import { StoreSpace } from "./store-space.js";
import { Sweeper } from "./sweeper.js";

/** Logs in memory beyond which unused ones are dropped at once. */
const maxLoaded = 100_000;
/** Part of the table of logs beyond which empty ones go before their time. */
const crowdedPart = 7 / 8;

export class LmdbEngine {
  /** Values of keys. */
  readonly maps: LogMaps;
  readonly #store: OpenStore;
  readonly #options: EngineOptions;
  readonly #shared: LogsInUse;
  readonly #logs = new Map<string, ChannelLog>();
  /** Channels whose records are being removed: what the index still says of them does not count. */
  readonly #forgotten = new Set<string>();
  readonly #keys: IdempotencyKeys;
  readonly #commit: GroupCommit;
  readonly #checkpoints: Checkpoints;
  readonly #sweeper: Sweeper;
  readonly #space: StoreSpace;
  readonly #room: StoreRoom;
  #initialEpochs: InitialEpochs;
  /** Loaded logs whose end could not be read, and that are to go on in a new epoch. */
  readonly #damaged = new Set<ChannelLog>();
  #stamps = 0;
  readonly #check = new PublishChecks();
  #failure: HoldfastError | undefined;

  constructor(store: OpenStore, options: EngineOptions) {
    this.#store = store;
    this.#options = options;
    const { index, journal, reserve, indexPath, oldestJournal, time } = store;
    const { clock, schedule, subscribedEpoch, maxChannels, maxJournalBytes, metaTtlMs } = options;
    const isSubscribed = (channel: string) => subscribedEpoch(channel) !== undefined;
    this.#initialEpochs = new InitialEpochs(options.createEpoch());
    const onDamage = (channel: string, offset: number) => this.#tellDamage(channel, offset);
    const space = new StoreSpace({ ...options, path: indexPath, index });
    this.#space = space;
    this.#room = new StoreRoom({ ...options, index, space });
    this.#shared = { index, metaTtlMs, tailBytes: 0, room: this.#room, onDamage };
    this.#keys = new IdempotencyKeys(index, () => time.now());
    this.#commit = new GroupCommit({
      journal,
      reserve,
      onPublication: options.onPublication,
      isSubscribed,
      now: () => clock.now(),
      schedule,
      onGrown: (log) => this.#grown(log),
      onDropped: (log) => this.#drop(log),
      onBroken: (error) => this.#fail(error, "writing the journal"),
    });
    const onError = (error: unknown, stage: string) => this.#failed(error, stage);
    const common = { clock, index, keys: this.#keys, space, onError };
    this.#checkpoints = new Checkpoints({
      ...common,
      journal,
      reserve,
      commit: this.#commit,
      delayMs: options.checkpointDelayMs,
      maxJournalBytes,
      oldestJournal,
    });
    this.#sweeper = new Sweeper({
      ...common,
      initialEpochs: () => this.#initialEpochs,
      crowdedAt: Math.floor(maxChannels * crowdedPart),
      logs: this.#logs,
      forgotten: this.#forgotten,
      load: (channel) => this.#load(channel),
      isSubscribed,
      onDirty: (log) => this.#checkpoints.add(log),
      maxLoaded,
    });
    this.maps = new LogMaps({
      clock,
      inUse: (channel) => this.#inUse(channel),
      position: (channel) => this.position(channel),
      isInUse: (log) => this.#logs.get(log.name) === log,
      take: (log, removal, options) => this.#takeUnlessFailed(log, removal, options),
      onChange: (log) => this.#checkpoints.add(log),
      onError,
    });
  }

  /** Takes up what the journal has, and begins to look after the store. */
  async start(): Promise<void> {
    const isReadOnly = this.#store.refusal !== undefined;
    if (isReadOnly) this.#checkpoints.stop();
    // Unless they can be kept, those of this run serve: who comes back after it is told that something is missing.
    await openInitialEpochs({ ...this.#store, ...this.#options, space: this.#space }).then(
      (epochs) => {
        this.#initialEpochs = epochs;
      },
      (error: unknown) => this.#failed(error, "keeping what epochs are made of"),
    );
    for (const run of this.#store.runs) await this.#replay(run);
    for (const log of this.#logs.values()) this.#renewIfLost(log);
    if (isReadOnly) return;
    // A full disk is no reason not to serve what is there.
    await this.#checkpoints
      .complete({ isLast: false })
      .catch((error: unknown) => this.#failed(error, "taking up the journal"));
    this.#sweeper.start();
    for (const log of this.#logs.values()) this.maps.look(log);
  }

  async idle(): Promise<void> {
    await this.#commit.idle();
    await Promise.all([this.#checkpoints.running, this.#sweeper.running]);
  }

  /** Lets go of the store as a crash would: the next start takes up what the journal has. */
  async abandon(): Promise<void> {
    this.maps.stop();
    this.#checkpoints.stop();
    await this.#checkpoints.running;
    await closeStore(this.#store, false);
  }

  /** Resolves when everything is in the index, on the disk, or it has been reported that it is not. */
  async close(): Promise<void> {
    this.maps.stop();
    await this.#sweeper.stop();
    await this.#commit.idle();
    const isComplete = await this.#checkpoints.complete({ isLast: true }).then(
      () => this.#failure === undefined && this.#store.refusal === undefined,
      (error: unknown) => {
        this.#options.onError(error, { stage: "closing the store" });
        return false;
      },
    );
    await closeStore(this.#store, isComplete);
  }

  /** Sizes of what is held in memory, and of the store. */
  sizes() {
    const { index, journal } = this.#store;
    return {
      channels: index.channelCount,
      loadedChannels: this.#logs.size,
      pendingPublishes: this.#commit.pending,
      pendingBytes: this.#pendingBytes,
      pendingChannels: this.#checkpoints.pending,
      pendingKeys: this.#keys.pending,
      indexBytes: index.usedBytes,
      journalBytes: journal.length,
    };
  }

  /** Where a log ends, or will begin. */
  position(channel: string): Position {
    return this.#load(channel)?.position ?? { epoch: this.#initialEpoch(channel), offset: 0 };
  }

  #initialEpoch(channel: string): string {
    return this.#options.subscribedEpoch(channel) ?? this.#initialEpochs.of(channel);
  }

  publish(channel: string, publication: NewPublication, options: PublishOptions): Promise<PublishResult> {
    this.#assertWritable(options);
    this.#check.publication(publication, options);
    const { idempotencyKey, sender = "" } = options;
    const known = this.#load(channel);
    this.#room.assertPublication(known, options, this.#pendingBytes);
    const key = idempotencyKey === undefined ? undefined : this.#keys.sent(sender, idempotencyKey);
    const first = key && this.#keys.find(channel, key);
    if (first) return first.then((result) => ({ ...result, isDuplicate: true }));
    if (key) this.#room.takeKey(options, this.#options.clock.elapsed());
    const suppressed = this.maps.check(known, publication, options);
    // Without a log and a key there is nothing to be kept of it.
    if (suppressed && known === undefined && key === undefined)
      return Promise.resolve({ position: this.position(channel), isDuplicate: false, suppressed });
    const log = known ?? this.#new(channel, options);
    const taken = suppressed
      ? this.#commit.write({ log, options, key, suppressed })
      : this.#take(log, publication, options, key);
    if (key) this.#keys.add(log, key, taken);
    return taken;
  }

  /** Resolves when nothing of it can come back, after a crash neither. */
  async removeHistory(channel: string): Promise<void> {
    const log = this.#load(channel);
    if (log === undefined) return;
    this.#assertWritable({});
    log.forget();
    this.#checkpoints.add(log);
    await this.#checkpoints.flush();
  }

  read(channel: string, query: HistoryQuery): HistoryPage {
    const page = this.#inUse(channel)?.read(query, this.#options.clock.now());
    return page ?? { publications: [], position: this.position(channel) };
  }

  #inUse(channel: string): ChannelLog | undefined {
    const log = this.#load(channel);
    if (log) log.usedAt = this.#options.clock.now();
    return log;
  }

  get #pendingBytes(): number {
    return this.#shared.tailBytes + this.#commit.waitingBytes;
  }

  #takeUnlessFailed(
    log: ChannelLog,
    publication: NewPublication,
    options: PublishOptions,
  ): Promise<PublishResult> {
    this.#assertWritable(options);
    return this.#take(log, publication, options);
  }

  #take(
    log: ChannelLog,
    publication: NewPublication,
    options: PublishOptions,
    key?: SentKey,
  ): Promise<PublishResult> {
    log.usedAt = this.#options.clock.now();
    const isAtOnce = options.durability === "memory" && log.durability === "memory" && log.underWay === 0;
    if (isAtOnce && log.isKnown) return Promise.resolve(this.#tell(log, publication, options));
    const written = this.#commit.write({ log, publication, options, key });
    this.maps.noteUnderWay(log, publication, options, written);
    return written;
  }

  /** Acknowledges before anything is written. The record says so already, and what is lost brings a new epoch. */
  #tell(log: ChannelLog, publication: NewPublication, { retention }: PublishOptions): PublishResult {
    log.retention = retention;
    const placed = log.assign({ ...publication, time: this.#options.clock.now() });
    log.append(placed);
    if (this.#options.subscribedEpoch(log.name) !== undefined)
      this.#options.onPublication(log.name, placed, log.epoch);
    this.#grown(log);
    return { position: log.position, isDuplicate: false };
  }

  #grown(log: ChannelLog): void {
    this.#checkpoints.add(log);
    this.maps.look(log);
  }

  #load(channel: string): ChannelLog | undefined {
    let log = this.#logs.get(channel);
    if (log !== undefined) return log;
    log = this.#fromIndex(channel);
    if (log !== undefined) {
      this.#renewIfLost(log);
      this.maps.look(log);
    }
    return log;
  }

  #fromIndex(channel: string): ChannelLog | undefined {
    const record = this.#forgotten.has(channel) ? undefined : this.#store.index.channel(channel);
    if (record === undefined) return undefined;
    const log = this.#add(channel, record);
    const lost = log.load(record);
    if (lost !== undefined) {
      this.#tellDamage(channel, lost);
      this.#damaged.add(log);
      if (this.#store.refusal === undefined)
        removeFrom(this.#store.index, log.name, lost).catch((error: unknown) =>
          this.#failed(error, `repairing channel ${log.name}`),
        );
    }
    return log;
  }

  /** Readers get no wrong data, and are told by their offsets. */
  #tellDamage(channel: string, offset: number): void {
    const error = new HoldfastError(
      "HF_STORE_CORRUPT",
      `publications of ${channel} from ${offset} on are damaged, and count as no longer kept`,
      { details: { channel, offset } },
    );
    this.#options.onError(error, { stage: `reading channel ${channel}` });
  }

  /** @throws HF_BROKER_FULL */
  #new(channel: string, options: PublishOptions): ChannelLog {
    this.#room.assertNewLog(options);
    return this.#add(channel, {
      epoch: this.#initialEpoch(channel),
      since: this.#stamp(),
      owner: options.owner,
    });
  }

  #drop(log: ChannelLog): void {
    if (this.#logs.get(log.name) !== log) return;
    this.#logs.delete(log.name);
    this.#shared.room.unstored.add(log.owner, -1);
  }

  #add(name: string, beginning: Pick<NewLog, "epoch" | "since" | "owner">): ChannelLog {
    this.#sweeper.makeRoom();
    const { epoch, since, owner } = beginning;
    const { run } = this.#store.marker;
    const now = this.#options.clock.now();
    const log = new ChannelLog({ name, epoch, since, run, now, owner }, this.#shared);
    this.#logs.set(name, log);
    return log;
  }

  /** @throws HF_STORE_FAILED; HF_BROKER_FULL where the store is only read, but for what has room kept for it */
  #assertWritable({ isReserved }: Pick<PublishOptions, "isReserved">): void {
    if (this.#failure) throw this.#failure;
    if (this.#store.refusal && !isReserved) throw this.#store.refusal;
  }

  async #replay(run: Run): Promise<void> {
    const known = this.#logs.get(run.channel) ?? this.#fromIndex(run.channel);
    const log = known ?? this.#add(run.channel, run);
    if (known === undefined) log.run = run.run;
    // A log of this name was forgotten, and another one begun.
    if (run.since > log.since && run.first <= log.head && this.#store.refusal === undefined)
      await removeUpTo(this.#store.index, log.name, log.head);
    if (!log.replay(run)) return;
    for (const [name, offset, time, suppressed] of run.keys) {
      this.#store.time.advanceTo(time);
      this.#keys.restore(log, { name, epoch: run.epoch, offset, time, ...(suppressed && { suppressed }) });
    }
    this.#checkpoints.add(log);
  }

  #renewIfLost(log: ChannelLog): void {
    const { marker } = this.#store;
    const isLost = this.#damaged.delete(log) || mayHaveLost(marker, log);
    log.run = marker.run;
    if (isLost) this.#renew(log);
  }

  #renew(log: ChannelLog): void {
    log.renew(this.#options.createEpoch(), this.#stamp());
    this.#checkpoints.add(log);
  }

  #stamp(): number {
    return stampOf(this.#store.marker.run, ++this.#stamps);
  }

  #failed(error: unknown, stage: string): void {
    const known = toStoreError(error);
    if (known.code === "HF_BROKER_FULL") this.#options.onError(known, { stage });
    else this.#fail(error, stage);
  }

  /** What is there can still be read. */
  #fail(error: unknown, stage: string): void {
    if (this.#failure) return;
    this.#failure = toStoreError(error);
    this.#checkpoints.stop();
    this.#options.onError(error, { stage });
  }
}
