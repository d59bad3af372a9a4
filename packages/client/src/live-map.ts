/** A channel of kind `map`: a light handle; any number of them may refer to the same map. */
import type { ChannelContext } from "./channel.js";
import type { ChannelStatus, MapChange, MapEntry } from "./from-sdk.js";
import type { MapListeners, MapSubscribeOptions } from "./map-subscription.js";
import type { PublishedPosition } from "./publish-queue.js";

const noEntries: ReadonlyMap<string, MapEntry> = new Map();

/** @typeParam Input what is published @typeParam Data what subscribers get */
export class LiveMap<Input = unknown, Data = Input> {
  readonly name: string;
  readonly #context: ChannelContext;

  constructor(name: string, context: ChannelContext) {
    this.name = name;
    this.#context = context;
  }

  /** The status of the subscription, which all subscribers of this map share. */
  get status(): ChannelStatus {
    return this.#context.maps.statusOf(this.name);
  }

  /** Number of known keys; 0 without a subscription. */
  get size(): number {
    return this.#entries.size;
  }

  get #entries(): ReadonlyMap<string, MapEntry<Data>> {
    return (this.#context.maps.get(this.name)?.entries ?? noEntries) as ReadonlyMap<string, MapEntry<Data>>;
  }

  /** The value of a key; undefined without a subscription. */
  get(key: string): MapEntry<Data> | undefined {
    return this.#entries.get(key);
  }

  /**
   * All known entries, sorted at each call.
   * @param orderBy a number for each value, highest first. @default by key
   */
  entries(orderBy?: (data: Data) => number): MapEntry<Data>[] {
    return [...this.#entries.values()].sort(compareBy(orderBy));
  }

  /**
   * Subscribes to the map: a `reset` when its entries are known, and then each change. Subscribers of one map share a subscription; the
   * last to leave ends it.
   * @param listeners a function for changes, or an object of listeners
   * @returns a function that unsubscribes
   * @throws HF_OPTION_INVALID if the options are invalid or differ from the existing subscription; HF_CLIENT_CLOSED
   */
  subscribe(
    listeners: ((change: MapChange<Data>) => void) | MapListeners<Data>,
    options: MapSubscribeOptions = {},
  ): () => void {
    const all = typeof listeners === "function" ? { onChange: listeners } : listeners;
    return this.#context.maps.add(this.name, all as MapListeners, options);
  }

  /**
   * Sets a key, exactly once and in the order of calls: waits while disconnected, and is sent again if the connection broke before it was
   * acknowledged. Resolves with the position in the map's log.
   * @throws HF_REQUEST_REFUSED with the server's code in `details`, HF_CLIENT_FULL, HF_CLIENT_TIMEOUT, HF_CLIENT_CLOSED
   */
  async set(key: string, data: Input): Promise<PublishedPosition> {
    return await this.#context.queue.publish(this.name, data, { key, isForMap: true });
  }

  /** Removes a key, as reliably as `set`. If it has no value, the result says `suppressed`. @throws what `set` throws */
  async remove(key: string): Promise<PublishedPosition> {
    return await this.#context.queue.publish(this.name, null, { key, isForMap: true, isRemoved: true });
  }
}

/** By a number for each value, highest first, and then by key. */
function compareBy<Data>(orderBy: ((data: Data) => number) | undefined) {
  return (a: MapEntry<Data>, b: MapEntry<Data>): number => {
    const difference = orderBy === undefined ? 0 : orderBy(b.data) - orderBy(a.data);
    if (difference !== 0 && !Number.isNaN(difference)) return difference;
    return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
  };
}
