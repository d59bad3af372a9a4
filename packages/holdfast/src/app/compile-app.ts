/** An application's definition as sessions ask it. Checked once, when the server is made. */
import { HoldfastError, refuseUnknownOptions } from "../errors.js";
import { type Actor, type Application, type Policy, refusal } from "../sessions/application.js";
import type { SubscriptionGrant } from "../sessions/identity.js";
import type { Clock } from "../time/clock.js";
import { findChannelNameFault } from "../wire/names.js";
import type { Payload } from "../wire/payload.js";
import { type AccessCheck, compileAccess } from "./access.js";
import { accessByDefault } from "./access-defaults.js";
import { type Authentications, compileAuthentication } from "./authentication.js";
import { type ChannelKindOf, compileChannel, orRefusal } from "./channel-policy.js";
import type { App, AppOptions, Channels, Methods } from "./define-app.js";
import { toJsonText } from "./json-text.js";
import { formatChannel, type Params, parsePattern, sortPatterns } from "./pattern.js";
import { Rejection } from "./rejection.js";
import type { RpcOptions } from "./rpc.js";
import { checkWith, isSchema } from "./schema.js";
import { createTimeLimit, type TimeLimit } from "./time-limit.js";
import { toUser } from "./user.js";

export interface CompileContext {
  readonly clock: Clock;
  readonly hookTimeoutMs: number;
  /** How long an entry of a list of who is there outlives a server that has died, at least. */
  readonly leaseMs: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

export interface CompiledApp extends Application {
  readonly authentication: Authentications;
  /** Calls a method as the server itself, which is asked for no permission. */
  callAsServer(method: string, data: Payload | undefined): ReturnType<NonNullable<Application["call"]>>;
}

const optionNames: readonly (keyof AppOptions<Channels, Methods>)[] = [
  "authenticate",
  "anonymous",
  "channels",
  "rpc",
  "personalChannel",
  "onConnect",
  "onDisconnect",
  "onMessage",
];
/** Names whose policy is at hand. */
const maxPolicies = 10_000;

/** @throws HF_OPTION_INVALID naming the option, what came and what is accepted */
export function compileApp({ options }: App, context: CompileContext): CompiledApp {
  refuseUnknownOptions(options, optionNames);
  for (const hook of ["onConnect", "onDisconnect", "onMessage"] as const)
    if (options[hook] !== undefined && typeof options[hook] !== "function")
      throw new HoldfastError("HF_OPTION_INVALID", `${hook} must be a function`, {
        details: { option: hook },
      });
  assertPersonalChannel(options);
  const limit = createTimeLimit(context.clock, context.hookTimeoutMs);
  const hasAuthenticate = options.authenticate !== undefined;
  const kinds = sortPatterns(
    Object.entries(options.channels ?? {}).map(([text, definition]) =>
      compileChannel(parsePattern(text), definition.options, {
        limit,
        leaseMs: context.leaseMs,
        hasAuthenticate,
        isPersonal: text === options.personalChannel,
      }),
    ),
  );
  assertLists(kinds);
  const authentication = compileAuthentication(options, { ...context, limit });
  const methods = new Map(
    Object.entries(options.rpc ?? {}).map(([name, method]) => [
      name,
      compileMethod(name, method.options, hasAuthenticate),
    ]),
  );
  const { onDisconnect, onMessage } = options;
  return {
    authentication,
    ...authentication,
    policyFor: createPolicyTable(kinds),
    methods: [...methods.keys()],
    call: (name, data, actor) => call(name, methods.get(name), data, actor, limit),
    callAsServer: (name, data) => call(name, methods.get(name), data, serverActor, limit),
    onConnect: (actor, data) => greet(options, actor, data, limit),
    ...(onDisconnect && {
      onDisconnect: (actor) => {
        limit("onDisconnect", () => onDisconnect({ user: toUser(actor) })).catch((error: unknown) =>
          context.onError(error, { stage: "onDisconnect" }),
        );
      },
    }),
    ...(onMessage && {
      onMessage: async (data, actor) => {
        await limit("onMessage", () => onMessage({ user: toUser(actor), data: JSON.parse(data) }));
      },
    }),
  };
}

function createPolicyTable(kinds: readonly ChannelKindOf[]): (channel: string) => Policy | undefined {
  const policies = new Map<string, Policy>();
  return (channel) => {
    const known = policies.get(channel);
    if (known) return known;
    for (const kind of kinds) {
      const params = kind.pattern.match(channel);
      if (params === undefined) continue;
      const policy = policyWithLists(kind, kinds, channel, params);
      if (policy === undefined) return undefined;
      policies.set(channel, policy);
      if (policies.size > maxPolicies) policies.delete(policies.keys().next().value as string);
      return policy;
    }
    return undefined;
  };
}

/** @returns undefined where a list of its subscribers, or what it lists, would have a name that no channel may have */
function policyWithLists(
  kind: ChannelKindOf,
  kinds: readonly ChannelKindOf[],
  channel: string,
  params: Params,
): Policy | undefined {
  const policy = kind.policyOf(channel, params);
  const lists = kinds.filter(({ lists: listed }) => listed === kind.pattern.text);
  try {
    if (kind.lists !== undefined) return { ...policy, lists: formatChannel(kind.lists, params) };
    if (lists.length === 0) return policy;
    return { ...policy, listedIn: lists.map(({ pattern }) => formatChannel(pattern.text, params)) };
  } catch {
    return undefined;
  }
}

/** Stands for no client. */
const serverActor: Actor = Object.freeze({ user: "", client: "server", roles: Object.freeze([]) });

interface Method {
  readonly options: RpcOptions;
  readonly access: AccessCheck;
}

function compileMethod(name: string, options: RpcOptions, hasAuthenticate: boolean): Method {
  const option = `rpc[${JSON.stringify(name)}]`;
  refuseUnknownOptions(options, ["input", "allow", "handler"], option);
  if (name === "" || name.startsWith("holdfast."))
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `${option} must have a name that is not empty and no holdfast.…`,
    );
  if (options.input !== undefined && !isSchema(options.input))
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `${option}.input must be a Standard Schema (zod, valibot, arktype …)`,
    );
  if (typeof options.handler !== "function")
    throw new HoldfastError("HF_OPTION_INVALID", `${option}.handler must be a function`);
  const circumstances = { hasAuthenticate, isPersonal: false, isForClients: true };
  const access = options.allow ?? accessByDefault("rpc", circumstances);
  return { options, access: compileAccess(`${option}.allow`, access) };
}

async function call(
  name: string,
  method: Method | undefined,
  text: Payload | undefined,
  actor: Actor,
  limit: TimeLimit,
): ReturnType<NonNullable<Application["call"]>> {
  if (method === undefined) return refusal("methodNotFound");
  const { options, access } = method;
  const question = { actor, channel: "", params: {}, isSubscribed: false };
  const isAllowed = actor === serverActor || (await limit(`allow of ${name}`, () => access(question)));
  if (isAllowed !== true) return refusal("permissionDenied");
  let data: unknown = text === undefined ? undefined : JSON.parse(text);
  const { input } = options;
  if (input) {
    const checked = await limit(`the schema of ${name}`, () => checkWith(input, data, "data"));
    if ("fault" in checked) return refusal("badRequest", checked.fault);
    data = checked.value;
  }
  return await orRefusal(async () => {
    const result = await limit(`the method ${name}`, () => options.handler({ user: toUser(actor), data }));
    return { data: toJsonText(result ?? null, `the method ${name}`) };
  });
}

async function greet(
  { onConnect, personalChannel }: AppOptions<Channels, Methods>,
  actor: Actor,
  text: Payload | undefined,
  limit: TimeLimit,
): ReturnType<NonNullable<Application["onConnect"]>> {
  try {
    const data: unknown = text === undefined ? undefined : JSON.parse(text);
    const answer = onConnect && (await limit("onConnect", () => onConnect({ user: toUser(actor), data })));
    const names = [...(answer?.channels ?? [])];
    const personal =
      personalChannel === undefined ? undefined : personalChannelOf(personalChannel, actor.user);
    if (personal !== undefined) names.push(personal);
    for (const name of names) {
      const fault = findChannelNameFault(name);
      if (fault) throw new TypeError(`onConnect gave a channel that is not accepted: ${fault}`);
    }
    return {
      ...(answer?.data !== undefined && { data: toJsonText(answer.data, "onConnect") }),
      ...(names.length > 0 && {
        subscriptions: new Map<string, SubscriptionGrant>(names.map((name) => [name, {}])),
      }),
    };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    // 4500–4999 are the application's own codes after which clients stay away.
    return { disconnect: { code: 4500 + (error.code % 500), reason: error.message || "refused" } };
  }
}

/** @throws HF_OPTION_INVALID */
function assertLists(kinds: readonly ChannelKindOf[]): void {
  for (const { pattern, lists } of kinds) {
    if (lists === undefined) continue;
    const listed = kinds.find((kind) => kind.pattern.text === lists);
    const names = (each: ChannelKindOf["pattern"]) => [...each.names].sort().join();
    if (listed && listed.lists === undefined && names(listed.pattern) === names(pattern)) continue;
    const option = `channels[${JSON.stringify(pattern.text)}].map.subscribersOf`;
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `${option} must be one of the patterns of channels, with the same parameters and no such list itself, but is ${JSON.stringify(lists)}`,
      { details: { option } },
    );
  }
}

/** None for an anonymous user, and none for one whose id no channel can be named after. */
function personalChannelOf(pattern: string, user: string): string | undefined {
  if (user === "" || user.includes(":")) return undefined;
  const name = pattern.replace("{user}", () => user);
  return findChannelNameFault(name) === undefined ? name : undefined;
}

/** @throws HF_OPTION_INVALID */
function assertPersonalChannel({ personalChannel, channels = {} }: AppOptions<Channels, Methods>): void {
  if (personalChannel === undefined) return;
  const isKnown = Object.hasOwn(channels, personalChannel);
  if (isKnown && parsePattern(personalChannel).names.join() === "user") return;
  throw new HoldfastError(
    "HF_OPTION_INVALID",
    `personalChannel must be one of the patterns of channels, with user as its one parameter, but is ${JSON.stringify(personalChannel)}`,
    { details: { option: "personalChannel" } },
  );
}
