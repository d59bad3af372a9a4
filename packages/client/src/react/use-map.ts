/** A map in a component: subscribed while it is shown. */
import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { App } from "../../../holdfast/src/app/define-app.js";
import type {
  ChannelArgument,
  DataFor,
  HasParams,
  InputFor,
  ParamsOf,
  PatternOf,
} from "../../../holdfast/src/app/types.js";
import type { HoldfastError } from "../../../holdfast/src/errors.js";
import type { ChannelStatus, Client, LiveMap, MapEntry, PublishedPosition } from "../index.js";
import { MapFeed } from "./map-feed.js";

type Input<A, P extends string> = InputFor<A, PatternOf<A, P>>;
type Data<A, P extends string> = DataFor<A, PatternOf<A, P>>;

export interface UseMapOptions<Data> {
  /** A number made of the data, the highest first. Better the same function each time. @default by key */
  readonly orderBy?: (data: Data) => number;
  /** For lists of who is subscribed to another channel. @default "keys" */
  readonly type?: "keys" | "clients" | "users";
}

export interface UsedMap<Input, Data> {
  readonly entries: readonly MapEntry<Data>[];
  readonly status: ChannelStatus;
  readonly error: HoldfastError | undefined;
  /** The same function until the map changes. */
  readonly set: (key: string, data: Input) => Promise<PublishedPosition>;
  /** The same function until the map changes. */
  readonly remove: (key: string) => Promise<PublishedPosition>;
}

/** Parameters and options of `useMap`: parameters are `undefined` or left out where the pattern has none. */
export type UseMapArguments<P extends string, Data> =
  HasParams<P> extends true
    ? [params: ParamsOf<P>, options?: UseMapOptions<Data>]
    : [params?: Readonly<Record<string, string>>, options?: UseMapOptions<Data>];

/**
 * A map by its pattern and parameters, or by its name (`"board:chess"`), as with `useChannel`.
 * Parameters are compared by what they say, so that they may be written where they are used.
 * @throws HF_OPTION_INVALID where a parameter is not accepted
 */
export function useMap<A extends App, P extends string>(
  client: Client<A>,
  pattern: ChannelArgument<A, P>,
  ...[params, options = {}]: UseMapArguments<P, Data<A, P>>
): UsedMap<Input<A, P>, Data<A, P>> {
  const { orderBy, type = "keys" } = options;
  const open = () =>
    (client as unknown as Client).map(pattern as string, params as Readonly<Record<string, string>>);
  const { name } = open();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the name says all of pattern and parameters.
  const map = useMemo(open, [client, name]) as unknown as LiveMap<Input<A, P>, Data<A, P>>;
  const feed = useMemo(
    () => new MapFeed(map as unknown as LiveMap<never, Data<A, P>>, { type }),
    [map, type],
  );
  const snapshot = useSyncExternalStore(feed.subscribe, feed.snapshot, feed.snapshot);
  const { entries: byKey } = snapshot;
  const entries = useMemo(
    () => (orderBy && byKey.length > 0 ? map.entries(orderBy) : byKey),
    [map, byKey, orderBy],
  );
  const set = useCallback((key: string, data: Input<A, P>) => map.set(key, data), [map]);
  const remove = useCallback((key: string) => map.remove(key), [map]);
  return { ...snapshot, entries, set, remove };
}
