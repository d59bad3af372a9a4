/** Shows others who is subscribed to a channel: in its presence, in maps that list its subscribers, by joins and leaves. */
import type { Owner } from "../channels/quota.js";
import type { ChannelRules } from "../channels/rules.js";
import { hasCode } from "../errors.js";
import type { ClientInfo } from "../wire/messages.js";
import type { SessionContext } from "./context.js";
import { presenceLeaseMs } from "./limits.js";

type Context = Pick<SessionContext, "broker" | "lists" | "times" | "onError">;

export interface Subscriber {
  readonly rules: Pick<ChannelRules, "hasPresence" | "hasJoinLeave">;
  /** Maps in which the client is listed. */
  readonly listedIn: readonly string[];
  /** The client as others see it here. */
  readonly info: ClientInfo;
  /** Whom it is charged to; undefined for the server. */
  readonly owner: Owner;
}

export function showSubscriber(context: Context, channel: string, subscriber: Subscriber): void {
  const { rules, listedIn, info, owner } = subscriber;
  if (rules.hasPresence) addPresence(context, channel, subscriber);
  if (listedIn.length > 0) context.lists.join(listedIn, info, owner);
  if (rules.hasJoinLeave) announce(context, channel, "join", info);
}

/** @param isThere whether the client is still subscribed */
export function renewSubscriber(
  context: Context,
  channel: string,
  subscriber: Subscriber,
  isThere: () => boolean,
): void {
  const { rules, listedIn, info, owner } = subscriber;
  if (rules.hasPresence) addPresence(context, channel, subscriber);
  if (listedIn.length > 0) context.lists.renew(listedIn, info, owner, isThere);
}

export function hideSubscriber(context: Context, channel: string, subscriber: Subscriber): void {
  const { rules, listedIn, info } = subscriber;
  if (listedIn.length > 0) context.lists.leave(listedIn, info);
  if (rules.hasPresence)
    watch(context, context.broker.removePresence(channel, info.client), `removing presence from ${channel}`);
  if (rules.hasJoinLeave) announce(context, channel, "leave", info);
}

/** Where there is no room the client is not listed, which is tried again with each renewal. */
function addPresence(context: Context, channel: string, { info, owner }: Subscriber): void {
  const { broker, times } = context;
  const added = broker.addPresence(channel, info, presenceLeaseMs(times), owner).catch((error: unknown) => {
    if (!hasCode(error, "HF_BROKER_FULL")) throw error;
  });
  watch(context, added, `adding presence to ${channel}`);
}

function announce(context: Context, channel: string, kind: "join" | "leave", info: ClientInfo): void {
  watch(context, context.broker.announce(channel, kind, info), `announcing a ${kind} in ${channel}`);
}

function watch({ onError }: Context, work: Promise<void>, stage: string): void {
  work.catch((error: unknown) => onError(error, { stage }));
}
