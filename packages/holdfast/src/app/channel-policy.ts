/** A channel's definition as sessions go by it: checked options, rules, who may what, and hooks with a time limit. */
import { type ChannelRules, checkRules, openRules } from "../channels/rules.js";
import { HoldfastError, refuseUnknownOptions } from "../errors.js";
import {
  type Actor,
  type ChannelAction,
  type Policy,
  type Refusal,
  refusal,
} from "../sessions/application.js";
import type { Payload } from "../wire/payload.js";
import { type AccessCheck, compileAccess } from "./access.js";
import { accessByDefault } from "./access-defaults.js";
import type { ChannelOptions, HistoryOptions } from "./channel.js";
import { durationAdvice, parseDuration } from "./duration.js";
import { toJsonText, toTextOf } from "./json-text.js";
import { compileMap, scoreOf } from "./map-options.js";
import type { Params, Pattern } from "./pattern.js";
import { Rejection } from "./rejection.js";
import { checkWith, isSchema } from "./schema.js";
import type { TimeLimit } from "./time-limit.js";
import { toUser } from "./user.js";

export interface PolicyContext {
  readonly limit: TimeLimit;
  /** How long an entry of a list of who is there outlives a server that has died, at least. */
  readonly leaseMs: number;
  /** Whether the application finds out who clients are. */
  readonly hasAuthenticate: boolean;
  /** Whether the channel is each user's own. */
  readonly isPersonal: boolean;
}

/** A pattern's definition, ready to make the policies of the channels that match it. */
export interface ChannelKindOf {
  readonly pattern: Pattern;
  /** Pattern of the channels whose subscribers this one lists. */
  readonly lists: string | undefined;
  policyOf(channel: string, params: Params): Policy;
}

const optionNames: readonly (keyof ChannelOptions)[] = [
  "kind",
  "map",
  "history",
  "durability",
  "presence",
  "joinLeave",
  "recovery",
  "recoveryMode",
  "tagsFilter",
  "delta",
  "allow",
  "data",
  "subscribe",
  "publish",
  "remove",
];
const actions: readonly ChannelAction[] = ["subscribe", "publish", "presence", "history"];

/** @throws HF_OPTION_INVALID naming the option, what came and what is accepted */
export function compileChannel(
  pattern: Pattern,
  options: ChannelOptions,
  context: PolicyContext,
): ChannelKindOf {
  const name = `channels[${JSON.stringify(pattern.text)}]`;
  refuseUnknownOptions(options, optionNames, name);
  const { allow = {}, data, subscribe, publish, remove } = options;
  refuseUnknownOptions(allow, actions, `${name}.allow`);
  if (data !== undefined && !isSchema(data))
    throw refuse(`${name}.data`, "a Standard Schema (zod, valibot, arktype …)");
  for (const [hook, value] of Object.entries({ subscribe, publish, remove }))
    if (value !== undefined && typeof value !== "function") throw refuse(`${name}.${hook}`, "a function");
  const rules = toRules(name, options, context.leaseMs);
  const { limit, hasAuthenticate, isPersonal } = context;
  const isForClients = publish !== undefined || data !== undefined;
  const circumstances = { hasAuthenticate, isPersonal, isForClients };
  const access = Object.fromEntries(
    actions.map((action) => [
      action,
      compileAccess(`${name}.allow.${action}`, allow[action] ?? accessByDefault(action, circumstances)),
    ]),
  ) as Record<ChannelAction, AccessCheck>;
  return {
    pattern,
    lists: options.map?.subscribersOf,
    policyOf: (channel, params) => createPolicy({ channel, params, options, rules, access, limit }),
  };
}

interface PolicyOptions {
  readonly channel: string;
  readonly params: Params;
  readonly options: ChannelOptions;
  readonly rules: ChannelRules;
  readonly access: Readonly<Record<ChannelAction, AccessCheck>>;
  readonly limit: TimeLimit;
}

function createPolicy(policy: PolicyOptions): Policy {
  const { channel, params, options, rules, access, limit } = policy;
  const { score } = options.map ?? {};
  return {
    rules,
    may(action, actor, isSubscribed) {
      try {
        const answer = access[action]({ actor, channel, params, isSubscribed });
        if (typeof answer === "boolean") return answer;
        // Anything that is not plainly a yes is a no.
        return limit(`allow.${action} of ${channel}`, () => answer).then(
          (isAllowed) => isAllowed === true,
          refuseIfRejected,
        );
      } catch (error) {
        return refuseIfRejected(error);
      }
    },
    ...(options.subscribe && {
      onSubscribe: (actor: Actor, data: Payload | undefined) => onSubscribe(policy, actor, data),
    }),
    ...((options.publish ?? options.data) && {
      onPublish: (data: Payload, actor: Actor | undefined, key: string | undefined) =>
        onPublish(policy, data, actor, key),
    }),
    ...((options.remove ?? options.publish) && {
      onRemove: (key: string, actor: Actor) => onRemove(policy, key, actor),
    }),
    ...(score !== undefined && { scoreOf: (data: Payload) => scoreOf(score, data, channel) }),
  };
}

/** A rule says yes or no: `reject` in it is a no. @throws whatever else it threw */
function refuseIfRejected(error: unknown): false {
  if (error instanceof Rejection) return false;
  throw error;
}

async function onSubscribe(
  { channel, params, options, limit }: PolicyOptions,
  actor: Actor,
  data: Payload | undefined,
): Promise<Refusal | { readonly data?: Payload }> {
  const context = {
    user: toUser(actor),
    channel,
    params,
    data: data === undefined ? undefined : JSON.parse(data),
  };
  const what = `the subscribe hook of ${channel}`;
  return await orRefusal(async () => {
    const answer = await limit(what, () => options.subscribe?.(context));
    return answer === undefined ? {} : { data: toJsonText(answer, what) };
  });
}

async function onPublish(
  { channel, params, options, limit }: PolicyOptions,
  text: Payload,
  actor: Actor | undefined,
  key: string | undefined,
): Promise<Refusal | { readonly data: Payload }> {
  const { data: schema, publish } = options;
  // What a hook makes of the data may look otherwise, and that is what the server itself publishes.
  if (actor === undefined && publish) return { data: text };
  let data: unknown = JSON.parse(text);
  if (schema) {
    const checked = await limit(`the schema of ${channel}`, () => checkWith(schema, data, "data"));
    if ("fault" in checked) return refusal("badRequest", checked.fault);
    data = checked.value;
  }
  if (actor === undefined || publish === undefined)
    return { data: toTextOf(text, data, `the schema of ${channel}`) };
  const what = `the publish hook of ${channel}`;
  return await orRefusal(async () => {
    const context = { user: toUser(actor), channel, params, data, ...(key !== undefined && { key }) };
    return { data: toTextOf(text, await limit(what, () => publish(context)), what) };
  });
}

async function onRemove(
  { channel, params, options, rules, limit }: PolicyOptions,
  key: string,
  actor: Actor,
): Promise<Refusal | undefined> {
  const { remove } = options;
  if (remove === undefined)
    return rules.map?.keysOf === "any"
      ? refusal("permissionDenied", "this channel has a hook for publications, and none for removals")
      : undefined;
  const removed = await orRefusal(async () => {
    await limit(`the remove hook of ${channel}`, () => remove({ user: toUser(actor), channel, params, key }));
    return undefined;
  });
  return removed;
}

/** What the application's code refuses is an answer; whatever else it throws is its failure. */
export async function orRefusal<T>(run: () => Promise<T>): Promise<T | Refusal> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    return { refusal: { code: error.code, message: error.message, isTemporary: false } };
  }
}

function toRules(name: string, options: ChannelOptions, leaseMs: number): ChannelRules {
  const { kind, durability, presence = false, joinLeave = false, recovery, recoveryMode } = options;
  const { tagsFilter = false, delta = false, history = {} } = options;
  for (const [option, value] of Object.entries({ presence, tagsFilter, delta }))
    if (typeof value !== "boolean") throw refuse(`${name}.${option}`, "true or false");
  if (typeof joinLeave !== "boolean" && joinLeave !== "force")
    throw refuse(`${name}.joinLeave`, 'true, false or "force"');
  if (delta && kind === "latest")
    throw refuse(
      `${name}.delta`,
      "false in a channel of kind latest, whose readers may pass over publications",
    );
  if (options.map !== undefined && kind !== "map")
    throw refuse(`${name}.map`, 'left out but with kind "map"');
  if (recoveryMode === "cache" && kind === "map")
    throw refuse(`${name}.recoveryMode`, '"stream" in a map, whose readers get all values');
  const map = kind === "map" ? compileMap(`${name}.map`, options.map ?? {}, leaseMs) : undefined;
  const kept = toRetention(`${name}.history`, history);
  const rules: ChannelRules = {
    ...(map && { map: map.rules }),
    ...(kind !== undefined && { kind }),
    ...(durability !== undefined && { durability }),
    ...(recovery !== undefined && { recovery }),
    ...(recoveryMode !== undefined && { recoveryMode }),
    retention: map ? { ...kept, keys: map.keys } : kept,
    hasPresence: presence,
    hasJoinLeave: joinLeave !== false,
    isJoinLeaveForced: joinLeave === "force",
    allowsTagsFilter: tagsFilter,
    allowsDelta: delta,
  };
  return checkRules(name, rules) as ChannelRules;
}

function toRetention(name: string, history: HistoryOptions | false): ChannelRules["retention"] {
  if (history === false) return { maxEntries: 0, maxBytes: 0, ttlMs: 0 };
  if (typeof history !== "object" || history === null)
    throw refuse(name, "an object with size, ttl and bytes, or false");
  refuseUnknownOptions(history, ["size", "ttl", "bytes"], name);
  const { maxEntries, maxBytes, ttlMs } = openRules.retention;
  const ttl = history.ttl === undefined ? ttlMs : parseDuration(history.ttl);
  if (ttl === undefined) throw refuse(`${name}.ttl`, durationAdvice);
  return { maxEntries: history.size ?? maxEntries, maxBytes: history.bytes ?? maxBytes, ttlMs: ttl };
}

function refuse(option: string, accepted: string): HoldfastError {
  return new HoldfastError("HF_OPTION_INVALID", `${option} must be ${accepted}`, { details: { option } });
}
