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
import { HoldfastError, messageOf } from "../../../holdfast/src/errors.js";
import { endedByServer, subscribing } from "../from-sdk.js";
import type {
  ChannelStatus,
  Client,
  LiveMap,
  MapEntry,
  MapSubscribeOptions,
  PublishedPosition,
} from "../index.js";

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
  // The name stands for the pattern and the parameters.
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

/** A store for `useSyncExternalStore`. */
class MapFeed<Data> {
  readonly #map: LiveMap<never, Data>;
  readonly #options: MapSubscribeOptions;
  readonly #watchers = new Set<() => void>();
  #status = subscribing;
  #error: HoldfastError | undefined;
  #snapshot: MapSnapshot<Data> | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(map: LiveMap<never, Data>, options: MapSubscribeOptions) {
    this.#map = map;
    this.#options = options;
  }

  /** The first watcher starts the subscription, the last ends it. */
  readonly subscribe = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    if (this.#watchers.size === 1) this.#start();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#stop();
    };
  };

  /** The same object until something changes. */
  readonly snapshot = (): MapSnapshot<Data> => {
    this.#snapshot ??= {
      entries: this.#unsubscribe ? this.#map.entries() : [],
      status: this.#status,
      error: this.#error,
    };
    return this.#snapshot;
  };

  #start(): void {
    this.#error = undefined;
    try {
      this.#unsubscribe = this.#map.subscribe(
        { onChange: () => this.#hasChanged(), onStatus: (status) => this.#setStatus(status) },
        this.#options,
      );
      this.#hasChanged();
    } catch (error) {
      this.#error =
        error instanceof HoldfastError ? error : new HoldfastError("HF_REQUEST_REFUSED", messageOf(error));
      this.#hasChanged();
    }
  }

  #stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#status = subscribing;
    this.#snapshot = undefined;
  }

  #setStatus(status: ChannelStatus): void {
    this.#status = status;
    if (status.state === "subscribed") this.#error = undefined;
    else if (status.state === "unsubscribed" && status.code !== 0) {
      this.#error = endedByServer(
        `the subscription to ${this.#map.name} was ended`,
        status.code,
        status.reason,
      );
    }
    this.#hasChanged();
  }

  #hasChanged(): void {
    this.#snapshot = undefined;
    for (const watcher of this.#watchers) watcher();
  }
}
