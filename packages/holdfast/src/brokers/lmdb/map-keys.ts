/**
 * Keys of maps: their values while a log is in use, which of them the index does not have yet, conditions on what is
 * published next, and their expiry. Keys of logs that are not in use expire when they come to be used.
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
import { KeyExpiry, type LeftKeys } from "../key-expiry.js";
import { KeyedState } from "../keyed-state.js";
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

  /** Takes what the index has of a log that ends at an offset. */
  load(index: LogIndex, name: string, head: number, onDamage: () => void): void {
    // Those whose time began first are to expire first.
    const values = [...index.values(name, onDamage)].sort((a, b) => a.since - b.since);
    // After damage, values may be of publications that the log does not reach to any more.
    for (const { publication, since } of values)
      this.state.apply({ ...publication, offset: Math.min(publication.offset, head) }, since);
  }

  apply(publication: Publication): void {
    if (publication.key === undefined) return;
    this.state.apply(publication);
    this.#changed.add(publication.key);
  }

  /** Takes what the journal has, which the index may have, too. */
  replay(publication: Publication): void {
    const known = this.state.find(publication.key ?? "");
    if (known === undefined || known.publication.offset < publication.offset) this.apply(publication);
  }

  /** @returns whether the key was there */
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
   * Writes to the index what it does not have yet, or some of it.
   * @param budget pages that may be written; one key is in any case
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

  /** What was put is not there. */
  putFailed(keys: readonly string[]): void {
    for (const key of keys) this.#changed.add(key);
  }
}

export interface MapsOptions {
  readonly clock: Clock;
  /** The log of a channel that is used now; undefined where it has none. */
  readonly use: (channel: string) => ChannelLog | undefined;
  readonly position: (channel: string) => Position;
  readonly isLoaded: (log: ChannelLog) => boolean;
  readonly publish: (
    log: ChannelLog,
    publication: NewPublication,
    options: PublishOptions,
  ) => Promise<unknown>;
  /** The log has something that the index does not have yet. */
  readonly onChange: (log: ChannelLog) => void;
  readonly onError: (error: unknown, stage: string) => void;
}

/** The maps of a store. */
export class Maps {
  readonly #options: MapsOptions;
  readonly #expiry: KeyExpiry<ChannelLog>;
  /** The last removal of each log that is pending. */
  readonly #removals = new Map<ChannelLog, Promise<unknown>>();

  constructor(options: MapsOptions) {
    this.#options = options;
    this.#expiry = new KeyExpiry(options.clock, (log) => this.#expireLog(log));
  }

  stop(): void {
    this.#expiry.stop();
  }

  /** The log has come into use, or has grown: its keys expire by themselves from now on. */
  watch(log: ChannelLog): void {
    if (log.keyed?.state.nextExpiry !== undefined) this.#expiry.add(log);
  }

  /**
   * To be called before a read: keys whose time is over go by a publication first, so that readers see what the log comes
   * to. Of many, and where nothing can be written, the others stay until they go.
   */
  async expire(channel: string): Promise<void> {
    const log = this.#options.use(channel);
    if (log?.keyed === undefined) return;
    try {
      for (const key of log.keyed.state.expired(this.#options.clock.now())) void this.#remove(log, key);
      await this.#removals.get(log);
    } catch {
      // Reported where the store became read-only, and where keys are removed by themselves.
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

  /** @returns whether it was there */
  renew(channel: string, key: string): boolean {
    const log = this.#options.use(channel);
    if (!log?.keyed?.renew(key, this.#options.clock.now())) return false;
    this.#options.onChange(log);
    return true;
  }

  /**
   * @returns why the publication must not follow the value that is stored or pending
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
    // An expired value does not count as the one before.
    if (log && state.isOver(key, this.#options.clock.now())) this.#removeOrReport(log, key);
    return state.check({ ...publication, key }, keyMode, this.#options.clock.now(), owner);
  }

  /** The publication is pending, and the conditions of what is published next take it into account. */
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

  #expireLog(log: ChannelLog): LeftKeys {
    const { clock, isLoaded } = this.#options;
    const state = log.keyed?.state;
    if (state?.nextExpiry === undefined || !isLoaded(log)) return "none that expire";
    try {
      const now = clock.now();
      for (const key of state.expired(now)) this.#removeOrReport(log, key);
      return state.expired(now).length > 0 ? "more that have expired" : "some";
    } catch {
      // The store is read-only, which was reported when that began.
      return "none that expire";
    }
  }

  #removeOrReport(log: ChannelLog, key: string): void {
    this.#remove(log, key).catch((error: unknown) =>
      this.#options.onError(error, `removing keys of ${log.name}`),
    );
  }

  /** Readers get to know that its time is over. */
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
