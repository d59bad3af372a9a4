/** One publication into a channel, by its policy: for clients' commands and for the server's own interfaces. */
import type { Broker, PublishResult } from "../channels/broker.js";
import type { Channels } from "../channels/channels.js";
import { type ChannelRules, storageOf } from "../channels/rules.js";
import { findChannelNameFault } from "../wire/channel-name.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import { findKeyFault } from "../wire/keys.js";
import type { ClientInfo, PublishParams } from "../wire/messages.js";
import type { Actor, Application, Policy } from "./application.js";
import { withKey } from "./publish-key.js";

export interface Publishing {
  readonly broker: Broker;
  readonly channels: Channels;
  readonly application: Pick<Application, "policyFor">;
}

/** A client that publishes. */
export interface Publisher {
  readonly actor: Actor;
  /** As subscribers see it. */
  readonly info: ClientInfo;
  readonly isSubscribed: boolean;
  /** Whom it is charged to (owner.ts). */
  readonly owner: string;
}

type Published = Promise<PublishResult | ReplyError> | ReplyError;

/**
 * @param publisher without one, the server itself publishes, and is asked for no permission
 * @returns where it stands, or why it was refused
 * @throws what the application, and the broker's `publish`, throw
 */
export function publish(publishing: Publishing, params: PublishParams, publisher?: Publisher): Published {
  const { channel, unsupported } = params;
  const fault = findChannelNameFault(channel);
  if (fault !== undefined) return replyError("badRequest", fault);
  if (unsupported) return replyError("notAvailable", unsupported);
  const policy = publishing.application.policyFor(channel);
  if (policy === undefined) return replyError("unknownChannel");
  const keyed = withKey(policy.rules, params, publisher);
  if ("code" in keyed) return keyed;
  const keyFault = findFaultOfKeys(keyed);
  if (keyFault !== undefined) return replyError("badRequest", keyFault);
  const isAllowed = publisher === undefined || policy.may("publish", publisher.actor, publisher.isSubscribed);
  if (isAllowed !== true || policy.onPublish || policy.onRemove || policy.scoreOf)
    return afterPolicy(publishing, keyed, policy, isAllowed, publisher);
  return toLog(publishing, keyed, policy.rules, publisher);
}

/** Clients' were looked at as they came, but for keys that are ids of users; the server's own were not. */
function findFaultOfKeys({ key, idempotencyKey }: PublishParams): string | undefined {
  const fault = key === undefined ? undefined : findKeyFault("key", key);
  return (
    fault ?? (idempotencyKey === undefined ? undefined : findKeyFault("idempotency_key", idempotencyKey))
  );
}

async function afterPolicy(
  publishing: Publishing,
  params: PublishParams,
  policy: Policy,
  isAllowed: boolean | Promise<boolean>,
  publisher: Publisher | undefined,
): Promise<PublishResult | ReplyError> {
  if (!(await isAllowed)) return replyError("permissionDenied");
  const { key } = params;
  if (params.isRemoved && key !== undefined) {
    const refused = publisher && (await policy.onRemove?.(key, publisher.actor));
    return refused?.refusal ?? (await toLog(publishing, params, policy.rules, publisher));
  }
  const decision = await policy.onPublish?.(params.data, publisher?.actor, key);
  if (decision && "refusal" in decision) return decision.refusal;
  const { data } = decision ?? params;
  const score = params.score ?? policy.scoreOf?.(data);
  if (typeof score === "object") return score.refusal;
  const scored = { ...params, data, ...(score !== undefined && { score }) };
  return await toLog(publishing, scored, policy.rules, publisher);
}

function toLog(
  publishing: Publishing,
  params: PublishParams,
  rules: ChannelRules,
  publisher: Publisher | undefined,
): Promise<PublishResult> {
  const readers = publishing.channels.readersOf(params.channel);
  if (readers === undefined) return append(publishing, params, rules, publisher);
  return afterReaders(publishing, params, rules, publisher);
}

function append(
  { broker }: Publishing,
  params: PublishParams,
  rules: ChannelRules,
  publisher: Publisher | undefined,
): Promise<PublishResult> {
  const { channel, data, key, tags, idempotencyKey } = params;
  const { isRemoved, score, keyVersion: version, keyMode } = params;
  return broker.publish(
    channel,
    {
      data,
      ...(key !== undefined && { key }),
      ...(publisher && { info: publisher.info }),
      ...(tags && { tags }),
      ...(isRemoved && { isRemoved }),
      ...(score !== undefined && { score }),
      ...(version && { version }),
    },
    {
      ...storageOf(rules),
      ...(publisher && { owner: publisher.owner }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      ...(keyMode && { keyMode }),
    },
  );
}

async function afterReaders(
  publishing: Publishing,
  params: PublishParams,
  rules: ChannelRules,
  publisher: Publisher | undefined,
): Promise<PublishResult> {
  for (let wait = publishing.channels.readersOf(params.channel); wait; ) {
    await wait;
    wait = publishing.channels.readersOf(params.channel);
  }
  return await append(publishing, params, rules, publisher);
}
