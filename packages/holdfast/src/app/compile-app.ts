/**
 * Compiles an application into what sessions use: the policy of a channel, methods, and hooks of connections. Checked once, when the
 * server is made.
 */

import type { BrokerNeeds } from "../channels/broker.js";
import { HoldfastError, invalidOption, refuseUnknownOptions } from "../errors.js";
import { type Actor, type Application, refusal } from "../sessions/application.js";
import type { SubscriptionGrant } from "../sessions/identity.js";
import type { Clock } from "../time/clock.js";
import { findChannelNameFault } from "../wire/names.js";
import { bytesOfBase64, isBinary, type Payload, parsePayload, toJsonPayload } from "../wire/payload.js";
import { type AccessCheck, accessByDefault, compileAccess } from "./access.js";
import { type CompiledAuthentication, compileAuthentication } from "./authentication.js";
import { type CompiledChannels, compileChannels } from "./compile-channel.js";
import {
  type App,
  type AppOptions,
  type Channels,
  type Methods,
  Rejection,
  type RpcOptions,
} from "./define-app.js";
import {
  createTimeLimit,
  isSchema,
  orRefusal,
  type TimeLimit,
  toJsonText,
  toUser,
  validate,
} from "./hooks.js";
import { parsePattern } from "./pattern.js";

export interface CompileContext {
  readonly clock: Clock;
  readonly hookTimeoutMs: number;
  /** Minimum time for which entries of a list of subscribers outlive a server that has crashed. */
  readonly leaseMs: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

export interface CompiledApp extends Application {
  readonly authentication: CompiledAuthentication;
  readonly needs: BrokerNeeds;
  /** In the order in which they are matched. */
  readonly describedChannels: CompiledChannels["describedChannels"];
  /** Calls a method as the server, which needs no permission. */
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

/** @throws HF_OPTION_INVALID naming the option, what came and what is accepted */
export function compileApp({ options }: App, context: CompileContext): CompiledApp {
  refuseUnknownOptions(options, optionNames);
  for (const hook of ["onConnect", "onDisconnect", "onMessage"] as const)
    if (options[hook] !== undefined && typeof options[hook] !== "function")
      throw invalidOption(hook, "a function");
  assertPersonalChannel(options);
  const limit = createTimeLimit(context.clock, context.hookTimeoutMs);
  const hasAuthenticate = options.authenticate !== undefined;
  const { leaseMs } = context;
  const { personalChannel } = options;
  const channels = compileChannels(options.channels ?? {}, {
    limit,
    clock: context.clock,
    requestTimeoutMs: context.hookTimeoutMs,
    leaseMs,
    hasAuthenticate,
    personalChannel,
  });
  const authentication = compileAuthentication(options, { ...context, limit });
  const methods = new Map(
    Object.entries(options.rpc ?? {}).map(([name, method]) => [
      name,
      compileMethod(name, method.options, hasAuthenticate),
    ]),
  );
  const { onDisconnect, onMessage } = options;
  return {
    ...channels,
    authentication,
    ...authentication,
    methods: [...methods.keys()],
    call: (name, data, actor) => call(name, methods.get(name), data, actor, limit),
    callAsServer: (name, data) => call(name, methods.get(name), data, serverActor, limit),
    onConnect: (actor, data) => connect(options, actor, data, limit),
    ...(onDisconnect && {
      onDisconnect: (actor) => {
        limit("onDisconnect", () => onDisconnect({ user: toUser(actor) })).catch((error: unknown) =>
          context.onError(error, { stage: "onDisconnect" }),
        );
      },
    }),
    ...(onMessage && {
      onMessage: async (data, actor) => {
        const json = toJsonPayload(data);
        const value = "text" in json ? parsePayload(json.text) : data;
        await limit("onMessage", () => onMessage({ user: toUser(actor), data: value }));
      },
    }),
  };
}

/** The server itself. */
const serverActor: Actor = Object.freeze({ user: "", client: "server", roles: Object.freeze([]) });

interface Method {
  readonly options: RpcOptions;
  readonly access: AccessCheck;
}

function compileMethod(name: string, options: RpcOptions, hasAuthenticate: boolean): Method {
  const option = `rpc[${JSON.stringify(name)}]`;
  refuseUnknownOptions(options, ["input", "payload", "allow", "handler"], option);
  if (name === "" || name.startsWith("holdfast."))
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `the name of ${option} must be non-empty, and not begin with holdfast., which is reserved`,
      { details: { option } },
    );
  if (options.input !== undefined && !isSchema(options.input))
    throw invalidOption(`${option}.input`, "a Standard Schema (zod, valibot, arktype …)");
  if (!["json", "binary", undefined].includes(options.payload))
    throw invalidOption(`${option}.payload`, '"json" or "binary"');
  if (typeof options.handler !== "function") throw invalidOption(`${option}.handler`, "a function");
  const access =
    options.allow ?? accessByDefault("rpc", { hasAuthenticate, isPersonal: false, isForClients: true });
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
  const request = { actor, channel: "", params: {}, isSubscribed: false };
  const isAllowed = actor === serverActor || (await limit(`allow of ${name}`, () => access(request)));
  if (isAllowed !== true) return refusal("permissionDenied");
  const argument = argumentOf(text, options);
  if ("fault" in argument) return refusal("badRequest", argument.fault);
  let data = argument.value;
  const { input } = options;
  if (input) {
    const checked = await limit(`the schema of ${name}`, () => validate(input, data));
    if ("fault" in checked) return refusal("badRequest", checked.fault);
    data = checked.value;
  }
  return await orRefusal(async () => {
    const result = await limit(`the method ${name}`, () => options.handler({ user: toUser(actor), data }));
    // A copy, which later changes of the application do not reach.
    if (result instanceof Uint8Array) return { data: new Uint8Array(result) };
    return { data: toJsonText(result ?? null, `the method ${name}`) };
  });
}

function argumentOf(
  data: Payload | undefined,
  { payload = "json" }: RpcOptions,
): { readonly value: unknown } | { readonly fault: string } {
  if (payload === "binary") {
    const bytes = data === undefined || isBinary(data) ? (data ?? new Uint8Array()) : bytesOfBase64(data);
    return bytes === undefined
      ? { fault: "the argument of this method is bytes: in JSON a string in base64" }
      : { value: bytes };
  }
  if (data === undefined) return { value: undefined };
  const json = toJsonPayload(data);
  return "fault" in json ? { fault: `data ${json.fault}` } : { value: parsePayload(json.text) };
}

async function connect(
  { onConnect, personalChannel }: AppOptions<Channels, Methods>,
  actor: Actor,
  text: Payload | undefined,
  limit: TimeLimit,
): ReturnType<NonNullable<Application["onConnect"]>> {
  try {
    const data: unknown = text === undefined ? undefined : parsePayload(text);
    const result = onConnect && (await limit("onConnect", () => onConnect({ user: toUser(actor), data })));
    const names = [...(result?.channels ?? [])];
    const personal =
      personalChannel === undefined ? undefined : personalChannelOf(personalChannel, actor.user);
    if (personal !== undefined) names.push(personal);
    for (const name of names) {
      const fault = findChannelNameFault(name);
      if (fault) throw new TypeError(`onConnect returned an invalid channel: ${fault}`);
    }
    return {
      ...(result?.data !== undefined && { data: toJsonText(result.data, "onConnect") }),
      ...(names.length > 0 && {
        subscriptions: new Map<string, SubscriptionGrant>(names.map((name) => [name, {}])),
      }),
    };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    // 4500–4999 are codes of applications after which clients do not reconnect.
    return { disconnect: { code: 4500 + (error.code % 500), reason: error.message || "refused" } };
  }
}

/** @returns undefined for an anonymous user, or one whose id cannot be part of a channel's name */
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
  throw invalidOption(
    "personalChannel",
    "one of the patterns of channels, with user as its only parameter",
    JSON.stringify(personalChannel),
  );
}
