/**
 * Keys of maps: their values while a log is in use, which of them the index lacks, conditions on the next publication, and expiry.
 * Keys of logs that are not in use expire when the log is used again.
 */
import type {
  KeyRetention,
  KeysPage,
  KeysQuery,
  NewPublication,
  PublishOptions,
  Retention,
  SuppressReason,
} from "../../channels/log.js";
import type { Clock } from "../../time/clock.js";
import type { Position, Publication } from "../../wire/messages.js";
import { type ExpiryRound, KeyExpiry, KeyedState } from "../keyed-state.js";
import type { ChannelLog } from "./channel-log.js";
import { encodeValue } from "./format.js";
import type { LogIndex } from "./log-index.js";
import { pageBytes, pagesPerPut } from "./store-room.js";

/** The values of one log's keys. */
export class MapKeys {
  readonly state: KeyedState;
  readonly #changed = new Set<string>();

  constructor(limits: KeyRetention) {
    this.state = new KeyedState(limits);
  }

  /** Whether the index lacks values. */
  get isDirty(): boolean {
    return this.#changed.size > 0;
  }

  /** Loads the values from the index. @param head of the log */
  load(index: LogIndex, name: string, head: number, onDamage: () => void): void {
    // By age, so that the oldest expire first.
    const values = [...index.values(name, onDamage)].sort((a, b) => a.since - b.since);
    // After damage, values may come from publications beyond the end of the log.
    for (const { publication, since } of values)
      this.state.apply({ ...publication, offset: Math.min(publication.offset, head) }, since);
  }

  apply(publication: Publication): void {
    if (publication.key === undefined) return;
    this.state.apply(publication);
    this.#changed.add(publication.key);
  }

  /** Applies a publication of the journal, which the index may have, too. */
  replay(publication: Publication): void {
    const known = this.state.find(publication.key ?? "");
    if (known === undefined || known.publication.offset < publication.offset) this.apply(publication);
  }

  /** @returns whether the key has a value */
  renew(key: string, now: number): boolean {
    const isThere = this.state.renew(key, now);
    if (isThere) this.#changed.add(key);
    return isThere;
  }

  clear(): void {
    for (const key of this.state.keys()) this.#changed.add(key);
    this.state.clear();
  }

  /**
   * Writes values that the index lacks, within a budget.
   * @param budget pages that may be written; at least one key is
   */
  put(
    name: string,
    index: LogIndex,
    puts: Promise<unknown>[],
    budget: number,
  ): { readonly keys: readonly string[]; readonly pages: number } {
    const keys: string[] = [];
    let pages = 0;
    for (const key of this.#changed) {
      if (pages >= budget && keys.length > 0) break;
      const value = this.state.find(key);
      const bytes = value && encodeValue(value);
      puts.push(bytes ? index.putValue(name, key, bytes) : index.removeValue(name, key));
      pages += pagesPerPut + Math.ceil((bytes?.length ?? 0) / pageBytes);
      keys.push(key);
    }
    for (const key of keys) this.#changed.delete(key);
    return { keys, pages };
  }

  /** The put of these keys has failed. */
  putFailed(keys: readonly string[]): void {
    for (const key of keys) this.#changed.add(key);
  }
}

export interface MapsOptions {
  readonly clock: Clock;
  /** Loads a channel's log for use; undefined if it has none. */
  readonly use: (channel: string) => ChannelLog | undefined;
  readonly position: (channel: string) => Position;
  readonly isLoaded: (log: ChannelLog) => boolean;
  readonly publish: (
    log: ChannelLog,
    publication: NewPublication,
    options: PublishOptions,
  ) => Promise<unknown>;
  /** The log has changes that are not in the index. */
  readonly onChange: (log: ChannelLog) => void;
  readonly onError: (error: unknown, stage: string) => void;
}

/** The maps of a store. */
export class Maps {
  readonly #options: MapsOptions;
  readonly #expiry: KeyExpiry<ChannelLog>;
  /** The last pending removal of each log. */
  readonly #removals = new Map<ChannelLog, Promise<unknown>>();

  constructor(options: MapsOptions) {
    this.#options = options;
    this.#expiry = new KeyExpiry(options.clock, (log) => this.#expireLog(log));
  }

  stop(): void {
    this.#expiry.stop();
  }

  /** The log was loaded, or has grown: its keys expire on a timer from now on. */
  watch(log: ChannelLog): void {
    if (log.keyed?.state.nextExpiry !== undefined) this.#expiry.add(log);
  }

  /**
   * Must be called before a read: expired keys are first removed by publications, so that the state matches the log. If there are
   * many, or nothing can be written, the rest stay until they are removed.
   */
  async expire(channel: string): Promise<void> {
    const log = this.#options.use(channel);
    if (log?.keyed === undefined) return;
    try {
      for (const key of log.keyed.state.expired(this.#options.clock.now())) void this.#remove(log, key);
      await this.#removals.get(log);
    } catch {
      // Reported when the store became read-only, and when keys are removed on the timer.
    }
  }

  read(channel: string, query: KeysQuery): KeysPage {
    const page = this.#options.use(channel)?.keyed?.state.read(query);
    const position = this.#options.position(channel);
    return { ...(page ?? { publications: [], hasMore: false, numKeys: 0 }), position };
  }

  value(channel: string, key: string): Publication | undefined {
    return this.#options.use(channel)?.keyed?.state.get(key);
  }

  /** @returns whether the key has a value */
  renew(channel: string, key: string): boolean {
    const log = this.#options.use(channel);
    if (!log?.keyed?.renew(key, this.#options.clock.now())) return false;
    this.#options.onChange(log);
    return true;
  }

  /**
   * @returns why the publication is suppressed, by the stored or pending value of its key
   * @throws HF_MAP_FULL
   */
  check(
    log: ChannelLog | undefined,
    publication: NewPublication,
    { retention, keyMode, owner }: PublishOptions,
  ): SuppressReason | undefined {
    const { key } = publication;
    if (key === undefined || retention.keys === undefined) return undefined;
    log?.retain(retention);
    const state = log?.keyed?.state ?? new KeyedState(retention.keys);
    // An expired value does not count.
    if (log && state.isExpired(key, this.#options.clock.now())) this.#removeOrReport(log, key);
    return state.check({ ...publication, key }, keyMode, this.#options.clock.now(), owner);
  }

  /** The publication is pending, and counts for conditions from now on. */
  begin(
    log: ChannelLog,
    publication: NewPublication,
    { retention, owner }: PublishOptions,
    written: Promise<unknown>,
  ): void {
    const { key } = publication;
    if (key === undefined || retention.keys === undefined) return;
    log.retain(retention);
    const done = log.keyed?.state.begin({ ...publication, key }, owner);
    if (done) written.then(done, done);
  }

  #expireLog(log: ChannelLog): ExpiryRound {
    const { clock, isLoaded } = this.#options;
    const state = log.keyed?.state;
    if (state?.nextExpiry === undefined || !isLoaded(log)) return "none";
    try {
      const now = clock.now();
      for (const key of state.expired(now)) this.#removeOrReport(log, key);
      return state.expired(now).length > 0 ? "more" : "later";
    } catch {
      // The store is read-only, which was already reported.
      return "none";
    }
  }

  #removeOrReport(log: ChannelLog, key: string): void {
    this.#remove(log, key).catch((error: unknown) =>
      this.#options.onError(error, `removing keys of ${log.name}`),
    );
  }

  /** Publishes the removal of an expired key. */
  #remove(log: ChannelLog, key: string): Promise<unknown> {
    const { retention, durability } = log;
    const options = { retention: retention as Retention, durability };
    const removal = this.#options.publish(log, { key, data: "null", isRemoved: true }, options);
    this.#removals.set(log, removal);
    const forget = () => void (this.#removals.get(log) === removal && this.#removals.delete(log));
    removal.then(forget, forget);
    return removal;
  }
}
