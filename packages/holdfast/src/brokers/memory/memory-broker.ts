/**
 * The broker that keeps everything in memory, for one node: for tests and throw-away data. Nothing survives the process.
 */
import type {
  HistoryPage,
  HistoryQuery,
  KeysPage,
  KeysQuery,
  LogEvents,
  NewPublication,
  PublishOptions,
  PublishResult,
  Retention,
} from "../../channels/log.js";
import { defaultUserPercent, type Owner, Quota, WindowQuota } from "../../channels/quota.js";
import { Round } from "../../channels/round.js";
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import type { Position, Publication, Version } from "../../wire/messages.js";
import { payloadMemory } from "../../wire/payload.js";
import { InitialEpochs } from "../epochs.js";
import { IdempotencyKeys, idempotencyWindowMs, nameOfKey } from "../idempotency.js";
import { type ExpiryRound, isOldVersion, KeyExpiry, KeyedState } from "../keyed-state.js";
import { LocalBroker, type LocalLog } from "../local-broker.js";
import { PageBuilder } from "../publication-format.js";

export interface MemoryBrokerOptions {
  readonly clock: Clock;
  readonly createEpoch: () => string;
  /** Most channels with a log, including empty ones that were used recently. @default 100,000 */
  readonly maxChannels?: number;
  /** Most bytes of all logs together; publishes are refused beyond. @default 256 MiB */
  readonly maxBytes?: number;
  /** Most idempotency keys of five minutes. @default 500,000 */
  readonly maxIdempotencyKeys?: number;
  /** How long a channel that is empty and unused keeps its epoch and offset. @default 24 hours */
  readonly metaTtlMs?: number;
  /** Percent of each bound that one user may have once half of it is used. @default 2 */
  readonly userPercent?: number;
}

const keysOfWindow = "idempotency keys of 5 minutes";
const sweepIntervalMs = 10_000;
const channelsPerSweep = 1000;
const channelsPerSearch = 100;

type Sizes = MemoryLog["sizes"] & { readonly presences: number };

export class MemoryBroker extends LocalBroker<MemoryLog> {
  constructor(options: MemoryBrokerOptions) {
    super("memory", new MemoryLog(options), options);
  }

  /** Sizes of everything this broker holds. */
  get sizes(): Sizes {
    return { ...this.log.sizes, presences: this.presence.channels };
  }
}

/** The logs of all channels. */
class MemoryLog implements LocalLog {
  readonly #options: Required<MemoryBrokerOptions>;
  readonly #logs = new Map<string, MemoryChannelLog>();
  readonly #initialEpochs: InitialEpochs;
  readonly #logQuota: Quota;
  readonly #byteQuota: Quota;
  readonly #keyQuota: WindowQuota;
  /** Subscribed channels, each with the epoch that its log has or will have. */
  readonly #subscribed = new Map<string, string>();
  readonly #keys = new IdempotencyKeys();
  #events: LogEvents | undefined;
  #isClosed = false;
  #cancelSweep: (() => void) | undefined;
  readonly #expiry: KeyExpiry<string>;
  readonly #roomRound = new Round(this.#logs);
  readonly #logRound = new Round(this.#logs);

  constructor(options: MemoryBrokerOptions) {
    const day = 24 * 60 * 60 * 1000;
    this.#options = {
      maxChannels: 100_000,
      maxBytes: 256 * 1024 * 1024,
      maxIdempotencyKeys: 500_000,
      metaTtlMs: day,
      userPercent: defaultUserPercent,
      ...options,
    };
    const { maxChannels, maxBytes, maxIdempotencyKeys, userPercent, createEpoch } = this.#options;
    this.#initialEpochs = new InitialEpochs(createEpoch());
    this.#expiry = new KeyExpiry(options.clock, (channel) => this.#expireKeys(channel));
    this.#logQuota = new Quota({
      max: maxChannels,
      userPercent,
      what: "channels of the memory broker",
      option: "maxChannels",
    });
    this.#byteQuota = new Quota({
      max: maxBytes,
      userPercent,
      what: "bytes of the memory broker",
      option: "maxBytes",
    });
    const keys = { max: maxIdempotencyKeys, userPercent, what: keysOfWindow, option: "maxIdempotencyKeys" };
    this.#keyQuota = new WindowQuota(keys, idempotencyWindowMs);
  }

  get sizes(): { channels: number; bytes: number; subscribed: number; idempotencyKeys: number } {
    return {
      channels: this.#logs.size,
      bytes: this.#byteQuota.all,
      subscribed: this.#subscribed.size,
      idempotencyKeys: this.#keys.size,
    };
  }

  async open(events: LogEvents): Promise<void> {
    this.#events = events;
    this.#scheduleSweep();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelSweep?.();
    this.#expiry.stop();
    this.#logs.clear();
    this.#subscribed.clear();
  }

  async subscribe(channel: string): Promise<Position> {
    this.#assertOpen();
    const { epoch, offset } = this.#position(channel);
    this.#subscribed.set(channel, epoch);
    return { epoch, offset };
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#assertOpen();
    this.#subscribed.delete(channel);
  }

  isSubscribed(channel: string): boolean {
    return this.#subscribed.has(channel);
  }

  async publish(
    channel: string,
    publication: NewPublication,
    options: PublishOptions,
  ): Promise<PublishResult> {
    this.#assertOpen();
    this.#applyFloors(channel, options.floors);
    const log =
      this.#logs.get(channel) ??
      new MemoryChannelLog(this.#position(channel).epoch, this.#options.clock.now(), options.owner);
    const { idempotencyKey, sender = "" } = options;
    if (idempotencyKey === undefined) return this.#append(channel, log, publication, options);
    const name = nameOfKey(sender, idempotencyKey);
    const elapsed = this.#options.clock.elapsed();
    const first = this.#keys.find(channel, name, elapsed);
    if (first) return first;
    this.#keyQuota.take(options.owner, elapsed);
    const result = this.#append(channel, log, publication, options);
    this.#keys.put(channel, name, result, elapsed);
    return result;
  }

  #append(
    channel: string,
    log: MemoryChannelLog,
    publication: NewPublication,
    options: PublishOptions,
  ): PublishResult {
    const { retention, keyMode } = options;
    const now = this.#options.clock.now();
    let before = log.bytes;
    log.retain(retention);
    this.#charge(log, before);
    const { key } = publication;
    if (key !== undefined && log.keyed) {
      // An expired value does not count.
      if (log.keyed.isExpired(key, now)) this.#removeKey(channel, log, key);
      const suppressed = log.keyed.check({ ...publication, key }, keyMode, now, options.owner);
      if (suppressed) return { position: log.position, isDuplicate: false, suppressed };
    } else if (isOldVersion(publication.version, log.version))
      return { position: log.position, isDuplicate: false, suppressed: "version" };
    // The value of a key takes room even if the log drops its publication.
    before = log.bytes;
    const isFull = log.isFull(publication, retention, now);
    this.#charge(log, before);
    const isGrowing = log.keyed !== undefined || !isFull;
    if (isGrowing) this.#assertRoomFor(sizeOf(publication), log, options);
    if (!this.#logs.has(channel)) this.#add(channel, log, options);
    const applied = key === undefined ? undefined : log.keyed?.begin({ ...publication, key }, options.owner);
    before = log.bytes;
    const entry = log.append(publication, retention, now);
    this.#charge(log, before);
    applied?.();
    const { position } = log;
    if (log.keyed?.nextExpiry !== undefined) this.#expiry.add(channel);
    if (this.#subscribed.has(channel)) this.#events?.onPublication(channel, entry, log.epoch);
    return { position, isDuplicate: false };
  }

  async history(channel: string, query: HistoryQuery): Promise<HistoryPage> {
    this.#assertOpen();
    const log = this.#logs.get(channel);
    if (log === undefined) return { publications: [], position: this.#position(channel) };
    return this.#chargeFor(log, () => log.read(query, this.#options.clock.now()));
  }

  async heads(
    channels: readonly string[],
    floors?: ReadonlyMap<string, readonly Position[]>,
  ): Promise<ReadonlyMap<string, Position>> {
    this.#assertOpen();
    for (const channel of channels) this.#applyFloors(channel, floors?.get(channel));
    return new Map(channels.map((channel) => [channel, this.#position(channel)]));
  }

  async keys(channel: string, query: KeysQuery): Promise<KeysPage> {
    this.#assertOpen();
    const page = this.#keyed(channel)?.read(query);
    return {
      ...(page ?? { publications: [], hasMore: false, numKeys: 0 }),
      position: this.#position(channel),
    };
  }

  async value(channel: string, key: string): Promise<Publication | undefined> {
    this.#assertOpen();
    return this.#keyed(channel)?.get(key);
  }

  async renewKey(channel: string, key: string): Promise<boolean> {
    this.#assertOpen();
    return this.#logs.get(channel)?.keyed?.renew(key, this.#options.clock.now()) ?? false;
  }

  async removeHistory(channel: string): Promise<void> {
    this.#assertOpen();
    const log = this.#logs.get(channel);
    if (log) this.#chargeFor(log, () => log.clear());
  }

  /** Expired keys are first removed by publications, so that the state matches the log. */
  #keyed(channel: string): KeyedState | undefined {
    this.#expireKeys(channel);
    return this.#logs.get(channel)?.keyed;
  }

  /** Runs a change, and charges the log's owner for the difference in size. */
  #chargeFor<T>(log: MemoryChannelLog, change: () => T): T {
    const before = log.bytes;
    const result = change();
    this.#charge(log, before);
    return result;
  }

  #charge(log: MemoryChannelLog, bytesBefore: number): void {
    this.#byteQuota.add(log.owner, log.bytes - bytesBefore);
  }

  /** Where the channel's log ends, or will begin. */
  #position(channel: string): Position {
    const position = this.#logs.get(channel)?.position;
    return position ?? { epoch: this.#subscribed.get(channel) ?? this.#initialEpochs.of(channel), offset: 0 };
  }

  /** Memory loses nothing, but a log is used by tests of nodes that know more than it has. */
  #applyFloors(channel: string, floors: readonly Position[] = []): void {
    const { epoch, offset } = this.#position(channel);
    if (!floors.some((floor) => floor.epoch === epoch && floor.offset > offset)) return;
    this.#initialEpochs.retire(channel);
    const next = this.#initialEpochs.of(channel);
    this.#logs.get(channel)?.restart(next);
    if (this.#subscribed.has(channel)) this.#subscribed.set(channel, next);
  }

  /** What users add is charged to the owner of the channel. */
  #assertRoomFor(bytes: number, log: MemoryChannelLog, { owner, isReserved }: PublishOptions): void {
    if (!isReserved) this.#byteQuota.assertRoom(owner === undefined ? undefined : (log.owner ?? ""), bytes);
  }

  /** @throws HF_BROKER_FULL */
  #add(channel: string, log: MemoryChannelLog, { owner, isReserved }: PublishOptions): void {
    if (!isReserved) this.#makeRoom(owner);
    this.#logs.set(channel, log);
    this.#logQuota.add(log.owner);
  }

  #forget(channel: string, log: MemoryChannelLog): void {
    this.#initialEpochs.retire(channel);
    this.#logs.delete(channel);
    this.#logQuota.add(log.owner, -1);
  }

  /** Forgets empty channels if there are too many. */
  #makeRoom(owner: Owner): void {
    try {
      this.#logQuota.assertRoom(owner);
    } catch {
      // A few at a time: every refused attempt would otherwise search them all.
      this.#roomRound.visit(channelsPerSearch, (name, log) => {
        if (log.isEmpty && !this.#subscribed.has(name)) this.#forget(name, log);
      });
      this.#logQuota.assertRoom(owner);
    }
  }

  #scheduleSweep(): void {
    this.#cancelSweep = this.#options.clock.setTimer(() => {
      this.#runSweep(this.#options.clock.now(), this.#options.clock.elapsed());
      this.#scheduleSweep();
    }, sweepIntervalMs);
  }

  #expireKeys(channel: string): ExpiryRound {
    const log = this.#logs.get(channel);
    if (log?.keyed === undefined) return "none";
    const now = this.#options.clock.now();
    for (const key of log.keyed.expired(now)) this.#removeKey(channel, log, key);
    const { nextExpiry } = log.keyed;
    if (nextExpiry === undefined) return "none";
    return nextExpiry <= now ? "more" : "later";
  }

  /** Publishes the removal, so that readers get it. */
  #removeKey(name: string, log: MemoryChannelLog, key: string): void {
    const now = this.#options.clock.now();
    const removal = { key, data: "null", isRemoved: true } as const;
    const entry = this.#chargeFor(log, () => log.append(removal, log.retention as Retention, now));
    if (this.#subscribed.has(name)) this.#events?.onPublication(name, entry, log.epoch);
  }

  /** Frees expired publications, some channels at a time. */
  #runSweep(now: number, elapsed: number): void {
    this.#keys.expire(elapsed);
    this.#logRound.visit(channelsPerSweep, (name, log) => {
      this.#chargeFor(log, () => log.trim(now));
      const isUnused = log.isEmpty && !this.#subscribed.has(name);
      if (isUnused && now - log.usedAt >= this.#options.metaTtlMs) this.#forget(name, log);
    });
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new HoldfastError("HF_BROKER_CLOSED");
  }
}

/** Estimated memory of a publication beyond its text. */
const overheadBytes = 160;

/** Bytes that a publication counts for. */
function sizeOf(publication: NewPublication): number {
  const { data, info } = publication;
  return payloadMemory(data) + 2 * (info?.connInfo?.length ?? 0) + overheadBytes;
}

/** One channel's log: publications with consecutive offsets, of which the oldest are dropped by count, bytes and age. */
export class MemoryChannelLog {
  #epoch: string;
  /** Who published first and is charged; undefined for the server. */
  readonly owner: Owner;
  /** Oldest first; entries before `#start` are dropped, and removed from the array from time to time. */
  #entries: Publication[] = [];
  #start = 0;
  #head = 0;
  #bytes = 0;
  #retention: Retention | undefined;
  #keyed: KeyedState | undefined;
  #version: Version | undefined;
  /** When the log was last written or read, Unix milliseconds. */
  usedAt: number;

  constructor(epoch: string, now: number, owner?: Owner) {
    this.#epoch = epoch;
    this.owner = owner;
    this.usedAt = now;
  }

  get epoch(): string {
    return this.#epoch;
  }

  get position(): Position {
    return { epoch: this.#epoch, offset: this.#head };
  }

  get length(): number {
    return this.#entries.length - this.#start;
  }

  /** Bytes of publications and of keys. */
  get bytes(): number {
    return this.#bytes + (this.#keyed?.bytes ?? 0);
  }

  get retention(): Retention | undefined {
    return this.#retention;
  }

  get isEmpty(): boolean {
    return this.length === 0 && (this.#keyed?.size ?? 0) === 0;
  }

  /** The newest version of its publications without a key. */
  get version(): Version | undefined {
    return this.#version;
  }

  /** The values of keys, if retention keeps them. */
  get keyed(): KeyedState | undefined {
    return this.#keyed;
  }

  /** Goes on in another epoch, with what it keeps. */
  restart(epoch: string): void {
    this.#epoch = epoch;
  }

  /** Applies the retention of the next publication. */
  retain(retention: Retention): void {
    this.#retention = retention;
    const { keys } = retention;
    if (keys === undefined) this.#keyed = undefined;
    else if (this.#keyed) this.#keyed.limits = keys;
    else this.#keyed = new KeyedState(keys);
  }

  append(publication: NewPublication, retention: Retention, now: number): Publication {
    const entry: Publication = { ...publication, offset: ++this.#head, time: now };
    this.#entries.push(entry);
    this.#bytes += sizeOf(entry);
    this.retain(retention);
    this.#keyed?.apply(entry);
    if (entry.version && !this.#keyed) this.#version = entry.version;
    this.usedAt = now;
    this.trim(now);
    return entry;
  }

  /** Whether taking the publication drops older ones of at least its size, so that the log does not grow. */
  isFull(publication: NewPublication, { maxEntries, maxBytes }: Retention, now: number): boolean {
    this.trim(now);
    const oldest = this.#entries[this.#start];
    if (oldest === undefined) return false;
    if (this.#bytes + sizeOf(publication) > maxBytes) return true;
    return this.length >= maxEntries && sizeOf(oldest) >= sizeOf(publication);
  }

  /** Drops what the retention of the last publish no longer covers. */
  trim(now: number): void {
    if (this.#retention === undefined) return;
    const { maxEntries, maxBytes, ttlMs } = this.#retention;
    while (this.length > 0) {
      const oldest = this.#entries[this.#start] as Publication;
      const isKept = this.length <= maxEntries && this.#bytes <= maxBytes && now - oldest.time < ttlMs;
      if (isKept) break;
      this.#bytes -= sizeOf(oldest);
      this.#start++;
    }
    if (this.#start < 32 || this.#start * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#start);
    this.#start = 0;
  }

  /** Drops all publications that are kept; keys and the position stay. */
  clear(): void {
    this.#entries = [];
    this.#start = 0;
    this.#bytes = 0;
  }

  read(query: HistoryQuery, now: number): HistoryPage {
    this.trim(now);
    this.usedAt = now;
    const { sinceOffset, isReverse } = query;
    const step = isReverse ? -1 : 1;
    const from = isReverse ? (sinceOffset ?? this.#head + 1) - 1 : (sinceOffset ?? 0) + 1;
    const oldest = this.#head - this.length + 1;
    const page = new PageBuilder(query);
    let offset = isReverse ? Math.min(from, this.#head) : Math.max(from, oldest);
    for (; offset >= oldest && offset <= this.#head && !page.isFull; offset += step)
      page.add(this.#entries[this.#start + offset - oldest] as Publication);
    return { publications: page.publications, position: this.position };
  }
}
