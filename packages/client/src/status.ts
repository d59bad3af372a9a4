/** How a connection, and a subscription, stands: unions to be told apart by `state`. */
import type { SubscribedContext } from "centrifuge";
import type { Position } from "../../holdfast/src/wire/messages.js";

/** `disconnected` is for good: the client was closed, or the server does not want it back. */
export type ClientStatus =
  | { readonly state: "connecting"; readonly code: number; readonly reason: string }
  | { readonly state: "connected"; readonly client: string; readonly data?: unknown }
  | { readonly state: "disconnected"; readonly code: number; readonly reason: string };

/** `unsubscribed` is for good: nobody here listens, or the server does not allow it. */
export type ChannelStatus =
  | { readonly state: "unsubscribed"; readonly code: number; readonly reason: string }
  | { readonly state: "subscribing"; readonly code: number; readonly reason: string }
  | SubscribedStatus;

export interface SubscribedStatus {
  readonly state: "subscribed";
  /** Whether it was tried to go on where the subscription broke off. */
  readonly wasRecovering: boolean;
  /** Whether all that was missed comes now; false also where nothing was tried. */
  readonly recovered: boolean;
  /** Where the channel stands, if it has a log. */
  readonly position?: Position;
  /** From the channel's `subscribe` hook. */
  readonly data?: unknown;
}

/** As the SDK tells that a subscription stands. */
export function toSubscribed(context: SubscribedContext): SubscribedStatus {
  const { wasRecovering, recovered, streamPosition, data } = context;
  return {
    state: "subscribed",
    wasRecovering,
    recovered,
    ...(streamPosition && { position: streamPosition }),
    ...(data !== undefined && { data: data as unknown }),
  };
}

export const notSubscribed: ChannelStatus = Object.freeze({
  state: "unsubscribed",
  code: 0,
  reason: "nobody has subscribed",
});
