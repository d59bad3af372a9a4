/** The commands of the client protocol, each from its checked parameters to its reply. */
import { HoldfastError } from "../errors.js";
import { type Disconnect, disconnect, type ReplyError, replyError } from "../wire/codes.js";
import {
  type ClientInfo,
  isNewlyPublished,
  type Method,
  type Reply,
  type Request,
  type RequestOf,
  type SubscribeResult,
} from "../wire/messages.js";
import { findChannelNameFault } from "../wire/names.js";
import { connect, refresh, subRefresh } from "./connecting.js";
import type { SessionContext } from "./context.js";
import { canReadList } from "./data-access.js";
import { callMethod, publishInTurn } from "./publishing.js";
import { readHistory } from "./reading.js";
import type { Session } from "./session.js";

/** What a command comes to. */
export type Outcome =
  | { readonly reply: Reply }
  | { readonly disconnect: Disconnect }
  /** The reply had to go out in the middle of the command. */
  | { readonly isAnswered: true };

type Handlers = {
  readonly [M in Method]: (
    session: Session,
    request: RequestOf<M>,
    context: SessionContext,
  ) => Promise<Outcome>;
};

export const commandHandlers: Handlers = {
  connect: (session, { id, params }, context) => connect(session, id, params, context),

  async subscribe(session, { id, params }) {
    const fault = channelFault(params.channel, id);
    if (fault) return fault;
    if (params.unsupported) return refusal(id, replyError("notAvailable", params.unsupported));
    const failure = await session.channels.subscribe(params, (result: SubscribeResult) =>
      session.send({ id, method: "subscribe", result }),
    );
    if (failure === undefined) return { isAnswered: true };
    return "error" in failure ? refusal(id, failure.error) : failure;
  },

  async unsubscribe(session, { id, params }) {
    const fault = channelFault(params.channel, id);
    if (fault) return fault;
    await session.channels.unsubscribe(params.channel);
    return { reply: { id, method: "unsubscribe" } };
  },

  async publish(session, { id, params }, context) {
    const fault = channelFault(params.channel, id);
    if (fault) return fault;
    const published = await publishInTurn(session, params, context);
    if ("code" in published) return refusal(id, published);
    const isNew = isNewlyPublished(published);
    return { reply: { id, method: "publish", ...(!isNew && { result: published }) } };
  },

  async presence(session, { id, params: { channel } }, context) {
    const fault = await presenceFault(session, channel, id, context);
    if (fault) return fault;
    const result = await context.broker.presence.list(channel);
    const bytes = result.reduce((sum, info) => sum + sizeOfInfo(info), 0);
    if (bytes <= context.limits.maxPresenceBytes) return { reply: { id, method: "presence", result } };
    const advice = `${result.length} clients are too many for one reply; use presence_stats`;
    return refusal(id, replyError("limitExceeded", advice));
  },

  async presence_stats(session, { id, params: { channel } }, context) {
    const fault = await presenceFault(session, channel, id, context);
    if (fault) return fault;
    return { reply: { id, method: "presence_stats", result: await context.broker.presence.stats(channel) } };
  },

  async history(session, { id, params }, context) {
    const { channel } = params;
    const fault = channelFault(channel, id);
    if (fault) return fault;
    const { application } = context;
    const policy = application.policyFor(channel);
    if (policy === undefined) return refusal(id, replyError("unknownChannel"));
    await session.channels.calls.pending(channel);
    const { client, channels } = session;
    const { actor } = client;
    const isAllowed =
      (await policy.may("history", actor, channels.has(channel))) &&
      (await canReadList(application, policy, actor, (name) => channels.has(name)));
    if (!isAllowed) return refusal(id, replyError("permissionDenied"));
    const result = await readHistory(context, params, policy.rules);
    return "code" in result ? refusal(id, result) : { reply: { id, method: "history", result } };
  },

  ping: async (_session, { id }) =>
    refusal(id, replyError("notAvailable", "the server pings, not the client")),
  async rpc(session, { id, params }, context) {
    const result = await callMethod(session, params, context);
    return typeof result === "string" ? { reply: { id, method: "rpc", result } } : refusal(id, result);
  },
  refresh: (session, { id, params }, context) => refresh(session, id, params, context),
  sub_refresh: (session, { id, params }, context) => subRefresh(session, id, params, context),
};

/** @throws what the application and the broker throw */
export function runCommand(session: Session, request: Request, context: SessionContext): Promise<Outcome> {
  // The table maps each method to a handler of just that request, which the compiler can't follow.
  const handler = commandHandlers[request.method] as (
    session: Session,
    request: Request,
    context: SessionContext,
  ) => Promise<Outcome>;
  return handler(session, request, context);
}

/** What a command comes to that threw. */
export function failureOf(request: Request, error: unknown, { onError }: SessionContext): Outcome {
  const expected = expectedFailure(error);
  // Channels may be subscribed to already, so the connection ends; clients come back.
  if (expected && request.method === "connect")
    return { disconnect: disconnect("internalError", expected.message) };
  if (expected) return refusal(request.id, expected);
  onError(error, { stage: `command ${request.method}` });
  if (request.method === "connect") return { disconnect: disconnect("internalError") };
  return refusal(request.id, replyError("internal"));
}

/** About what an entry takes in a reply. */
function sizeOfInfo({ user, client, connInfo = "", chanInfo = "" }: ClientInfo): number {
  return user.length + 2 * client.length + connInfo.length + chanInfo.length + 32;
}

function refusal(id: number, error: ReplyError): Outcome {
  return { reply: { id, error } };
}

function channelFault(channel: string, id: number): Outcome | undefined {
  const fault = findChannelNameFault(channel);
  if (fault === undefined) return undefined;
  // The protocol ends the connection for an empty name, and answers any other fault.
  return channel === ""
    ? { disconnect: disconnect("badRequest", fault) }
    : refusal(id, replyError("badRequest", fault));
}

async function presenceFault(
  session: Session,
  channel: string,
  id: number,
  { application }: SessionContext,
): Promise<Outcome | undefined> {
  const fault = channelFault(channel, id);
  if (fault) return fault;
  const policy = application.policyFor(channel);
  if (policy === undefined) return refusal(id, replyError("unknownChannel"));
  if (!policy.rules.hasPresence)
    return refusal(id, replyError("notAvailable", "this channel has no presence"));
  await session.channels.calls.pending(channel);
  const isAllowed = await policy.may("presence", session.client.actor, session.channels.has(channel));
  return isAllowed ? undefined : refusal(id, replyError("permissionDenied"));
}

/** The error for a failure that is expected of a server; undefined for any other, which is a bug or a broken dependency. */
export function expectedFailure(error: unknown): ReplyError | undefined {
  if (!(error instanceof HoldfastError)) return undefined;
  // Temporary: room comes back as publications expire or are removed.
  if (error.code === "HF_BROKER_FULL") return replyError("tooManyRequests", error.message);
  if (error.code === "HF_MAP_FULL") return replyError("limitExceeded", error.message);
  if (error.code === "HF_STORE_FAILED")
    return replyError("internal", "the store is read-only after a write failure");
  if (error.code === "HF_REVOCATIONS_FULL") return replyError("limitExceeded", error.message);
  // Temporary, and told of where the keys are fetched.
  return error.code === "HF_KEYS_UNAVAILABLE"
    ? replyError("internal", "the keys that verify tokens are unavailable at the moment")
    : undefined;
}
