/** What a subscription asks for. All subscribers of one channel share a subscription, and so have to agree. */
import type { FilterNode, SubscriptionOptions } from "centrifuge";
import { HoldfastError, refuseUnknownOptions } from "../../holdfast/src/errors.js";
import type { Position } from "../../holdfast/src/wire/messages.js";
import { type TokenSource, toSdkToken } from "./token-source.js";

export type { FilterNode } from "centrifuge";

export interface SubscribeOptions {
  /** For channels that need a token of their own. A function is asked again whenever the token has expired. @default none */
  readonly token?: TokenSource;
  /** For the channel's `subscribe` hook: JSON. @default nothing */
  readonly data?: unknown;
  /** Where to go on, from an earlier visit; `"beginning"` for everything that is kept. @default with what comes from now on */
  readonly since?: Position | "beginning";
  /** Only publications whose tags match. @default all */
  readonly tagsFilter?: FilterNode;
  /** Whether to ask who comes and goes. @default whether there is a listener for it */
  readonly joinLeave?: boolean;
}

const names: readonly (keyof SubscribeOptions)[] = ["token", "data", "since", "tagsFilter", "joinLeave"];

/** @throws HF_OPTION_INVALID for an option that is not known */
export function checkSubscribeOptions(options: SubscribeOptions): void {
  refuseUnknownOptions(options, names);
  const { since } = options;
  if (since === undefined || since === "beginning" || isPosition(since)) return;
  throw new HoldfastError(
    "HF_OPTION_INVALID",
    `since must be { epoch, offset } or "beginning", but is ${JSON.stringify(since)}`,
    { details: { option: "since" } },
  );
}

function isPosition(value: unknown): boolean {
  const { epoch, offset } = (value ?? {}) as Record<string, unknown>;
  return typeof epoch === "string" && Number.isSafeInteger(offset) && (offset as number) >= 0;
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

/** A log begins behind offset 0, in whatever epoch it is. */
const beginning: Position = Object.freeze({ epoch: "", offset: 0 });

export function toPosition(since: SubscribeOptions["since"]): Position | undefined {
  return since === "beginning" ? beginning : since;
}

export function toSdkSubscriptionOptions({ token, data, since, tagsFilter, joinLeave }: SubscribeOptions) {
  const options: SubscriptionOptions = {
    ...toSdkToken(token),
    ...(data !== undefined && { data }),
    ...(since && { since: { ...(toPosition(since) as Position) } }),
    ...(tagsFilter && { tagsFilter }),
    ...(joinLeave && { joinLeave }),
  };
  return options;
}
