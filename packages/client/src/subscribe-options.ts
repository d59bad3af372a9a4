/** Options of a subscription. Subscribers of one channel share a subscription, and so must agree on them. */
import type { FilterNode, SubscriptionOptions } from "centrifuge";
import { HoldfastError, invalidOption, refuseUnknownOptions } from "../../holdfast/src/errors.js";
import type { Position } from "../../holdfast/src/wire/messages.js";
import { type TokenSource, toSdkToken } from "./options.js";

export type { FilterNode } from "centrifuge";

export interface SubscribeOptions {
  /** For channels that need a token of their own. A function is called again whenever the token has expired. @default none */
  readonly token?: TokenSource;
  /** JSON for the channel's `subscribe` hook. @default nothing */
  readonly data?: unknown;
  /** Position to continue from; `"beginning"` for everything that is kept. @default only new publications */
  readonly since?: Position | "beginning";
  /** Only publications whose tags match. @default all */
  readonly tagsFilter?: FilterNode;
  /** Whether to be told of joins and leaves. @default true with `onJoin` or `onLeave` */
  readonly joinLeave?: boolean;
}

const names: readonly (keyof SubscribeOptions)[] = ["token", "data", "since", "tagsFilter", "joinLeave"];

/** @throws HF_OPTION_INVALID */
export function assertSubscribeOptions(options: SubscribeOptions): void {
  refuseUnknownOptions(options, names);
  const { since } = options;
  if (since === undefined || since === "beginning" || isPosition(since)) return;
  throw invalidOption("since", '{ epoch, offset } or "beginning"', JSON.stringify(since));
}

function isPosition(value: unknown): boolean {
  const { epoch, offset } = (value ?? {}) as Record<string, unknown>;
  return typeof epoch === "string" && Number.isSafeInteger(offset) && (offset as number) >= 0;
}

/** @throws HF_OPTION_INVALID naming an option that differs from that of the existing subscription */
export function assertCompatible<O extends object>(
  channel: string,
  existing: O,
  requested: O,
  names: readonly (keyof O & string)[],
): void {
  for (const name of names) {
    const value = requested[name];
    if (value === undefined || value === existing[name]) continue;
    if (typeof value !== "function" && JSON.stringify(value) === JSON.stringify(existing[name])) continue;
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `${name} differs from the existing subscription to ${channel}, which all subscribers of the channel share`,
      { details: { option: name } },
    );
  }
}

/** Offset 0 is before the first publication, in any epoch. */
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
