/** The commands of the client protocol, each from its checked parameters to its reply. */
import { HoldfastError } from "../errors.js";
import { findChannelNameFault } from "../wire/channel-name.js";
import { type Disconnect, disconnect, type ReplyError, replyError } from "../wire/codes.js";
import type { ClientInfo, Method, Reply, RequestOf, SubscribeResult } from "../wire/messages.js";
import type { SessionContext } from "./context.js";
import { publish } from "./publishing.js";
import { callMethod } from "./rpc.js";
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
  async connect(session, { id, params }, { authenticate, times, version }) {
    const { token, data } = params;
    const result = await authenticate({ ...(token && { token }), ...(data !== undefined && { data }) });
    if (!result.isAccepted) return { disconnect: disconnect(result.disconnect, result.reason) };
    session.admit(result.identity);
    const ping = Math.max(1, Math.round(times.pingIntervalMs / 1000));
    return { reply: { id, method: "connect", result: { client: session.id, version, ping, pong: true } } };
  },

  async subscribe(session, { id, params }) {
    const fault = channelFault(params.channel, id);
    if (fault) return fault;
    if (params.unsupported) return refusal(id, replyError("notAvailable", params.unsupported));
    const answer = (result: SubscribeResult) => session.send({ id, method: "subscribe", result });
    const error = await session.channels.subscribe(params, answer);
    return error ? refusal(id, error) : { isAnswered: true };
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
    const published = await publish(context, params, session.clientInfo);
    if ("code" in published) return refusal(id, published);
    return { reply: { id, method: "publish" } };
  },

  async presence(_session, { id, params }, { broker, rulesFor, limits }) {
    const fault = channelFault(params.channel, id) ?? presenceFault(rulesFor(params.channel), id);
    if (fault) return fault;
    const result = await broker.presence(params.channel);
    const bytes = result.reduce((sum, info) => sum + sizeOfInfo(info), 0);
    if (bytes <= limits.maxPresenceBytes) return { reply: { id, method: "presence", result } };
    const advice = `${result.length} clients are more than one reply may hold; presence_stats counts them`;
    return refusal(id, replyError("limitExceeded", advice));
  },

  async presence_stats(_session, { id, params }, { broker, rulesFor }) {
    const fault = channelFault(params.channel, id) ?? presenceFault(rulesFor(params.channel), id);
    if (fault) return fault;
    return { reply: { id, method: "presence_stats", result: await broker.presenceStats(params.channel) } };
  },

  async history(_session, { id, params }, { broker, rulesFor, limits }) {
    const fault = channelFault(params.channel, id);
    if (fault) return fault;
    const { channel, limit, since, reverse } = params;
    const rules = rulesFor(channel);
    if (rules === undefined) return refusal(id, replyError("unknownChannel"));
    if (rules.kind === "live")
      return refusal(id, replyError("notAvailable", "nothing is kept of this channel"));
    if (reverse && since?.offset === 0)
      return refusal(
        id,
        replyError("badRequest", "history in reverse needs since.offset above 0, or no since"),
      );
    const page = await broker.history(channel, {
      ...(since && { sinceOffset: since.offset }),
      maxEntries: limit < 0 ? limits.maxHistoryEntries : Math.min(limit, limits.maxHistoryEntries),
      maxBytes: limits.maxHistoryBytes,
      isReverse: reverse,
    });
    if (since !== undefined && since.epoch !== "" && since.epoch !== page.position.epoch)
      return refusal(id, replyError("unrecoverablePosition", "the channel's log has another epoch now"));
    return { reply: { id, method: "history", result: page } };
  },

  ping: async (_session, { id }) =>
    refusal(id, replyError("notAvailable", "the server pings, not the client")),
  async rpc(session, { id, params }, context) {
    const result = await callMethod(session, params, context);
    return typeof result === "string" ? { reply: { id, method: "rpc", result } } : refusal(id, result);
  },
  refresh: async (_session, { id }) =>
    refusal(id, replyError("notAvailable", "connections here do not expire")),
  sub_refresh: async (_session, { id }) =>
    refusal(id, replyError("notAvailable", "subscriptions here do not expire")),
};

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

function presenceFault(
  rules: { readonly hasPresence: boolean } | undefined,
  id: number,
): Outcome | undefined {
  if (rules === undefined) return refusal(id, replyError("unknownChannel"));
  if (!rules.hasPresence) return refusal(id, replyError("notAvailable", "this channel has no presence"));
  return undefined;
}

/** The error of a command that failed in the server, not by what was asked; undefined where nobody foresaw it. */
export function expectedFailure(error: unknown): ReplyError | undefined {
  if (!(error instanceof HoldfastError)) return undefined;
  // Temporary: room comes back as publications expire, or as somebody makes some.
  if (error.code === "HF_BROKER_FULL") return replyError("tooManyRequests", error.message);
  return error.code === "HF_STORE_FAILED"
    ? replyError("internal", "the store takes nothing more")
    : undefined;
}
