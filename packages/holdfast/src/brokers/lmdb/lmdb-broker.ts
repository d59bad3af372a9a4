/**
 * The broker that stores logs on the local disk, for a single server that must not lose anything. Publications are written to a
 * journal, acknowledged, and brought into an index (LMDB) a moment later. Presence is kept in memory.
 */
import { resolve } from "node:path";
import type {
  HistoryPage,
  HistoryQuery,
  KeysPage,
  KeysQuery,
  LogEvents,
  NewPublication,
  PublishOptions,
  PublishResult,
} from "../../channels/log.js";
import { defaultUserPercent } from "../../channels/quota.js";
import { HoldfastError } from "../../errors.js";
import { StoreMeter } from "../../observe/meters.js";
import { storeOptions } from "../../options/limits.js";
import { defaultsOf } from "../../options/option.js";
import type { StoreOptions } from "../../options/options.js";
import type { Clock } from "../../time/clock.js";
import type { Position, Publication } from "../../wire/messages.js";
import { LocalBroker, type LocalLog } from "../local-broker.js";
import { ChannelLogs } from "./channel-logs.js";
import type { JournalHold } from "./checkpoints.js";
import { openStore } from "./store.js";
import { withStoreErrors } from "./store-errors.js";
import type { StoreSharing } from "./store-folder.js";

export interface LmdbBrokerOptions extends StoreOptions {
  /** The folder of the store; created if it does not exist. */
  readonly folder: string;
  readonly clock: Clock;
  readonly createEpoch: () => string;
  /** Runs the callback once, after the events of this turn; `setImmediate` in a server. */
  readonly schedule: (run: () => void) => void;
  /** Gets failures in the background, and damage that was found and repaired. */
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
  /** Continues with what is left of a damaged store. @default false, which refuses to open it */
  readonly repair?: boolean;
  /** Most idempotency keys of five minutes, some 100 bytes of the store each. @default 10,000,000 */
  readonly maxIdempotencyKeys?: number;
  /** Percent of each bound that one user may have once half of it is used. @default 2 */
  readonly userPercent?: number;
}

/** What a server adds: how the store is shared with other processes, and what counts its writes. */
export interface SharedLmdbOptions extends LmdbBrokerOptions {
  readonly sharing?: StoreSharing;
  readonly meter?: StoreMeter;
}

const defaultMaxIdempotencyKeys = 10_000_000;

type Sizes = LmdbLog["sizes"] & { readonly presences: number };

export class LmdbBroker extends LocalBroker<LmdbLog> {
  constructor(options: LmdbBrokerOptions) {
    super("lmdb", new LmdbLog(options), options);
  }

  /** Sizes of everything this broker holds in memory, and of its store. */
  get sizes(): Sizes {
    return { ...this.log.sizes, presences: this.presence.channels };
  }

  /** Resolves once nothing is pending, not even in the background. */
  idle(): Promise<void> {
    return this.log.idle();
  }
}

/** The logs of all channels, in one store. */
export class LmdbLog implements LocalLog {
  readonly #options: Required<LmdbBrokerOptions>;
  readonly #meter: StoreMeter;
  readonly #sharing: StoreSharing | undefined;
  /** Subscribed channels, each with the epoch that its log has or will have. */
  readonly #subscribed = new Map<string, string>();
  #events: LogEvents | undefined;
  #logs: ChannelLogs | undefined;
  #opening: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor({ sharing, meter = new StoreMeter(), ...options }: SharedLmdbOptions) {
    const { folder, userPercent = defaultUserPercent } = options;
    this.#sharing = sharing;
    this.#meter = meter;
    this.#options = {
      repair: false,
      maxIdempotencyKeys: defaultMaxIdempotencyKeys,
      ...defaultsOf(storeOptions).store,
      ...options,
      userPercent,
      folder: resolve(folder),
    };
  }

  get sizes(): ReturnType<ChannelLogs["sizes"]> & { readonly subscribed: number } {
    return { ...this.#open().sizes(), subscribed: this.#subscribed.size };
  }

  /** @throws HF_STORE_OPEN, HF_STORE_CORRUPT, HF_STORE_NEWER, HF_STORE_IN_USE */
  open(events: LogEvents): Promise<void> {
    this.#opening = this.#openStore(events);
    return this.#opening;
  }

  async #openStore(events: LogEvents): Promise<void> {
    const { folder, clock, repair, onError } = this.#options;
    const onNotice = (error: HoldfastError) => onError(error, { stage: "opening the store" });
    const store = await openStore({ folder, clock, isRepair: repair, onNotice, sharing: this.#sharing });
    this.#events = this.#closed ? undefined : events;
    const logs = new ChannelLogs(store, {
      ...this.#options,
      meter: this.#meter,
      onPublication: (...publication) => this.#events?.onPublication(...publication),
      subscribedEpoch: (channel) => this.#subscribed.get(channel),
      onEpoch: (channel, epoch) => {
        if (this.#subscribed.has(channel)) this.#subscribed.set(channel, epoch);
      },
    });
    try {
      await logs.start();
    } catch (error) {
      await logs.abandon();
      throw error;
    }
    this.#logs = logs;
    this.#meter.watch(() => logs.sizes());
  }

  /** Resolves once nothing is pending, not even in the background. */
  async idle(): Promise<void> {
    await this.#logs?.idle();
  }

  /** Resolves when everything is in the index, on the disk. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async subscribe(channel: string): Promise<Position> {
    const logs = this.#open();
    const position = withStoreErrors(() => logs.position(channel));
    this.#subscribed.set(channel, position.epoch);
    return position;
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#open();
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
    const logs = this.#open();
    return withStoreErrors(() => logs.publish(channel, publication, options));
  }

  async history(channel: string, query: HistoryQuery): Promise<HistoryPage> {
    const logs = this.#open();
    return withStoreErrors(() => logs.read(channel, query));
  }

  async heads(
    channels: readonly string[],
    floors?: ReadonlyMap<string, readonly Position[]>,
  ): Promise<ReadonlyMap<string, Position>> {
    const logs = this.#open();
    return withStoreErrors(
      () => new Map(channels.map((channel) => [channel, logs.position(channel, floors?.get(channel))])),
    );
  }

  async keys(channel: string, query: KeysQuery): Promise<KeysPage> {
    const logs = this.#open();
    await withStoreErrors(() => logs.maps.expire(channel));
    return withStoreErrors(() => logs.maps.read(channel, query));
  }

  async value(channel: string, key: string): Promise<Publication | undefined> {
    const logs = this.#open();
    await withStoreErrors(() => logs.maps.expire(channel));
    return withStoreErrors(() => logs.maps.value(channel, key));
  }

  async renewKey(channel: string, key: string): Promise<boolean> {
    const logs = this.#open();
    return withStoreErrors(() => logs.maps.renew(channel, key));
  }

  async removeHistory(channel: string): Promise<void> {
    const logs = this.#open();
    await withStoreErrors(() => logs.removeHistory(channel));
  }

  /** Keeps what a backup copies, until the hold is released. */
  async holdJournal(): Promise<JournalHold> {
    return await this.#open().holdJournal();
  }

  #open(): ChannelLogs {
    if (this.#closed || this.#logs === undefined) throw new HoldfastError("HF_BROKER_CLOSED");
    return this.#logs;
  }

  async #close(): Promise<void> {
    // A store that is still opening is closed once it is open.
    await this.#opening?.catch(() => {});
    this.#events = undefined;
    this.#meter.watch(undefined);
    await this.#logs?.close();
    this.#subscribed.clear();
  }
}
