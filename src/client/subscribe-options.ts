/** What a subscription asks for. All subscribers of one channel share a subscription, and so have to agree. */
import type { FilterNode, SubscriptionOptions } from "centrifuge";
import { HoldfastError, refuseUnknownOptions } from "../errors.js";
import type { Position } from "../wire/messages.js";
import { type TokenSource, toSdkToken } from "./token-source.js";

export type { FilterNode } from "centrifuge";

export interface SubscribeOptions {
  /** For channels that need a token of their own. A function is asked again whenever the token has expired. @default none */
  readonly token?: TokenSource;
  /** For the channel's `subscribe` hook: JSON. @default nothing */
  readonly data?: unknown;
  /** Where to go on, from an earlier visit. @default with what comes from now on */
  readonly since?: Position;
  /** Only publications whose tags match. @default all */
  readonly tagsFilter?: FilterNode;
  /** Whether to ask who comes and goes. @default whether there is a listener for it */
  readonly joinLeave?: boolean;
}

const names: readonly (keyof SubscribeOptions)[] = ["token", "data", "since", "tagsFilter", "joinLeave"];

/** @throws HF_OPTION_INVALID for an option that is not known */
export function checkSubscribeOptions(options: SubscribeOptions): void {
  refuseUnknownOptions(options, names);
}

/** @throws HF_OPTION_INVALID naming the option that the subscription there is has otherwise */
export function assertCompatible<O extends object>(
  channel: string,
  present: O,
  wished: O,
  names: readonly (keyof O & string)[],
): void {
  for (const name of names) {
    const wish = wished[name];
    if (wish === undefined || wish === present[name]) continue;
    if (typeof wish !== "function" && JSON.stringify(wish) === JSON.stringify(present[name])) continue;
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `${name} is another one in the subscription to ${channel} that there is already; subscribers of a channel share it`,
      { details: { option: name } },
    );
  }
}

export function toSdkSubscriptionOptions({ token, data, since, tagsFilter, joinLeave }: SubscribeOptions) {
  const options: SubscriptionOptions = {
    ...toSdkToken(token),
    ...(data !== undefined && { data }),
    ...(since && { since: { ...since } }),
    ...(tagsFilter && { tagsFilter }),
    ...(joinLeave && { joinLeave }),
  };
  return options;
}
