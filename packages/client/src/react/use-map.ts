/** A map in a component: subscribed while the component is mounted. */
import { useCallback, useMemo, useSyncExternalStore } from "react";
import type {
  AnyApp,
  ChannelArgument,
  ChannelData,
  ChannelInput,
  HasParams,
  PatternParams,
} from "../../../holdfast/src/app/app-shape.js";
import type { HoldfastError } from "../../../holdfast/src/errors.js";
import type {
  ChannelStatus,
  Client,
  LiveMap,
  MapEntry,
  MapSubscribeOptions,
  PublishedPosition,
} from "../index.js";
import { Feed } from "./feed.js";

export interface UseMapOptions<Data> {
  /** Orders entries by a number for each value, highest first. Define it outside the component. @default by key */
  readonly orderBy?: (data: Data) => number;
  /** For lists of the subscribers of another channel. @default "keys" */
  readonly type?: "keys" | "clients" | "users";
}

export interface UseMapResult<Input, Data> {
  /** Sorted by `orderBy`. */
  readonly entries: readonly MapEntry<Data>[];
  readonly status: ChannelStatus;
  /** Why the subscription failed. */
  readonly error: HoldfastError | undefined;
  /** Stable until the map changes. */
  readonly set: (key: string, data: Input) => Promise<PublishedPosition>;
  /** Stable until the map changes. */
  readonly remove: (key: string) => Promise<PublishedPosition>;
}

/** Parameters and options of `useMap`: parameters are `undefined` or omitted if the pattern has none. */
export type UseMapArguments<P extends string, Data> =
  HasParams<P> extends true
    ? [params: PatternParams<P>, options?: UseMapOptions<Data>]
    : [params?: Readonly<Record<string, string>>, options?: UseMapOptions<Data>];

/**
 * Subscribes to a map, by its pattern and parameters or by its name (`"board:chess"`), as `useChannel` does. Parameters are compared by
 * value, so they may be written inline.
 * @throws HF_OPTION_INVALID if a parameter is invalid
 */
export function useMap<A extends AnyApp, P extends string>(
  client: Client<A>,
  pattern: ChannelArgument<A, P>,
  ...[params, options = {}]: UseMapArguments<P, ChannelData<A, P>>
): UseMapResult<ChannelInput<A, P>, ChannelData<A, P>> {
  const { orderBy, type = "keys" } = options;
  const open = () =>
    (client as unknown as Client).map(pattern as string, params as Readonly<Record<string, string>>);
  const { name } = open();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the name stands for the pattern and the parameters.
  const map = useMemo(open, [client, name]) as unknown as LiveMap<ChannelInput<A, P>, ChannelData<A, P>>;
  const feed = useMemo(
    () => new MapFeed(map as unknown as LiveMap<never, ChannelData<A, P>>, { type }),
    [map, type],
  );
  const snapshot = useSyncExternalStore(feed.subscribe, feed.snapshot, feed.snapshot);
  const { entries: byKey } = snapshot;
  const entries = useMemo(
    () => (orderBy && byKey.length > 0 ? map.entries(orderBy) : byKey),
    [map, byKey, orderBy],
  );
  const set = useCallback((key: string, data: ChannelInput<A, P>) => map.set(key, data), [map]);
  const remove = useCallback((key: string) => map.remove(key), [map]);
  return { ...snapshot, entries, set, remove };
}

interface MapSnapshot<Data> {
  /** By key. */
  readonly entries: readonly MapEntry<Data>[];
  readonly status: ChannelStatus;
  /** Why the subscription failed; undefined once it works again. */
  readonly error: HoldfastError | undefined;
}

class MapFeed<Data> extends Feed<MapSnapshot<Data>> {
  readonly #map: LiveMap<never, Data>;
  readonly #options: MapSubscribeOptions;
  #isOpen = false;

  constructor(map: LiveMap<never, Data>, options: MapSubscribeOptions) {
    super(map.name);
    this.#map = map;
    this.#options = options;
  }

  protected open(): () => void {
    const unsubscribe = this.#map.subscribe(
      { onChange: () => this.changed(), onStatus: (status) => this.setStatus(status) },
      this.#options,
    );
    // Until here, the map may have entries of other subscribers only.
    this.#isOpen = true;
    this.changed();
    return unsubscribe;
  }

  protected read(): MapSnapshot<Data> {
    return {
      entries: this.#isOpen ? this.#map.entries() : [],
      status: this.status,
      error: this.error,
    };
  }

  protected override onStop(): void {
    this.#isOpen = false;
  }
}
