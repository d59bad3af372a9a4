/** One log in memory for several nodes, each of which can be cut off from it. */
import { MemoryBroker, type MemoryBrokerOptions } from "../../../../src/brokers/memory/memory-broker.js";
import type { NodeLog } from "../../../../src/brokers/nodes/node-broker.js";
import type {
  HistoryQuery,
  KeysQuery,
  Log,
  LogEvents,
  NewPublication,
  PublishOptions,
} from "../../../../src/channels/log.js";
import { HoldfastError } from "../../../../src/errors.js";
import type { Position, Publication } from "../../../../src/wire/messages.js";
import { brokerEvents } from "../../../channels/support/broker-events.js";

/** The store that the nodes share. */
export class SharedStore {
  readonly memory: MemoryBroker;
  readonly logs = new Set<SharedLog>();
  readonly #opened: Promise<void>;

  constructor(options: MemoryBrokerOptions) {
    this.memory = new MemoryBroker(options);
    const { log } = brokerEvents();
    const onPublication = (channel: string, publication: Publication, epoch: string) => {
      for (const each of this.logs) each.onPublication(channel, publication, epoch);
    };
    this.#opened = this.memory.open(brokerEvents({ log: { ...log, onPublication } }));
  }

  async open(log: SharedLog): Promise<void> {
    await this.#opened;
    this.logs.add(log);
  }

  /** Unsubscribes the store from what no node is subscribed to. */
  async release(channel: string): Promise<void> {
    if (![...this.logs].some((log) => log.isSubscribed(channel))) await this.memory.log.unsubscribe(channel);
  }
}

/** What one node sees of the store. */
export class SharedLog implements NodeLog {
  readonly #store: SharedStore;
  readonly #subscribed = new Set<string>();
  #events: LogEvents | undefined;
  #isCut = false;

  constructor(store: SharedStore) {
    this.#store = store;
  }

  async open(events: LogEvents): Promise<void> {
    this.#events = events;
    await this.#store.open(this);
  }

  async close(): Promise<void> {
    this.#events = undefined;
    this.#store.logs.delete(this);
    const channels = [...this.#subscribed];
    this.#subscribed.clear();
    for (const channel of channels) await this.#store.release(channel);
  }

  cut(): void {
    this.#isCut = true;
    this.#events?.onDisconnect();
  }

  restore(): void {
    this.#isCut = false;
    this.#events?.onReconnect();
  }

  isSubscribed(channel: string): boolean {
    return this.#subscribed.has(channel);
  }

  subscribedChannels(): Iterable<string> {
    return this.#subscribed;
  }

  onPublication(channel: string, publication: Publication, epoch: string): void {
    if (!this.#isCut && this.#subscribed.has(channel))
      this.#events?.onPublication(channel, publication, epoch);
  }

  async subscribe(channel: string): Promise<Position> {
    const log = this.#reached();
    this.#subscribed.add(channel);
    return await log.subscribe(channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#reached();
    this.#subscribed.delete(channel);
    await this.#store.release(channel);
  }

  async publish(channel: string, publication: NewPublication, options: PublishOptions) {
    return await this.#reached().publish(channel, publication, options);
  }

  async history(channel: string, query: HistoryQuery) {
    return await this.#reached().history(channel, query);
  }

  async heads(channels: readonly string[], floors?: ReadonlyMap<string, readonly Position[]>) {
    return await this.#reached().heads(channels, floors);
  }

  async keys(channel: string, query: KeysQuery) {
    return await this.#reached().keys(channel, query);
  }

  async value(channel: string, key: string) {
    return await this.#reached().value(channel, key);
  }

  async renewKey(channel: string, key: string) {
    return await this.#reached().renewKey(channel, key);
  }

  async removeHistory(channel: string) {
    await this.#reached().removeHistory(channel);
  }

  #reached(): Log {
    if (this.#events === undefined) throw new HoldfastError("HF_BROKER_CLOSED");
    if (this.#isCut) throw new HoldfastError("HF_BROKER_UNAVAILABLE");
    return this.#store.memory.log;
  }
}
