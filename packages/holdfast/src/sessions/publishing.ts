/**
 * Publishes into a channel by its policy, for commands of clients, for methods that publish, and for the server API. Also decides the
 * key of a publication, bounds how fast a connection publishes, and calls the methods that clients may call.
 */
import type { Broker } from "../channels/broker.js";
import type { Channels } from "../channels/channels.js";
import type { PublishResult } from "../channels/log.js";
import { type ChannelRules, storageOf } from "../channels/rules.js";
import { messageOf } from "../errors.js";
import type { Meters } from "../observe/meters.js";
import { type Trace, validTraceparent } from "../observe/traces.js";
import { TokenBucket, TokenBuckets } from "../time/token-bucket.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import { parsePublishParams } from "../wire/command-params.js";
import { type ClientInfo, type PublishParams, type RpcParams, toPublishedFields } from "../wire/messages.js";
import { findChannelNameFault, findKeyFault } from "../wire/names.js";
import {
  bytesOfBase64,
  isBinary,
  type JsonText,
  nullPayload,
  type Payload,
  toJsonPayload,
  toPayload,
} from "../wire/payload.js";
import type { Actor, Application, Policy } from "./application.js";
import type { SessionContext, SessionLimits } from "./context.js";
import { denialOf } from "./denials.js";
import type { PublishEvent, Recorder } from "./recorder.js";
import type { Session } from "./session.js";

export interface Publishing {
  readonly broker: Broker;
  readonly channels: Channels;
  readonly application: Pick<Application, "policyFor">;
  readonly recorder: Recorder;
  readonly meters: Meters;
}

/** A client that publishes. */
export interface Publisher {
  readonly actor: Actor;
  /** As subscribers see it. */
  readonly info: ClientInfo;
  readonly isSubscribed: boolean;
  /** Who is charged (quota.ts). */
  readonly owner: string;
}

/** A program that publishes with a key for the HTTP interface. */
export interface ApiCaller {
  /** Identifies its key without revealing it. */
  readonly keyId: string;
}

/** Who publishes; undefined for the server itself. Neither the server nor programs with a key need permission. */
export type Origin = Publisher | ApiCaller | undefined;

/**
 * The sender of an idempotency key. Keys are separate for each sender and channel, whatever the interface, so that no sender can use
 * up the keys of another. Nothing but its address identifies an anonymous client across reconnects, so those of one address are
 * one sender.
 */
export function senderOf(origin: Origin): string {
  if (origin === undefined) return "";
  if ("keyId" in origin) return `key:${origin.keyId}`;
  // Behind an untrusted proxy, all clients may share one address.
  return origin.owner === "" ? "address:" : origin.owner;
}

type Published = Promise<PublishResult | ReplyError> | ReplyError;

/**
 * @returns its position, or why it was refused
 * @throws what the application, and the broker's `publish`, throw
 */
export function publish(publishing: Publishing, params: PublishParams, origin?: Origin): Published {
  const { traces } = publishing.meters;
  if (traces.sees("publish") || traces.isCarried) return publishTraced(publishing, params, origin);
  const published = decide(publishing, params, origin);
  recordOutcome(publishing.recorder, params, origin, published);
  return published;
}

function publishTraced(publishing: Publishing, params: PublishParams, origin: Origin): Published {
  const { recorder, meters } = publishing;
  const { traces } = meters;
  const { channel, traceparent, tags } = params;
  const client = origin && "actor" in origin ? origin.actor.client : undefined;
  const facts = () => ({ channel, ...(client !== undefined && { client }) });
  const trace = traces.begin("publish", facts, traceparent, tags?.traceparent);
  const given = trace?.traceparent ?? validTraceparent(traceparent) ?? validTraceparent(tags?.traceparent);
  const isTagged = traces.isCarried && given !== undefined;
  const tagged = isTagged ? { ...params, tags: { ...tags, traceparent: given } } : params;
  const published = decide(publishing, tagged, origin);
  recordOutcome(recorder, params, origin, published);
  if (trace) endTrace(trace, published);
  return published;
}

function endTrace(trace: Trace, published: Published): void {
  const end = (result: PublishResult | ReplyError) => {
    if ("code" in result) trace.end({ code: result.code }, result.message);
    else trace.end({ ...result.position, ...(result.isDuplicate && { isDuplicate: true }) });
  };
  if (published instanceof Promise) published.then(end, (error: unknown) => trace.end({}, messageOf(error)));
  else end(published);
}

function decide(publishing: Publishing, params: PublishParams, origin: Origin): Published {
  const { channel, unsupported } = params;
  const fault = findChannelNameFault(channel);
  if (fault !== undefined) return replyError("badRequest", fault);
  if (unsupported) return replyError("notAvailable", unsupported);
  const policy = publishing.application.policyFor(channel);
  if (policy === undefined) return replyError("unknownChannel");
  const publisher = origin && "actor" in origin ? origin : undefined;
  const carried = withPayload(policy.rules, params);
  if ("code" in carried) return carried;
  const keyed = withKey(policy.rules, carried, publisher);
  if ("code" in keyed) return keyed;
  const keyFault = findKeysFault(keyed);
  if (keyFault !== undefined) return replyError("badRequest", keyFault);
  const isAllowed = publisher === undefined || policy.may("publish", publisher.actor, publisher.isSubscribed);
  if (isAllowed !== true || policy.onPublish || policy.onRemove || policy.scoreOf)
    return afterPolicy(publishing, keyed, policy, isAllowed, origin);
  return toLog(publishing, keyed, policy, origin);
}

/** What is in the log need not be recorded, except under which key. */
function recordOutcome(
  recorder: Recorder,
  { channel, idempotencyKey }: PublishParams,
  origin: Origin,
  published: Published,
): void {
  const tell = (outcome: Omit<PublishEvent, "channel" | "by">) =>
    recorder.recordPublish({
      channel,
      by: origin === undefined ? "server" : "keyId" in origin ? "key" : origin.actor.user,
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      ...outcome,
    });
  const tellRefused = ({ code, message: reason }: ReplyError) => tell({ kind: "refused", code, reason });
  if (!(published instanceof Promise)) {
    tellRefused(published);
    return;
  }
  published.then(
    (result) => {
      if ("code" in result) tellRefused(result);
      else if (idempotencyKey !== undefined || result.suppressed !== undefined) {
        const kind = result.isDuplicate ? "duplicate" : result.suppressed ? "suppressed" : "published";
        tell({ kind, ...result.position, ...(result.suppressed && { reason: result.suppressed }) });
      }
    },
    (error: unknown) => tell({ kind: "unacknowledged", reason: messageOf(error) }),
  );
}

/** Publishes for a client's command, after its earlier commands for the channel and before its later ones. */
export function publishInTurn(
  session: Session,
  params: PublishParams,
  publishing: Publishing,
): PublishResult | ReplyError | Promise<PublishResult | ReplyError> {
  const { channel } = params;
  const { channels } = session;
  const { calls } = channels;
  const run = () => {
    const { actor, owner } = session.client;
    const info = channels.infoIn(channel);
    return publish(publishing, params, { actor, owner, info, isSubscribed: channels.has(channel) });
  };
  return calls.isBusy(channel) ? calls.begin(channel, run) : run();
}

/**
 * In a channel of JSON, text: no reader of JSON is shown what it cannot read. In a channel of bytes, bytes, which clients that speak
 * JSON write as a string in base64.
 */
export function withPayload({ payload }: ChannelRules, params: PublishParams): PublishParams | ReplyError {
  const { data } = params;
  if (payload !== "binary") {
    if (!isBinary(data)) return params;
    const json = toJsonPayload(data);
    if ("text" in json) return { ...params, data: json.text };
    return replyError("badRequest", `data ${json.fault}, since this channel's payload is "json"`);
  }
  if (isBinary(data) || params.isRemoved) return params;
  const bytes = bytesOfBase64(data);
  if (bytes !== undefined) return { ...params, data: bytes };
  const accepted = "send bytes, or in JSON a string in base64";
  return replyError("badRequest", `this channel's payload is "binary": ${accepted}`);
}

/** Keys from clients were checked on arrival, except user ids used as keys; keys from the server were not. */
function findKeysFault({ key, idempotencyKey }: PublishParams): string | undefined {
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
  const publisher = origin && "actor" in origin ? origin : undefined;
  if (!(await isAllowed))
    return publisher
      ? denialOf(policy, "publish", publisher.actor, publisher.isSubscribed)
      : replyError("permissionDenied");
  const { key } = params;
  if (params.isRemoved && key !== undefined) {
    const refused = publisher && (await policy.onRemove?.(key, publisher.actor));
    return refused?.refusal ?? (await toLog(publishing, params, policy, origin));
  }
  const decision = await policy.onPublish?.(params.data, publisher?.actor, key);
  if (decision && "refusal" in decision) return decision.refusal;
  const { data } = decision ?? params;
  const score = params.score ?? policy.scoreOf?.(data);
  if (typeof score === "object") return score.refusal;
  const scored = { ...params, data, ...(score !== undefined && { score }) };
  return await toLog(publishing, scored, policy, origin);
}

function toLog(
  publishing: Publishing,
  params: PublishParams,
  policy: Policy,
  origin: Origin,
): Promise<PublishResult | ReplyError> {
  if (params.skipsHistory && policy.rules.kind !== "live") return announce(publishing, params, policy);
  const readers = publishing.channels.whenReadersCatchUp(params.channel);
  if (readers === undefined) return append(publishing, params, policy, origin);
  return afterReaders(publishing, params, policy, origin);
}

function append(
  { broker, meters }: Publishing,
  params: PublishParams,
  { rules, described }: Policy,
  origin: Origin,
): Promise<PublishResult> {
  const { channel, data, key, tags, idempotencyKey } = params;
  const { isRemoved, score, version, keyMode } = params;
  const publisher = origin && "actor" in origin ? origin : undefined;
  const content = publisher ? { data, info: publisher.info } : { data };
  const isPlain = key === undefined && tags === undefined && version === undefined;
  const { retention, durability } = storageOf(rules);
  const stored = publisher ? { retention, durability, owner: publisher.owner } : { retention, durability };
  meters.ofPattern(described?.pattern).publicationSent();
  // Most publications have nothing else, and merging objects is the largest part of their cost.
  return broker.log.publish(
    channel,
    isPlain
      ? content
      : {
          ...content,
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

/** To the readers of this moment, on all nodes. @returns an error if a node has not answered */
async function announce(
  { broker, meters }: Publishing,
  { channel, data, tags }: PublishParams,
  { described }: Policy,
): Promise<PublishResult | ReplyError> {
  meters.ofPattern(described?.pattern).publicationSent();
  const command = { kind: "announce", channel, data, ...(tags && { tags }) } as const;
  const { silent } = await broker.cluster.send(command);
  if (silent.length > 0) return noAnswerFrom(silent);
  return { position: { epoch: "", offset: 0 }, isDuplicate: false };
}

/** @param silent the nodes that a command of the cluster got no answer from */
export function noAnswerFrom(silent: readonly string[]): ReplyError {
  return replyError("internal", `no answer from nodes ${silent.join(", ")}`);
}

async function afterReaders(
  publishing: Publishing,
  params: PublishParams,
  policy: Policy,
  origin: Origin,
): Promise<PublishResult> {
  for (let wait = publishing.channels.whenReadersCatchUp(params.channel); wait; ) {
    await wait;
    wait = publishing.channels.whenReadersCatchUp(params.channel);
  }
  return await append(publishing, params, policy, origin);
}

/** @returns the parameters with the key that applies, or why they do not fit the channel */
export function withKey(
  rules: ChannelRules,
  params: PublishParams,
  publisher: Publisher | undefined,
): PublishParams | ReplyError {
  if (rules.kind === "map") return withMapKey(rules, params, publisher);
  if (rules.isPolled)
    return replyError(
      "badRequest",
      "this channel is polled: its values come from poll, or by shared_poll_publish",
    );
  const skipFault = params.skipsHistory && findSkipFault(rules, params);
  if (skipFault) return replyError("badRequest", `skip_history ${skipFault}`);
  if (params.isForMap) return replyError("badRequest", "this channel is not a map: publish without type");
  if (params.isRemoved) return replyError("badRequest", "removed is for maps only");
  if (params.key !== undefined && rules.kind !== "latest")
    return replyError("badRequest", 'key is for maps and for channels of kind "latest" only');
  if (params.key !== undefined && params.version !== undefined)
    return replyError("badRequest", "version with a key is for maps only: publish without key, or in a map");
  return params;
}

/** @returns why it cannot be, after the name of the field */
function findSkipFault(
  { kind }: ChannelRules,
  { idempotencyKey, version }: PublishParams,
): string | undefined {
  if (kind === "latest") return 'is not for channels of kind "latest", whose readers get what is stored';
  if (idempotencyKey !== undefined || version !== undefined)
    return "cannot be combined with idempotency_key or version, which need something stored: leave one of them out";
  return undefined;
}

function withMapKey(
  { map = {} }: ChannelRules,
  params: PublishParams,
  publisher: Publisher | undefined,
): PublishParams | ReplyError {
  if (params.skipsHistory)
    return replyError(
      "badRequest",
      "skip_history is not for maps: a map whose history is false keeps only values",
    );
  if (params.isForMap === false)
    return replyError(
      "badRequest",
      "this channel is a map: publish with type 1 and a key, or by map_publish",
    );
  const { type = "keys", keysOf = "any" } = map;
  if (type !== "keys") return replyError("permissionDenied", `the server maintains this list of ${type}`);
  const own = publisher && keysOf !== "any" ? ownKey(keysOf, publisher) : undefined;
  if (own === "") return replyError("permissionDenied", "an anonymous user has no key here");
  const key = own ?? params.key;
  if (key === undefined) return replyError("badRequest", "key is missing: it names the value");
  return { ...params, key };
}

function ownKey(keysOf: "client" | "user", { actor }: Publisher): string {
  return keysOf === "client" ? actor.client : actor.user;
}

/** The rates of users over all of their connections; undefined for no limit. */
export function createUserPublishes(limits: SessionLimits): TokenBuckets | undefined {
  const { userPublishesPerSecond: perSecond, userPublishBurst: burst } = limits;
  return perSecond === null ? undefined : new TokenBuckets({ perSecond, burst });
}

/** Why a publication is refused: a text for the client, and whether the connection must end. */
export interface RateRefusal {
  readonly isClosing: boolean;
  readonly text: string;
  /** The option that sets the rate. */
  readonly limit: string;
}

/**
 * Bounds how fast one connection publishes: on its own, and together with the other connections of its user. Created with the first
 * publication, so that connections that only read need no memory for it.
 */
export class PublishRate {
  readonly #limits: SessionContext["limits"];
  readonly #user: string;
  /** The rates of all users. */
  readonly #buckets: TokenBuckets | undefined;
  readonly #own: TokenBucket | undefined;
  readonly #shared: TokenBucket | undefined;
  /** Publications of this connection that the user's rate has refused, minus those accepted since. */
  #refused = 0;

  /** @param user empty for an anonymous one, which shares no rate */
  constructor(user: string, { limits, userPublishes }: SessionContext, now: number) {
    this.#limits = limits;
    this.#user = user;
    this.#buckets = user === "" ? undefined : userPublishes;
    const { publishesPerSecond, publishBurst } = limits;
    this.#own =
      publishesPerSecond === null ? undefined : new TokenBucket(publishesPerSecond, publishBurst, now);
    this.#shared = this.#buckets?.hold(user, now);
  }

  /** @returns undefined if the publication is within the rates */
  take(now: number): RateRefusal | undefined {
    const rate = this.#own?.take(now) ?? "ok";
    if (rate !== "ok") return this.#refuseOwn(rate === "overdrawn", now);
    if (this.#shared?.tryTake(now) === false) return this.#refuseShared(now);
    if (this.#refused > 0) this.#refused--;
    return undefined;
  }

  /** The connection has ended. */
  stop(now: number): void {
    this.#buckets?.release(this.#user, now);
  }

  #refuseOwn(isClosing: boolean, now: number): RateRefusal {
    const { publishesPerSecond, publishBurst } = this.#limits;
    const wait = waitText(this.#own?.waitMs(now) ?? 0);
    const text = `${publishesPerSecond} publications a second of one connection are accepted, ${publishBurst} at once${wait}`;
    return { isClosing, text, limit: "publishesPerSecond" };
  }

  /** No credit here: it would be at the expense of the user's other connections. */
  #refuseShared(now: number): RateRefusal {
    const { userPublishesPerSecond, userPublishBurst } = this.#limits;
    this.#refused++;
    const wait = waitText(this.#shared?.waitMs(now) ?? 0);
    const text = `${userPublishesPerSecond} publications a second of one user are accepted, ${userPublishBurst} at once${wait}`;
    return { isClosing: this.#refused > userPublishBurst, text, limit: "userPublishesPerSecond" };
  }
}

function waitText(waitMs: number): string {
  return `; try again in ${Math.max(1, Math.ceil(waitMs))} ms`;
}

/** Counts as a publication, like the publish command. */
export const publishMethod = "holdfast.publish";

type RpcMethod = (
  session: Session,
  data: JsonText,
  context: SessionContext,
) => Promise<{ readonly result: unknown } | ReplyError>;

const methods: ReadonlyMap<string, RpcMethod> = new Map([
  /** Publishes, and returns the position, for which the reply to publish has no field. */
  [
    publishMethod,
    async (session, data, context) => {
      const params = parsePublishParams(data);
      if (typeof params === "string") return replyError("badRequest", `holdfast.publish: ${params}`);
      const published = await publishInTurn(session, params, context);
      if ("code" in published) return published;
      return { result: toPublishedFields(published) };
    },
  ],
]);

/** @returns the result, or why there is none */
export async function callMethod(
  session: Session,
  { method, data }: RpcParams,
  context: SessionContext,
): Promise<{ readonly data: Payload } | ReplyError> {
  const call = methods.get(method);
  if (call !== undefined) {
    const json = toJsonPayload(data ?? nullPayload);
    if ("fault" in json) return replyError("badRequest", `data ${json.fault}`);
    const outcome = await call(session, json.text, context);
    return "code" in outcome ? outcome : { data: toPayload(outcome.result) };
  }
  const { application } = context;
  if (application.methods.length === 0)
    return replyError(
      "notAvailable",
      `the application has no methods; known: ${[...methods.keys()].join(", ")}`,
    );
  if (application.call === undefined || !application.methods.includes(method))
    return replyError(
      "methodNotFound",
      `known methods: ${[...methods.keys(), ...application.methods].join(", ")}`,
    );
  const outcome = await application.call(method, data, session.client.actor);
  return "refusal" in outcome ? outcome.refusal : outcome;
}
