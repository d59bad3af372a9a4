/** A channel in a component: subscribed while it is shown. */
import { useMemo, useSyncExternalStore } from "react";
import type { App } from "../../../holdfast/src/app/define-app.js";
import type {
  ChannelArgument,
  DataFor,
  HasParams,
  InputFor,
  ParamsOf,
  PatternOf,
} from "../../../holdfast/src/app/types.js";
import { HoldfastError } from "../../../holdfast/src/errors.js";
import type { Channel, ChannelStatus, Client, ClientInfo, Publication, PublishedPosition } from "../index.js";
import { ChannelFeed } from "./channel-feed.js";

type Input<A, P extends string> = InputFor<A, PatternOf<A, P>>;
type Data<A, P extends string> = DataFor<A, PatternOf<A, P>>;

export interface UseChannelOptions {
  /** Publications of the history to begin with; the server gives up to as many as it does at once. @default 0 */
  readonly history?: number;
  /** Most publications that are kept; the oldest go. @default 500 */
  readonly limit?: number;
  /** Whether to keep a list of who is there; changes come where the channel says `joinLeave`. @default false */
  readonly presence?: boolean;
}

export interface UsedChannel<Input, Data> {
  /** History first, then what came since, each publication once; the newest last. */
  readonly publications: readonly Publication<Data>[];
  readonly presence: readonly ClientInfo[];
  readonly status: ChannelStatus;
  /** Why there is no subscription, no history or no presence, or the last publication was refused. */
  readonly error: HoldfastError | undefined;
  /** The same function until the channel or the options change. */
  readonly publish: (data: Input) => Promise<PublishedPosition>;
}

const defaults = { history: 0, limit: 500, presence: false };

/** Parameters and options of `useChannel`: parameters are `undefined` or left out where the pattern has none. */
export type UseChannelArguments<P extends string> =
  HasParams<P> extends true
    ? [params: ParamsOf<P>, options?: UseChannelOptions]
    : [params?: Readonly<Record<string, string>>, options?: UseChannelOptions];

/**
 * A channel by its pattern and parameters, or by its name (`"chat:lobby"`): then options come third, after `undefined`.
 * Parameters and options are compared by what they say, so that they may be written where they are used.
 * @throws HF_OPTION_INVALID where a parameter or an option is not accepted
 */
export function useChannel<A extends App, P extends string>(
  client: Client<A>,
  pattern: ChannelArgument<A, P>,
  ...[params, options = {}]: UseChannelArguments<P>
): UsedChannel<Input<A, P>, Data<A, P>> {
  const { history, limit, presence } = { ...defaults, ...options };
  checkCount("history", history, 0);
  checkCount("limit", limit, 1);
  const open = () =>
    (client as unknown as Client).channel(pattern as string, params as Readonly<Record<string, string>>);
  const { name } = open();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the name says all of pattern and parameters.
  const channel = useMemo(open, [client, name]);
  const feed = useMemo(
    () =>
      new ChannelFeed(channel as unknown as Channel<Input<A, P>, Data<A, P>>, {
        history,
        limit,
        presence,
      }),
    [channel, history, limit, presence],
  );
  const snapshot = useSyncExternalStore(feed.subscribe, feed.snapshot, feed.snapshot);
  return { ...snapshot, publish: feed.publish };
}

function checkCount(option: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new HoldfastError(
    "HF_OPTION_INVALID",
    `${option} must be an integer from ${least}, but is ${String(value)}`,
    { details: { option } },
  );
}
