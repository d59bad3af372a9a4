/**
 * Compiles definitions of channels into what sessions use, the policy of each channel by its name: checked rules, who may do what, and
 * hooks with a time limit. Checked once, when the server is made.
 */
import type { BrokerNeeds } from "../channels/broker.js";
import type { KeyRetention } from "../channels/log.js";
import { type ChannelRules, checkRules, type MapRules, needsOf, openRules } from "../channels/rules.js";
import { invalidOption, refuseUnknownOptions } from "../errors.js";
import {
  type Actor,
  type Application,
  type ChannelAction,
  type DescribedPolicy,
  type Policy,
  type Refusal,
  refusal,
} from "../sessions/application.js";
import { type Clock, type Duration, durationAdvice, parseDuration } from "../time/clock.js";
import { type Payload, parsePayload } from "../wire/payload.js";
import { type Access, type AccessCheck, accessByDefault, compileAccess, describeAccess } from "./access.js";
import type { ChannelOptions, HistoryOptions, MapOptions } from "./channel.js";
import { type CompiledPoll, compilePoll } from "./compile-poll.js";
import { type Channels, Rejection } from "./define-app.js";
import { isSchema, orRefusal, type TimeLimit, toJsonText, toSamePayload, toUser, validate } from "./hooks.js";
import { formatChannel, type Params, type Pattern, parsePattern, sortPatterns } from "./pattern.js";

export interface CompileChannelContext {
  readonly limit: TimeLimit;
  readonly clock: Pick<Clock, "now">;
  /** For a request to another server, such as that of a polled channel. */
  readonly requestTimeoutMs: number;
  /** Minimum time for which entries of a list of subscribers outlive a server that has crashed. */
  readonly leaseMs: number;
  readonly hasAuthenticate: boolean;
  /** The pattern of the application's `personalChannel`. */
  readonly personalChannel: string | undefined;
}

export interface CompiledChannels extends Pick<Application, "policyFor"> {
  readonly needs: BrokerNeeds;
  /** In the order in which they are matched. */
  readonly describedChannels: readonly Pick<Required<Policy>, "described" | "rules">[];
}

/** The channels of a pattern. */
interface CompiledChannel {
  readonly described: DescribedPolicy;
  readonly pattern: Pattern;
  /** The pattern of the channels whose subscribers these list. */
  readonly lists: string | undefined;
  readonly rules: ChannelRules;
  createPolicy(channel: string, params: Params): Policy;
}

const channelOptionNames: readonly (keyof ChannelOptions)[] = [
  "kind",
  "payload",
  "map",
  "history",
  "durability",
  "presence",
  "joinLeave",
  "recovery",
  "recoveryMode",
  "tagsFilter",
  "delta",
  "publishDebounce",
  "allow",
  "userLimited",
  "poll",
  "data",
  "subscribe",
  "publish",
  "remove",
];
const actions: readonly ChannelAction[] = ["subscribe", "publish", "presence", "history"];

/** How many policies are cached, by channel name. */
const maxPolicies = 10_000;

/**
 * @param definitions by pattern
 * @throws HF_OPTION_INVALID naming the option, what came and what is accepted
 */
export function compileChannels(definitions: Channels, context: CompileChannelContext): CompiledChannels {
  const channels = sortPatterns(
    Object.entries(definitions).map(([text, { options }]) =>
      compileChannel(parsePattern(text), options, context),
    ),
  );
  assertSubscriberLists(channels);
  return {
    needs: needsOf(channels.map(({ rules }) => rules)),
    describedChannels: channels,
    policyFor: createPolicyTable(channels),
  };
}

/** @throws HF_OPTION_INVALID if a list of subscribers is of no channel, or of one with other parameters */
function assertSubscriberLists(channels: readonly CompiledChannel[]): void {
  for (const { pattern, lists } of channels) {
    if (lists === undefined) continue;
    const listed = channels.find((each) => each.pattern.text === lists);
    const names = (each: CompiledChannel["pattern"]) => [...each.names].sort().join();
    if (listed && listed.lists === undefined && names(listed.pattern) === names(pattern)) continue;
    throw invalidOption(
      `channels[${JSON.stringify(pattern.text)}].map.subscribersOf`,
      "the pattern of another channel with the same parameters, which is not a list of subscribers itself",
      JSON.stringify(lists),
    );
  }
}

function createPolicyTable(channels: readonly CompiledChannel[]): (channel: string) => Policy | undefined {
  const policies = new Map<string, Policy>();
  return (channel) => {
    const known = policies.get(channel);
    if (known) return known;
    for (const compiled of channels) {
      const params = compiled.pattern.match(channel);
      if (params === undefined) continue;
      const policy = createListedPolicy(compiled, channels, channel, params);
      if (policy === undefined) return undefined;
      policies.set(channel, policy);
      if (policies.size > maxPolicies) policies.delete(policies.keys().next().value as string);
      return policy;
    }
    return undefined;
  };
}

/** @returns undefined if a list of its subscribers, or the channel that it lists, would have an invalid name */
function createListedPolicy(
  compiled: CompiledChannel,
  channels: readonly CompiledChannel[],
  channel: string,
  params: Params,
): Policy | undefined {
  const policy = compiled.createPolicy(channel, params);
  const lists = channels.filter(({ lists: listed }) => listed === compiled.pattern.text);
  try {
    if (compiled.lists !== undefined) return { ...policy, lists: formatChannel(compiled.lists, params) };
    if (lists.length === 0) return policy;
    return { ...policy, listedIn: lists.map(({ pattern }) => formatChannel(pattern.text, params)) };
  } catch {
    return undefined;
  }
}

function compileChannel(
  pattern: Pattern,
  options: ChannelOptions,
  context: CompileChannelContext,
): CompiledChannel {
  const name = `channels[${JSON.stringify(pattern.text)}]`;
  refuseUnknownOptions(options, channelOptionNames, name);
  const { allow = {}, data, subscribe, publish, remove } = options;
  refuseUnknownOptions(allow, actions, `${name}.allow`);
  if (data !== undefined && !isSchema(data))
    throw invalidOption(`${name}.data`, "a Standard Schema (zod, valibot, arktype …)");
  for (const [hook, value] of Object.entries({ subscribe, publish, remove }))
    if (value !== undefined && typeof value !== "function")
      throw invalidOption(`${name}.${hook}`, "a function");
  const rules = toRules(name, options, context.leaseMs);
  const poll = options.poll === undefined ? undefined : compilePoll(`${name}.poll`, options, context);
  const { limit, hasAuthenticate, personalChannel } = context;
  const isPersonal = pattern.text === personalChannel;
  const isForClients = publish !== undefined || data !== undefined;
  const defaults = { hasAuthenticate, isPersonal, isForClients };
  const ofActions = <T>(value: (action: ChannelAction, access: Access) => T) =>
    Object.fromEntries(
      actions.map((action) => [action, value(action, allow[action] ?? accessByDefault(action, defaults))]),
    ) as Record<ChannelAction, T>;
  const access = ofActions((action, given) => compileAccess(`${name}.allow.${action}`, given));
  const described: DescribedPolicy = {
    pattern: pattern.text,
    allow: ofActions((_action, given) => describeAccess(given)),
    hooks: Object.entries({ subscribe, publish, remove }).flatMap(([hook, value]) => (value ? [hook] : [])),
  };
  return {
    pattern,
    lists: options.map?.subscribersOf,
    rules,
    described,
    createPolicy: (channel, params) =>
      createPolicy({ channel, params, options, rules, access, limit, described, poll }),
  };
}

interface PolicyOptions {
  readonly channel: string;
  readonly params: Params;
  readonly options: ChannelOptions;
  readonly rules: ChannelRules;
  readonly access: Readonly<Record<ChannelAction, AccessCheck>>;
  readonly limit: TimeLimit;
  readonly described: DescribedPolicy;
  readonly poll: CompiledPoll | undefined;
}

function createPolicy(policy: PolicyOptions): Policy {
  const { channel, params, options, rules, access, limit, described, poll } = policy;
  const { score } = options.map ?? {};
  const named = options.userLimited ? namedUsers(channel) : undefined;
  return {
    rules,
    described,
    may(action, actor, isSubscribed) {
      if (named && !named.has(actor.user)) return false;
      if (named && action === "subscribe") return true;
      try {
        const answer = access[action]({ actor, channel, params, isSubscribed });
        if (typeof answer === "boolean") return answer;
        // A truthy value is not a yes.
        return limit(`allow.${action} of ${channel}`, () => answer).then(
          (isAllowed) => isAllowed === true,
          noIfRejected,
        );
      } catch (error) {
        return noIfRejected(error);
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
    ...(poll && { poll: poll(channel, params) }),
    ...(score !== undefined && { scoreOf: (data: Payload) => scoreOf(score, data, channel) }),
  };
}

/** The users that a channel's name ends with, such as `dialog#ann,bo`; undefined for a name without any. */
function namedUsers(channel: string): ReadonlySet<string> | undefined {
  const at = channel.lastIndexOf("#");
  return at < 0
    ? undefined
    : new Set(
        channel
          .slice(at + 1)
          .split(",")
          .filter((user) => user !== ""),
      );
}

/** `reject` in a rule means no. @throws anything else that was thrown */
function noIfRejected(error: unknown): false {
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
    data: data === undefined ? undefined : parsePayload(data),
  };
  const what = `the subscribe hook of ${channel}`;
  return await orRefusal(async () => {
    const answer = await limit(what, () => options.subscribe?.(context));
    return answer === undefined ? {} : { data: toJsonText(answer, what) };
  });
}

/** @param actor undefined for publications of the server */
async function onPublish(
  { channel, params, options, limit }: PolicyOptions,
  text: Payload,
  actor: Actor | undefined,
  key: string | undefined,
): Promise<Refusal | { readonly data: Payload }> {
  const { data: schema, publish } = options;
  // The server publishes what subscribers get: the data as the hook would return it, which need not match the schema.
  if (actor === undefined && publish) return { data: text };
  let data: unknown = parsePayload(text);
  if (schema) {
    const checked = await limit(`the schema of ${channel}`, () => validate(schema, data));
    if ("fault" in checked) return refusal("badRequest", checked.fault);
    data = checked.value;
  }
  if (actor === undefined || publish === undefined)
    return { data: toSamePayload(text, data, `the schema of ${channel}`) };
  const what = `the publish hook of ${channel}`;
  return await orRefusal(async () => {
    const context = { user: toUser(actor), channel, params, data, ...(key !== undefined && { key }) };
    return { data: toSamePayload(text, await limit(what, () => publish(context)), what) };
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
      ? refusal("permissionDenied", "the channel has a publish hook but no remove hook")
      : undefined;
  return await orRefusal(async () => {
    await limit(`the remove hook of ${channel}`, () => remove({ user: toUser(actor), channel, params, key }));
    return undefined;
  });
}

function toRules(name: string, options: ChannelOptions, leaseMs: number): ChannelRules {
  const { kind, payload, durability, presence = false, joinLeave = false, recovery, recoveryMode } = options;
  const { tagsFilter = false, delta = false, history = {} } = options;
  const { publishDebounce, userLimited = false } = options;
  for (const [option, value] of Object.entries({ presence, tagsFilter, delta, userLimited }))
    if (typeof value !== "boolean") throw invalidOption(`${name}.${option}`, "true or false");
  if (typeof joinLeave !== "boolean" && joinLeave !== "force")
    throw invalidOption(`${name}.joinLeave`, 'true, false or "force"');
  if (delta && kind === "latest")
    throw invalidOption(
      `${name}.delta`,
      "false in channels of kind latest, whose readers may skip publications",
    );
  if (delta && payload === "binary")
    throw invalidOption(`${name}.delta`, "false in channels with binary payloads, which are sent whole");
  if (typeof options.map?.score === "string" && payload === "binary")
    throw invalidOption(
      `${name}.map.score`,
      "a function in channels with binary payloads, which have no fields",
    );
  if (options.map !== undefined && kind !== "map")
    throw invalidOption(`${name}.map`, 'omitted unless kind is "map"');
  if (recoveryMode === "cache" && kind === "map")
    throw invalidOption(
      `${name}.recoveryMode`,
      '"stream" in channels of kind map, whose readers get all values',
    );
  const publishDebounceMs = publishDebounce === undefined ? undefined : parseDuration(publishDebounce);
  if (publishDebounce !== undefined && publishDebounceMs === undefined)
    throw invalidOption(`${name}.publishDebounce`, durationAdvice);
  const isPolled = options.poll !== undefined;
  for (const option of ["kind", "map", "history", "publish", "data", "recovery"] as const)
    if (isPolled && options[option] !== undefined)
      throw invalidOption(`${name}.${option}`, "omitted in a polled channel, whose values come from poll");
  const map = kind === "map" ? compileMap(`${name}.map`, options.map ?? {}, leaseMs) : undefined;
  const kept = toRetention(`${name}.history`, history);
  const rules: ChannelRules = {
    ...(map && { map: map.rules }),
    ...(kind !== undefined && { kind }),
    ...(isPolled && { kind: "live", isPolled }),
    ...(payload !== undefined && { payload }),
    ...(durability !== undefined && { durability }),
    ...(recovery !== undefined && { recovery }),
    ...(recoveryMode !== undefined && { recoveryMode }),
    retention: map ? { ...kept, keys: map.keys } : kept,
    hasPresence: presence,
    hasJoinLeave: joinLeave !== false,
    isJoinLeaveForced: joinLeave === "force",
    allowsTagsFilter: tagsFilter,
    allowsDelta: delta,
    ...(publishDebounceMs && { publishDebounceMs }),
  };
  return checkRules(name, rules) as ChannelRules;
}

function toRetention(name: string, history: HistoryOptions | false): ChannelRules["retention"] {
  if (history === false) return { maxEntries: 0, maxBytes: 0, ttlMs: 0 };
  if (typeof history !== "object" || history === null)
    throw invalidOption(name, "false, or an object with size, ttl and bytes");
  refuseUnknownOptions(history, ["size", "ttl", "bytes"], name);
  const { maxEntries, maxBytes, ttlMs } = openRules.retention;
  const ttl = history.ttl === undefined ? ttlMs : parseDuration(history.ttl);
  if (ttl === undefined) throw invalidOption(`${name}.ttl`, durationAdvice);
  return { maxEntries: history.size ?? maxEntries, maxBytes: history.bytes ?? maxBytes, ttlMs: ttl };
}

const mapOptionNames: readonly (keyof MapOptions)[] = [
  "keys",
  "ttl",
  "maxKeys",
  "maxUserKeys",
  "maxBytes",
  "score",
  "subscribersOf",
  "by",
];

const mapDefaults = { maxKeys: 10_000, maxBytes: 8 * 1024 * 1024 };

export interface CompiledMap {
  readonly rules: MapRules;
  readonly keys: KeyRetention;
}

/** @throws HF_OPTION_INVALID naming the option and what is accepted */
export function compileMap(name: string, options: MapOptions, leaseMs: number): CompiledMap {
  if (typeof options !== "object" || options === null) throw invalidOption(name, "an object");
  refuseUnknownOptions(options, mapOptionNames, name);
  const { keys = "any", score, subscribersOf, by } = options;
  if (!["any", "client", "user"].includes(keys))
    throw invalidOption(`${name}.keys`, '"any", "client" or "user"');
  if (score !== undefined && typeof score !== "function" && (typeof score !== "string" || score === ""))
    throw invalidOption(`${name}.score`, "a function or the name of a field");
  if (subscribersOf === undefined) {
    if (by !== undefined) throw invalidOption(`${name}.by`, "omitted without subscribersOf");
    return {
      rules: { keysOf: keys, isOrdered: score !== undefined },
      keys: toKeyRetention(name, options, parseTtl(name, options.ttl)),
    };
  }
  if (typeof subscribersOf !== "string")
    throw invalidOption(`${name}.subscribersOf`, "the pattern of a channel");
  if (by !== undefined && by !== "client" && by !== "user")
    throw invalidOption(`${name}.by`, '"client" or "user"');
  for (const other of ["keys", "score"] as const)
    if (options[other] !== undefined)
      throw invalidOption(`${name}.${other}`, "omitted in a list of subscribers, which the server keeps");
  const ttlMs = Math.max(leaseMs, parseTtl(name, options.ttl) ?? 0);
  return { rules: { type: by === "user" ? "users" : "clients" }, keys: toKeyRetention(name, options, ttlMs) };
}

function toKeyRetention(name: string, options: MapOptions, ttlMs: number | undefined): KeyRetention {
  const { maxKeys = mapDefaults.maxKeys, maxBytes = mapDefaults.maxBytes } = options;
  const ofUser = options.maxUserKeys === undefined ? {} : { maxUserKeys: options.maxUserKeys };
  for (const [option, value] of Object.entries({ maxKeys, maxBytes, ...ofUser }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw invalidOption(`${name}.${option}`, "an integer of at least 1");
  return { maxKeys, maxBytes, ...ofUser, ...(ttlMs !== undefined && { ttlMs }) };
}

function parseTtl(name: string, ttl: Duration | undefined): number | undefined {
  if (ttl === undefined) return undefined;
  const ms = parseDuration(ttl);
  if (ms === undefined || ms === 0) throw invalidOption(`${name}.ttl`, durationAdvice);
  return ms;
}

/**
 * The number that orders a key of a map.
 * @returns a refusal if the data lacks the field, or it is not a number
 * @throws TypeError if the application's function does not return a finite number
 */
export function scoreOf(
  score: NonNullable<MapOptions["score"]>,
  text: Payload,
  channel: string,
): number | Refusal {
  const data: unknown = parsePayload(text);
  if (typeof score === "function") {
    const value: unknown = score(data);
    if (Number.isFinite(value)) return value as number;
    throw new TypeError(`the score function of ${channel} returned ${String(value)}, not a finite number`);
  }
  const value = (data as Readonly<Record<string, unknown>> | null)?.[score];
  if (typeof value === "number") return value;
  return refusal("badRequest", `data.${score} must be a number, which orders this channel`);
}
