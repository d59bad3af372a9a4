/** One publication into a channel, by its rules: for clients' commands and for the server's own interfaces. */
import type { Broker, PublishResult } from "../channels/broker.js";
import { type RulesFor, storageOf } from "../channels/rules.js";
import { findChannelNameFault } from "../wire/channel-name.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import type { ClientInfo, PublishParams } from "../wire/messages.js";

export interface Publishing {
  readonly broker: Broker;
  readonly rulesFor: RulesFor;
}

/**
 * @param info the publisher, where it is a client
 * @returns where it stands, or why it was refused
 * @throws what the broker's `publish` throws
 */
export function publish(
  { broker, rulesFor }: Publishing,
  params: PublishParams,
  info?: ClientInfo,
): Promise<PublishResult> | ReplyError {
  const { channel, data, key, idempotencyKey, unsupported } = params;
  const fault = findChannelNameFault(channel);
  if (fault !== undefined) return replyError("badRequest", fault);
  if (unsupported) return replyError("notAvailable", unsupported);
  const rules = rulesFor(channel);
  if (rules === undefined) return replyError("unknownChannel");
  if (key !== undefined && rules.kind !== "latest")
    return replyError("badRequest", 'key is for channels of kind "latest" only');
  return broker.publish(
    channel,
    { data, ...(key !== undefined && { key }), ...(info && { info }) },
    { ...storageOf(rules), ...(idempotencyKey !== undefined && { idempotencyKey }) },
  );
}
