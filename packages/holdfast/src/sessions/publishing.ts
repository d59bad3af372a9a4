/** One publication into a channel, by its policy: for clients' commands and for the server's own interfaces. */
import type { Broker, PublishResult } from "../channels/broker.js";
import type { Channels } from "../channels/channels.js";
import { type ChannelRules, storageOf } from "../channels/rules.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import type { ClientInfo, PublishParams } from "../wire/messages.js";
import { findChannelNameFault, findKeyFault } from "../wire/names.js";
import type { Actor, Application, Policy } from "./application.js";
import type { CallsInOrder } from "./calls-in-order.js";
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

/** A program that publishes with a key for the HTTP interface. */
export interface ApiCaller {
  /** Tells its key from others, and says nothing of it. */
  readonly keyId: string;
}

/** Whom a publication is from; undefined for the server itself, which asks for no permission, as programs with a key do not. */
export type Origin = Publisher | ApiCaller | undefined;

/**
 * Whose an idempotency key is. A key means one thing for one sender in one channel, whatever interface it comes by: nobody
 * can use up what somebody else is going to send. An anonymous client has nothing that outlasts its connection but its
 * address, so those of one address are one sender, and their repeats count once across reconnects.
 */
export function senderOf(origin: Origin): string {
  if (origin === undefined) return "";
  if ("keyId" in origin) return `key:${origin.keyId}`;
  // Behind a proxy that nobody trusts, an address may be everybody's.
  return origin.owner === "" ? "address:" : origin.owner;
}

type Published = Promise<PublishResult | ReplyError> | ReplyError;

/**
 * @returns where it stands, or why it was refused
 * @throws what the application, and the broker's `publish`, throw
 */
export function publish(publishing: Publishing, params: PublishParams, origin?: Origin): Published {
  const { channel, unsupported } = params;
  const fault = findChannelNameFault(channel);
  if (fault !== undefined) return replyError("badRequest", fault);
  if (unsupported) return replyError("notAvailable", unsupported);
  const policy = publishing.application.policyFor(channel);
  if (policy === undefined) return replyError("unknownChannel");
  const publisher = origin && "actor" in origin ? origin : undefined;
  const keyed = withKey(policy.rules, params, publisher);
  if ("code" in keyed) return keyed;
  const keyFault = findFaultOfKeys(keyed);
  if (keyFault !== undefined) return replyError("badRequest", keyFault);
  const isAllowed = publisher === undefined || policy.may("publish", publisher.actor, publisher.isSubscribed);
  if (isAllowed !== true || policy.onPublish || policy.onRemove || policy.scoreOf)
    return afterPolicy(publishing, keyed, policy, isAllowed, origin);
  return toLog(publishing, keyed, policy.rules, origin);
}

/** A client whose commands for one channel begin in their order. */
interface PublishingClient {
  publisherIn(channel: string): Publisher;
  readonly channels: { readonly calls: Pick<CallsInOrder, "begin" | "isBusy"> };
}

/** For a client's command: it waits for a subscribe before it, and is before those that come after it. */
export function publishInTurn(
  client: PublishingClient,
  params: PublishParams,
  publishing: Publishing,
): PublishResult | ReplyError | Promise<PublishResult | ReplyError> {
  const { channel } = params;
  const { calls } = client.channels;
  const run = () => publish(publishing, params, client.publisherIn(channel));
  return calls.isBusy(channel) ? calls.begin(channel, run) : run();
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
  origin: Origin,
): Promise<PublishResult | ReplyError> {
  if (!(await isAllowed)) return replyError("permissionDenied");
  const publisher = origin && "actor" in origin ? origin : undefined;
  const { key } = params;
  if (params.isRemoved && key !== undefined) {
    const refused = publisher && (await policy.onRemove?.(key, publisher.actor));
    return refused?.refusal ?? (await toLog(publishing, params, policy.rules, origin));
  }
  const decision = await policy.onPublish?.(params.data, publisher?.actor, key);
  if (decision && "refusal" in decision) return decision.refusal;
  const { data } = decision ?? params;
  const score = params.score ?? policy.scoreOf?.(data);
  if (typeof score === "object") return score.refusal;
  const scored = { ...params, data, ...(score !== undefined && { score }) };
  return await toLog(publishing, scored, policy.rules, origin);
}

function toLog(
  publishing: Publishing,
  params: PublishParams,
  rules: ChannelRules,
  origin: Origin,
): Promise<PublishResult> {
  const readers = publishing.channels.readersOf(params.channel);
  if (readers === undefined) return append(publishing, params, rules, origin);
  return afterReaders(publishing, params, rules, origin);
}

function append(
  { broker }: Publishing,
  params: PublishParams,
  rules: ChannelRules,
  origin: Origin,
): Promise<PublishResult> {
  const { channel, data, key, tags, idempotencyKey } = params;
  const { isRemoved, score, keyVersion: version, keyMode } = params;
  const publisher = origin && "actor" in origin ? origin : undefined;
  const said = publisher ? { data, info: publisher.info } : { data };
  const isPlain = key === undefined && tags === undefined;
  const { retention, durability } = storageOf(rules);
  const stored = publisher ? { retention, durability, owner: publisher.owner } : { retention, durability };
  // Most have nothing else, and objects put together from parts are what a publication costs most.
  return broker.publish(
    channel,
    isPlain
      ? said
      : {
          ...said,
          ...(key !== undefined && { key }),
          ...(tags && { tags }),
          ...(isRemoved && { isRemoved }),
          ...(score !== undefined && { score }),
          ...(version && { version }),
        },
    idempotencyKey === undefined && keyMode === undefined
      ? stored
      : {
          ...stored,
          ...(idempotencyKey !== undefined && { idempotencyKey, sender: senderOf(origin) }),
          ...(keyMode && { keyMode }),
        },
  );
}

async function afterReaders(
  publishing: Publishing,
  params: PublishParams,
  rules: ChannelRules,
  origin: Origin,
): Promise<PublishResult> {
  for (let wait = publishing.channels.readersOf(params.channel); wait; ) {
    await wait;
    wait = publishing.channels.readersOf(params.channel);
  }
  return await append(publishing, params, rules, origin);
}
