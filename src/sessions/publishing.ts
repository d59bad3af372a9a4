/** One publication into a channel, by its rules: for clients' commands and for the server's own interfaces. */
import type { Broker, PublishResult } from "../channels/broker.js";
import type { Channels } from "../channels/channels.js";
import { type ChannelRules, type RulesFor, storageOf } from "../channels/rules.js";
import { findChannelNameFault } from "../wire/channel-name.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import type { ClientInfo, PublishParams } from "../wire/messages.js";

export interface Publishing {
  readonly broker: Broker;
  readonly channels: Channels;
  readonly rulesFor: RulesFor;
}

/**
 * @param info the publisher, where it is a client
 * @returns where it stands, or why it was refused
 * @throws what the broker's `publish` throws
 */
export function publish(
  publishing: Publishing,
  params: PublishParams,
  info?: ClientInfo,
): Promise<PublishResult> | ReplyError {
  const { channel, key, unsupported } = params;
  const fault = findChannelNameFault(channel);
  if (fault !== undefined) return replyError("badRequest", fault);
  if (unsupported) return replyError("notAvailable", unsupported);
  const rules = publishing.rulesFor(channel);
  if (rules === undefined) return replyError("unknownChannel");
  if (key !== undefined && rules.kind !== "latest")
    return replyError("badRequest", 'key is for channels of kind "latest" only');
  const readers = publishing.channels.readersOf(channel);
  if (readers === undefined) return append(publishing, params, rules, info);
  return afterReaders(publishing, params, rules, info);
}

function append(
  { broker }: Publishing,
  { channel, data, key, idempotencyKey }: PublishParams,
  rules: ChannelRules,
  info: ClientInfo | undefined,
): Promise<PublishResult> {
  return broker.publish(
    channel,
    { data, ...(key !== undefined && { key }), ...(info && { info }) },
    { ...storageOf(rules), ...(idempotencyKey !== undefined && { idempotencyKey }) },
  );
}

async function afterReaders(
  publishing: Publishing,
  params: PublishParams,
  rules: ChannelRules,
  info: ClientInfo | undefined,
): Promise<PublishResult> {
  for (let wait = publishing.channels.readersOf(params.channel); wait; ) {
    await wait;
    wait = publishing.channels.readersOf(params.channel);
  }
  return await append(publishing, params, rules, info);
}
