/**
 * The logs of an open store: publishes, reads, and connects the parts. A publication goes through `GroupCommit` into the journal and
 * to readers, through `Checkpoints` into the index, and is removed from it by `Sweeper`.
 */
import type {
  HistoryPage,
  HistoryQuery,
  LogEvents,
  NewPublication,
  PublishOptions,
  PublishResult,
  Retention,
  SuppressReason,
} from "../../channels/log.js";
import { findRetentionFault } from "../../channels/rules.js";
import { HoldfastError } from "../../errors.js";
import type { StoreMeter } from "../../observe/meters.js";
import type { Clock } from "../../time/clock.js";
import type { Position, Version } from "../../wire/messages.js";
import { findKeyFault } from "../../wire/names.js";
import { isOldVersion } from "../keyed-state.js";
import type { ChannelLog } from "./channel-log.js";
import { Checkpoints, type JournalHold } from "./checkpoints.js";
import { GroupCommit } from "./group-commit.js";
import { IdempotencyKeys, type SentKey } from "./idempotency-keys.js";
import { LoadedLogs } from "./loaded-logs.js";
import { Maps } from "./map-keys.js";
import { closeStore, type OpenStore } from "./store.js";
import { toStoreError } from "./store-errors.js";
import { IndexSpace, StoreRoom } from "./store-room.js";
import { Sweeper } from "./sweeper.js";

export interface ChannelLogsOptions {
  readonly clock: Clock;
  readonly createEpoch: () => string;
  readonly schedule: (run: () => void) => void;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
  readonly maxChannels: number;
  readonly maxBytes: number;
  readonly maxPendingBytes: number;
  readonly maxIdempotencyKeys: number;
  readonly metaTtlMs: number;
  readonly checkpointDelayMs: number;
  readonly maxJournalBytes: number;
  readonly onPublication: LogEvents["onPublication"];
  /** The epoch that a subscribed channel's log has or will have; undefined if the channel is not subscribed. */
  readonly subscribedEpoch: (channel: string) => string | undefined;
  /** A channel without a log, or its log, has got another epoch. */
  readonly onEpoch: (channel: string, epoch: string) => void;
  readonly userPercent: number;
  readonly meter: StoreMeter;
}

export class ChannelLogs {
  readonly maps: Maps;
  readonly #store: OpenStore;
  readonly #options: ChannelLogsOptions;
  readonly #loaded: LoadedLogs;
  readonly #keys: IdempotencyKeys;
  readonly #commit: GroupCommit;
  readonly #checkpoints: Checkpoints;
  readonly #sweeper: Sweeper;
  readonly #space: IndexSpace;
  readonly #room: StoreRoom;
  readonly #checks = new PublishChecks();
  readonly #versions: LogVersions;
  #failure: HoldfastError | undefined;

  constructor(store: OpenStore, options: ChannelLogsOptions) {
    this.#store = store;
    this.#options = options;
    const { index, indexPath, time } = store;
    const { clock, maxChannels, metaTtlMs } = options;
    this.#versions = new LogVersions(() => clock.now());
    const onError = (error: unknown, stage: string) => this.#failed(error, stage);
    const onDirty = (log: ChannelLog) => this.#checkpoints.add(log);
    this.#space = new IndexSpace({ ...options, path: indexPath, index });
    this.#room = new StoreRoom({ ...options, index, space: this.#space });
    this.#keys = new IdempotencyKeys(index, () => time.now());
    this.#loaded = new LoadedLogs({
      ...options,
      store,
      room: this.#room,
      onLoad: (log) => this.maps.watch(log),
      onDirty,
      onDamage: (error, stage) => options.onError(error, { stage }),
      onError,
    });
    this.#commit = new GroupCommit({
      ...options,
      ...store,
      now: () => clock.now(),
      elapsed: () => clock.elapsed(),
      isSubscribed: (channel) => this.#loaded.isSubscribed(channel),
      onGrown: (log) => this.#grown(log),
      onDropped: (log) => this.#loaded.discard(log),
      onBroken: (error) => this.#fail(error, "writing the journal"),
    });
    const common = { clock, index, keys: this.#keys, space: this.#space, onError };
    this.#checkpoints = new Checkpoints({ ...options, ...store, ...common, commit: this.#commit });
    this.#sweeper = new Sweeper({ ...common, maxChannels, metaTtlMs, loaded: this.#loaded, onDirty });
    this.maps = new Maps({
      clock,
      use: (channel) => this.#use(channel),
      position: (channel) => this.position(channel),
      isLoaded: (log) => this.#loaded.isLoaded(log),
      publish: (log, removal, removalOptions) => this.#publishUnlessFailed(log, removal, removalOptions),
      onChange: onDirty,
      onError,
    });
  }

  /** Replays the journal, brings it to the index, and starts the sweeper. */
  async start(): Promise<void> {
    const isReadOnly = this.#store.refusal !== undefined;
    if (isReadOnly) this.#checkpoints.stop();
    await this.#loaded
      .openEpochs(this.#space)
      .catch((error: unknown) => this.#failed(error, "storing the epoch base"));
    for (const run of this.#store.runs) {
      const log = await this.#loaded.replay(run);
      if (log === undefined) continue;
      for (const [name, offset, time, suppressed] of run.keys) {
        this.#store.time.advanceTo(time);
        const key = { name, epoch: run.epoch, offset, time, ...(suppressed && { suppressed }) };
        this.#keys.restore(log, { channel: log.name, ...key });
      }
      this.#checkpoints.add(log);
    }
    for (const log of this.#loaded.values()) this.#loaded.renewIfLost(log);
    if (isReadOnly) return;
    // With a full disk, reads still work.
    await this.#checkpoints
      .complete({ isLast: false })
      .catch((error: unknown) => this.#failed(error, "replaying the journal"));
    this.#sweeper.start();
    for (const log of this.#loaded.values()) this.maps.watch(log);
  }

  async idle(): Promise<void> {
    await this.#commit.idle();
    await Promise.all([this.#checkpoints.running, this.#sweeper.running]);
  }

  /** Keeps what a backup copies. */
  holdJournal(): Promise<JournalHold> {
    return this.#checkpoints.hold();
  }

  /** Closes the store as a crash would: the next start replays the journal. */
  async abandon(): Promise<void> {
    this.maps.stop();
    this.#checkpoints.stop();
    await this.#checkpoints.running;
    await closeStore(this.#store, false);
  }

  /** Resolves when everything is in the index and flushed, or the failure was reported. */
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

  /** Sizes of the store, and of what it holds in memory. */
  sizes() {
    const { index, journal } = this.#store;
    return {
      channels: index.channelCount,
      loadedChannels: this.#loaded.size,
      pendingPublishes: this.#commit.pending,
      pendingBytes: this.#room.tailBytes + this.#commit.waitingBytes,
      pendingChannels: this.#checkpoints.pending,
      pendingKeys: this.#keys.pending,
      indexBytes: index.usedBytes,
      journalBytes: journal.length,
    };
  }

  /**
   * The head of a log, or where it will begin.
   * @param floors positions that readers were shown
   */
  position(channel: string, floors: readonly Position[] = []): Position {
    for (const floor of floors) this.#loaded.renewIfBehind(channel, floor);
    return this.#loaded.position(channel);
  }

  publish(channel: string, publication: NewPublication, options: PublishOptions): Promise<PublishResult> {
    this.#assertWritable(options);
    this.#checks.assertStorable(publication, options);
    const { idempotencyKey, sender = "", floors = [] } = options;
    for (const floor of floors) this.#loaded.renewIfBehind(channel, floor);
    const known = this.#loaded.load(channel);
    this.#room.assertPublication(known, options, this.#commit.waitingBytes);
    const key = idempotencyKey === undefined ? undefined : this.#keys.sent(sender, idempotencyKey);
    const first = key && this.#keys.find(channel, key);
    if (first) return first.then((result) => ({ ...result, isDuplicate: true }));
    if (key) this.#room.takeKey(options, this.#options.clock.elapsed());
    const suppressed =
      this.maps.check(known, publication, options) ?? this.#versions.check(known, publication);
    // Without a log and a key there is nothing to store.
    if (suppressed && known === undefined && key === undefined)
      return Promise.resolve({ position: this.position(channel), isDuplicate: false, suppressed });
    const log = known ?? this.#begin(channel, options);
    const published = suppressed
      ? this.#commit.write({ log, options, key, suppressed })
      : this.#publishTo(log, publication, options, key);
    if (!suppressed) this.#versions.begin(log, publication, published);
    if (key) this.#keys.add(log, key, published);
    return published;
  }

  /** Resolves when nothing can come back, not even after a crash. */
  async removeHistory(channel: string): Promise<void> {
    const log = this.#loaded.load(channel);
    if (log === undefined) return;
    this.#assertWritable({});
    log.forget();
    this.#checkpoints.add(log);
    await this.#checkpoints.flush();
  }

  read(channel: string, query: HistoryQuery): HistoryPage {
    const page = this.#use(channel)?.read(query, this.#options.clock.now());
    return page ?? { publications: [], position: this.position(channel) };
  }

  #use(channel: string): ChannelLog | undefined {
    const log = this.#loaded.load(channel);
    log?.use(this.#options.clock.now());
    return log;
  }

  /** @throws HF_BROKER_FULL */
  #begin(channel: string, options: PublishOptions): ChannelLog {
    this.#room.assertNewLog(options);
    return this.#loaded.begin(channel, options.owner);
  }

  #publishUnlessFailed(
    log: ChannelLog,
    publication: NewPublication,
    options: PublishOptions,
  ): Promise<PublishResult> {
    this.#assertWritable(options);
    return this.#publishTo(log, publication, options);
  }

  #publishTo(
    log: ChannelLog,
    publication: NewPublication,
    options: PublishOptions,
    key?: SentKey,
  ): Promise<PublishResult> {
    log.use(this.#options.clock.now());
    const isAtOnce = options.durability === "memory" && log.durability === "memory" && !log.hasPending;
    if (isAtOnce && log.isKnown) return Promise.resolve(this.#append(log, publication, options));
    const written = this.#commit.write({ log, publication, options, key });
    this.maps.begin(log, publication, options, written);
    return written;
  }

  /** Acknowledges before anything is written. The record already says so, and a loss brings a new epoch. */
  #append(log: ChannelLog, publication: NewPublication, { retention }: PublishOptions): PublishResult {
    log.retain(retention);
    const placed = log.assign({ ...publication, time: this.#options.clock.now() });
    log.append(placed);
    if (this.#loaded.isSubscribed(log.name)) this.#options.onPublication(log.name, placed, log.epoch);
    this.#grown(log);
    return { position: log.position, isDuplicate: false };
  }

  #grown(log: ChannelLog): void {
    this.#checkpoints.add(log);
    this.maps.watch(log);
  }

  /** @throws HF_STORE_FAILED; HF_BROKER_FULL if the store is read-only, except for reserved publications */
  #assertWritable({ isReserved }: Pick<PublishOptions, "isReserved">): void {
    if (this.#failure) throw this.#failure;
    if (this.#store.refusal && !isReserved) throw this.#store.refusal;
  }

  #failed(error: unknown, stage: string): void {
    const known = toStoreError(error);
    if (known.code === "HF_BROKER_FULL") this.#options.onError(known, { stage });
    else this.#fail(error, stage);
  }

  /** The store is read-only from now on. */
  #fail(error: unknown, stage: string): void {
    if (this.#failure) return;
    this.#failure = toStoreError(error);
    this.#checkpoints.stop();
    this.#options.onError(error, { stage });
  }
}

/** Publications at the end of a log that are searched for the newest version. */
const maxSearched = { maxEntries: 256, maxBytes: 1024 * 1024, isReverse: true };

/** The newest version of publications without a key, in logs that have any: read from the log, and known while it is loaded. */
class LogVersions {
  readonly #now: () => number;
  readonly #known = new WeakMap<ChannelLog, { version: Version | undefined }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  check(log: ChannelLog | undefined, { version }: NewPublication): SuppressReason | undefined {
    if (version === undefined || log === undefined || log.keyed) return undefined;
    return isOldVersion(version, this.#of(log).version) ? "version" : undefined;
  }

  /** The publication is pending, and counts for checks unless it fails. */
  begin(log: ChannelLog, { version }: NewPublication, written: Promise<unknown>): void {
    if (version === undefined || log.keyed) return;
    const known = this.#of(log);
    const before = known.version;
    known.version = version;
    written.catch(() => {
      if (known.version === version) known.version = before;
    });
  }

  #of(log: ChannelLog): { version: Version | undefined } {
    let known = this.#known.get(log);
    if (known === undefined) {
      const { publications } = log.read(maxSearched, this.#now());
      known = { version: publications.find(({ version }) => version !== undefined)?.version };
      this.#known.set(log, known);
    }
    return known;
  }
}

/** Checks what is written as JSON, and would be read back as something else if JSON cannot represent it. */
class PublishChecks {
  #known: Retention | undefined;

  /** @throws HF_OPTION_INVALID */
  assertStorable({ tags, score, key }: NewPublication, { retention, idempotencyKey }: PublishOptions): void {
    this.#assertRetention(retention);
    if (key !== undefined && retention.keys) assertKey("key", key);
    if (idempotencyKey !== undefined) assertKey("idempotencyKey", idempotencyKey);
    if (tags !== undefined) assertTags(tags);
    if (score !== undefined && !Number.isFinite(score))
      throw new HoldfastError("HF_OPTION_INVALID", `the score of a publication must be a finite number`, {
        details: { option: "score" },
      });
  }

  #assertRetention(retention: Retention): void {
    if (retention === this.#known) return;
    const fault = findRetentionFault(retention);
    if (fault !== undefined) throw new HoldfastError("HF_OPTION_INVALID", `publish: ${fault}`);
    this.#known = retention;
  }
}

/** Keys are parts of the index's keys, which have a limit of bytes. */
function assertKey(option: string, key: string): void {
  const fault = findKeyFault(option, key);
  if (fault !== undefined)
    throw new HoldfastError("HF_OPTION_INVALID", `a publish has an invalid key: ${fault}`, {
      details: { option },
    });
}

function assertTags(tags: NonNullable<NewPublication["tags"]>): void {
  for (const [name, value] of Object.entries(tags))
    if (typeof value !== "string")
      throw new HoldfastError("HF_OPTION_INVALID", `the tag ${name} of a publication must be a string`, {
        details: { option: "tags" },
      });
}
