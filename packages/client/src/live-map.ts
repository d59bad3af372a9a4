/** A channel of kind `map` as a client uses it: a light handle, of which any number may stand for the same map. */
import type { ChannelContext } from "./channel.js";
import { compareBy, type MapChange, type MapEntry } from "./map-entry.js";
import type { MapSubscribeOptions } from "./map-subscribe-options.js";
import type { PublishedPosition } from "./publish-queue.js";
import type { MapListeners } from "./shared-map.js";
import type { ChannelStatus } from "./status.js";

/** @typeParam Input what is published @typeParam Data what subscribers get */
export class LiveMap<Input = unknown, Data = Input> {
  readonly name: string;
  readonly #context: ChannelContext;

  constructor(name: string, context: ChannelContext) {
    this.name = name;
    this.#context = context;
  }

  /** How the subscription stands that all subscribers of this map share. */
  get status(): ChannelStatus {
    return this.#context.maps.statusOf(this.name);
  }

  /** Keys that are known to have a value; none while nobody is subscribed. */
  get size(): number {
    return this.#entries.size;
  }

  get #entries(): ReadonlyMap<string, MapEntry<Data>> {
    return this.#context.maps.entriesOf(this.name) as ReadonlyMap<string, MapEntry<Data>>;
  }

  /** A key's value, as far as it is known: somebody has to be subscribed. */
  get(key: string): MapEntry<Data> | undefined {
    return this.#entries.get(key);
  }

  /**
   * All that is known. Sorted at each call.
   * @param orderBy a number made of the data, the highest first. @default by key
   */
  entries(orderBy?: (data: Data) => number): MapEntry<Data>[] {
    return [...this.#entries.values()].sort(compareBy(orderBy));
  }

  /**
   * Subscribers of one map share a subscription; the last that leaves ends it. All values come first, and then each
   * change.
   * @param listeners a function for changes, or one for each kind of news
   * @returns a function that unsubscribes
   * @throws HF_OPTION_INVALID where the options do not fit the subscription there is; HF_CLIENT_CLOSED
   */
  subscribe(
    listeners: ((change: MapChange<Data>) => void) | MapListeners<Data>,
    options: MapSubscribeOptions = {},
  ): () => void {
    const all = typeof listeners === "function" ? { onChange: listeners } : listeners;
    return this.#context.maps.add(this.name, all as MapListeners, options);
  }

  /**
   * Gives a key a value, once, in the order of the calls: while there is no connection it waits, and what a break leaves
   * open is sent again. Resolves with the position in the map's log.
   * @throws HF_REQUEST_REFUSED with the server's code in `details`, HF_CLIENT_FULL, HF_CLIENT_TIMEOUT, HF_CLIENT_CLOSED
   */
  async set(key: string, data: Input): Promise<PublishedPosition> {
    return await this.#context.queue.publish(this.name, data, { key, isForMap: true });
  }

  /** Removes a key, as `set` sets one. One that is not there is no fault, and `suppressed` then. @throws what `set` throws */
  async remove(key: string): Promise<PublishedPosition> {
    return await this.#context.queue.publish(this.name, null, { key, isForMap: true, isRemoved: true });
  }
}
