/** A channel in a component: subscribed while the component is mounted. */
import { useMemo, useSyncExternalStore } from "react";
import type {
  AnyApp,
  ChannelArgument,
  ChannelData,
  ChannelInput,
  HasParams,
  PatternParams,
} from "../../../holdfast/src/app/app-shape.js";
import { type HoldfastError, invalidOption } from "../../../holdfast/src/errors.js";
import type { Channel, ChannelStatus, Client, ClientInfo, Publication, PublishedPosition } from "../index.js";
import { ChannelFeed } from "./channel-feed.js";

export interface UseChannelOptions {
  /** Number of publications of the history to start with; the server bounds it. @default 0 */
  readonly history?: number;
  /** Maximum number of publications that are kept; the oldest are dropped. @default 500 */
  readonly limit?: number;
  /** Whether to keep a list of the subscribed clients; it follows changes if the channel has `joinLeave`. @default false */
  readonly presence?: boolean;
}

export interface UseChannelResult<Input, Data> {
  /** History and then new publications, without duplicates; the newest last. */
  readonly publications: readonly Publication<Data>[];
  readonly presence: readonly ClientInfo[];
  readonly status: ChannelStatus;
  /** Why the subscription, history, presence or the last publish failed. */
  readonly error: HoldfastError | undefined;
  /** Stable until the channel or the options change. */
  readonly publish: (data: Input) => Promise<PublishedPosition>;
}

const defaults = { history: 0, limit: 500, presence: false };

/** Parameters and options of `useChannel`: parameters are `undefined` or omitted if the pattern has none. */
export type UseChannelArguments<P extends string> =
  HasParams<P> extends true
    ? [params: PatternParams<P>, options?: UseChannelOptions]
    : [params?: Readonly<Record<string, string>>, options?: UseChannelOptions];

/**
 * Subscribes to a channel, by its pattern and parameters or by its name (`"chat:lobby"`, with `undefined` for the parameters if there
 * are options). Parameters and options are compared by value, so they may be written inline.
 * @throws HF_OPTION_INVALID if a parameter or an option is invalid
 */
export function useChannel<A extends AnyApp, P extends string>(
  client: Client<A>,
  pattern: ChannelArgument<A, P>,
  ...[params, options = {}]: UseChannelArguments<P>
): UseChannelResult<ChannelInput<A, P>, ChannelData<A, P>> {
  const { history, limit, presence } = { ...defaults, ...options };
  assertCount("history", history, 0);
  assertCount("limit", limit, 1);
  const open = () =>
    (client as unknown as Client).channel(pattern as string, params as Readonly<Record<string, string>>);
  const { name } = open();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the name stands for the pattern and the parameters.
  const channel = useMemo(open, [client, name]);
  const feed = useMemo(
    () =>
      new ChannelFeed(channel as unknown as Channel<ChannelInput<A, P>, ChannelData<A, P>>, {
        history,
        limit,
        presence,
      }),
    [channel, history, limit, presence],
  );
  const snapshot = useSyncExternalStore(feed.subscribe, feed.snapshot, feed.snapshot);
  return { ...snapshot, publish: feed.publish };
}

function assertCount(option: string, value: number, min: number): void {
  if (Number.isSafeInteger(value) && value >= min) return;
  throw invalidOption(option, `an integer of at least ${min}`, String(value));
}
