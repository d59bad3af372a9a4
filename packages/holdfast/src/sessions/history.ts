/** A read of a channel's log, by its rules: for clients' commands and for the server's own interfaces. */
import type { Broker, HistoryPage } from "../channels/broker.js";
import type { ChannelRules } from "../channels/rules.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import type { HistoryParams } from "../wire/messages.js";
import type { SessionLimits } from "./limits.js";

export interface HistorySource {
  readonly broker: Broker;
  readonly limits: Pick<SessionLimits, "maxHistoryEntries" | "maxHistoryBytes">;
}

/**
 * @returns publications, or why there are none
 * @throws what the broker's `history` throws
 */
export async function readHistory(
  { broker, limits }: HistorySource,
  { channel, limit, since, reverse }: HistoryParams,
  { kind, retention }: ChannelRules,
): Promise<HistoryPage | ReplyError> {
  if (kind === "live" || retention.maxEntries === 0 || retention.ttlMs === 0)
    return replyError("notAvailable", "nothing is kept of this channel");
  if (reverse && since?.offset === 0)
    return replyError("badRequest", "history in reverse needs since.offset above 0, or no since");
  const page = await broker.history(channel, {
    ...(since && { sinceOffset: since.offset }),
    maxEntries: limit < 0 ? limits.maxHistoryEntries : Math.min(limit, limits.maxHistoryEntries),
    maxBytes: limits.maxHistoryBytes,
    isReverse: reverse,
  });
  if (since !== undefined && since.epoch !== "" && since.epoch !== page.position.epoch)
    return replyError("unrecoverablePosition", "the channel's log has another epoch now");
  return page;
}
