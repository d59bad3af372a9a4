/** The keys of an open store's logs: reading their values, conditions on what is published next, and their expiry. */

import { KeyedState } from "../../channels/keyed-state.js";
import type {
  KeysPage,
  KeysQuery,
  NewPublication,
  PublishOptions,
  Retention,
  SuppressReason,
} from "../../channels/log.js";
import type { Clock } from "../../time/clock.js";
import type { Position, Publication } from "../../wire/messages.js";
import type { ChannelLog } from "./channel-log.js";
import { KeyExpiry } from "./key-expiry.js";

export interface LogMapsOptions {
  readonly clock: Clock;
  /** Undefined where the channel has no log. */
  readonly inUse: (channel: string) => ChannelLog | undefined;
  readonly position: (channel: string) => Position;
  readonly isInUse: (log: ChannelLog) => boolean;
  readonly take: (log: ChannelLog, publication: NewPublication, options: PublishOptions) => Promise<unknown>;
  /** The log has something that the index does not have yet. */
  readonly onChange: (log: ChannelLog) => void;
  readonly onError: (error: unknown, stage: string) => void;
}

export class LogMaps {
  readonly #options: LogMapsOptions;
  readonly #expiry: KeyExpiry;
  /** The last one of each log that is under way. */
  readonly #removals = new Map<ChannelLog, Promise<unknown>>();

  constructor(options: LogMapsOptions) {
    this.#options = options;
    this.#expiry = new KeyExpiry({ ...options, remove: (log, key) => this.#remove(log, key) });
  }

  stop(): void {
    this.#expiry.stop();
  }

  /** The log has come into use, or has grown. */
  look(log: ChannelLog): void {
    if (log.keyed) this.#expiry.add(log);
  }

  /**
   * To be called before what is read: keys whose time is over go by a publication first, so that readers see what the log
   * comes to. Of many, and where nothing can be written, the others stay until they go.
   */
  async expire(channel: string): Promise<void> {
    const log = this.#options.inUse(channel);
    if (log?.keyed === undefined) return;
    try {
      for (const key of log.keyed.state.expired(this.#options.clock.now())) void this.#remove(log, key);
      await this.#removals.get(log);
    } catch {
      // Told of where the store began to take nothing, and where keys are removed by themselves.
    }
  }

  read(channel: string, query: KeysQuery): KeysPage {
    const page = this.#options.inUse(channel)?.keyed?.state.read(query);
    const position = this.#options.position(channel);
    return { ...(page ?? { publications: [], hasMore: false, numKeys: 0 }), position };
  }

  value(channel: string, key: string): Publication | undefined {
    return this.#options.inUse(channel)?.keyed?.state.get(key);
  }

  /** @returns whether it was there */
  renew(channel: string, key: string): boolean {
    const log = this.#options.inUse(channel);
    if (!log?.keyed?.renew(key, this.#options.clock.now())) return false;
    this.#options.onChange(log);
    return true;
  }

  /**
   * @returns why the publication may not follow what is there, and what is under way
   * @throws HF_MAP_FULL
   */
  check(
    log: ChannelLog | undefined,
    publication: NewPublication,
    { retention, keyMode, owner }: PublishOptions,
  ): SuppressReason | undefined {
    const { key } = publication;
    if (key === undefined || retention.keys === undefined) return undefined;
    if (log) log.retention = retention;
    const state = log?.keyed?.state ?? new KeyedState(retention.keys);
    // What comes now is not what follows the value that nobody has any more.
    if (log && state.isOver(key, this.#options.clock.now())) this.#removeFirst(log, key);
    return state.check({ ...publication, key }, keyMode, this.#options.clock.now(), owner);
  }

  /** What is published next has to reckon with it. */
  noteUnderWay(
    log: ChannelLog,
    publication: NewPublication,
    { retention, owner }: PublishOptions,
    written: Promise<unknown>,
  ): void {
    const { key } = publication;
    if (key === undefined || retention.keys === undefined) return;
    log.retention = retention;
    const done = log.keyed?.state.begin({ ...publication, key }, owner);
    if (done) written.then(done, done);
  }

  #removeFirst(log: ChannelLog, key: string): void {
    this.#remove(log, key).catch((error: unknown) =>
      this.#options.onError(error, `removing keys of ${log.name}`),
    );
  }

  /** Everybody gets to know that its time is over. */
  #remove(log: ChannelLog, key: string): Promise<unknown> {
    const { retention, durability } = log;
    const options = { retention: retention as Retention, durability };
    const removal = this.#options.take(log, { key, data: "null", isRemoved: true }, options);
    this.#removals.set(log, removal);
    const forget = () => void (this.#removals.get(log) === removal && this.#removals.delete(log));
    removal.then(forget, forget);
    return removal;
  }
}
