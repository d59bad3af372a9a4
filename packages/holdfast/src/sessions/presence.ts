/**
 * Shows others who is subscribed to a channel: in its presence, by joins and leaves, and in maps that list its subscribers
 * ({@link PresenceLists}).
 */

import type { NewPublication } from "../channels/log.js";
import type { Owner } from "../channels/quota.js";
import { type ChannelRules, storageOf } from "../channels/rules.js";
import { hasCode } from "../errors.js";
import type { ClientInfo } from "../wire/messages.js";
import { findKeyFault } from "../wire/names.js";
import { nullPayload } from "../wire/payload.js";
import { presenceLeaseMs, type SessionContext } from "./context.js";

type PresenceContext = Pick<SessionContext, "broker" | "lists" | "times" | "onError">;

export interface Subscriber {
  readonly rules: Pick<ChannelRules, "hasPresence" | "hasJoinLeave">;
  /** Maps that list the client. */
  readonly listedIn: readonly string[];
  /** The client as others see it here. */
  readonly info: ClientInfo;
  /** Who is charged; undefined for the server. */
  readonly owner: Owner;
}

export function showSubscriber(context: PresenceContext, channel: string, subscriber: Subscriber): void {
  const { rules, listedIn, info, owner } = subscriber;
  if (rules.hasPresence) addPresence(context, channel, subscriber);
  if (listedIn.length > 0) context.lists.join(listedIn, info, owner);
  if (rules.hasJoinLeave) announce(context, channel, "join", info);
}

/** @param isSubscribed whether the client is still subscribed */
export function renewSubscriber(
  context: PresenceContext,
  channel: string,
  subscriber: Subscriber,
  isSubscribed: () => boolean,
): void {
  const { rules, listedIn, info, owner } = subscriber;
  if (rules.hasPresence) addPresence(context, channel, subscriber);
  if (listedIn.length > 0) context.lists.renew(listedIn, info, owner, isSubscribed);
}

/** Shows a subscriber that another node of the same server has shown until now; nobody is told that it comes or goes. */
export function moveSubscriber(
  context: PresenceContext,
  channel: string,
  { rules, info, owner }: Subscriber,
  from: string,
): void {
  const { broker, times } = context;
  if (!rules.hasPresence && !rules.hasJoinLeave) return;
  const leaseMs = rules.hasPresence ? presenceLeaseMs(times) : undefined;
  const moved = broker.presence.move?.(channel, info, { from, leaseMs, owner });
  if (moved) watch(context, moved, `taking over presence in ${channel}`);
}

export function hideSubscriber(context: PresenceContext, channel: string, subscriber: Subscriber): void {
  const { rules, listedIn, info } = subscriber;
  if (listedIn.length > 0) context.lists.leave(listedIn, info);
  if (rules.hasPresence)
    watch(context, context.broker.presence.remove(channel, info.client), `removing presence from ${channel}`);
  if (rules.hasJoinLeave) announce(context, channel, "leave", info);
}

/** If there is no room the client is not listed; each renewal tries again. */
function addPresence(context: PresenceContext, channel: string, { info, owner }: Subscriber): void {
  const { broker, times } = context;
  const added = broker.presence.add(channel, info, presenceLeaseMs(times), owner).catch((error: unknown) => {
    if (!hasCode(error, "HF_BROKER_FULL")) throw error;
  });
  watch(context, added, `adding presence to ${channel}`);
}

function announce(context: PresenceContext, channel: string, kind: "join" | "leave", info: ClientInfo): void {
  watch(context, context.broker.presence.announce(channel, kind, info), `announcing a ${kind} in ${channel}`);
}

function watch({ onError }: PresenceContext, work: Promise<void>, stage: string): void {
  work.catch((error: unknown) => onError(error, { stage }));
}

type ListContext = Pick<SessionContext, "broker" | "application" | "onError">;

/**
 * Maps that list the subscribers of another channel: an entry for each connection, which is removed with it, or one for each
 * user, which expires when no connection renews it.
 */
export class PresenceLists {
  readonly #context: ListContext;

  constructor(context: ListContext) {
    this.#context = context;
  }

  /** @param owner who is charged */
  join(lists: readonly string[], info: ClientInfo, owner: Owner): void {
    for (const list of lists) this.#run(list, (rules) => this.#put(list, rules, info, owner));
  }

  /**
   * An entry that has expired meanwhile is added again.
   * @param isSubscribed whether the client is still subscribed
   */
  renew(lists: readonly string[], info: ClientInfo, owner: Owner, isSubscribed: () => boolean): void {
    for (const list of lists)
      this.#run(list, async (rules) => {
        const key = keyOf(rules, info);
        if (key === undefined || (await this.#context.broker.log.renewKey(list, key)) || !isSubscribed())
          return;
        await this.#put(list, rules, info, owner);
      });
  }

  leave(lists: readonly string[], info: ClientInfo): void {
    for (const list of lists)
      this.#run(list, async (rules) => {
        if (rules.map?.type === "clients") await this.#publish(list, rules, { ...removal, key: info.client });
      });
  }

  async #put(list: string, rules: ChannelRules, info: ClientInfo, owner: Owner): Promise<void> {
    const key = keyOf(rules, info);
    if (key === undefined) return;
    const isOfClients = rules.map?.type === "clients";
    await this.#publish(list, rules, { key, data: nullPayload, ...(isOfClients && { info }) }, owner);
  }

  async #publish(
    list: string,
    rules: ChannelRules,
    publication: NewPublication,
    owner?: Owner,
  ): Promise<void> {
    const options = { ...storageOf(rules), ...(owner !== undefined && { owner }) };
    await this.#context.broker.log.publish(list, publication, options);
  }

  #run(list: string, work: (rules: ChannelRules) => Promise<void>): void {
    const { application, onError } = this.#context;
    const policy = application.policyFor(list);
    const { type = "keys" } = policy?.rules.map ?? {};
    // Another channel of the application may have the list's name.
    if (policy === undefined || type === "keys") return;
    work(policy.rules).catch((error: unknown) => {
      // A client that found no room is listed once there is some.
      if (!hasCode(error, "HF_BROKER_FULL")) onError(error, { stage: `keeping the list ${list}` });
    });
  }
}

const removal = { data: nullPayload, isRemoved: true } as const;

/** @returns undefined for an anonymous user in a list of users, and for an id that is not a valid key */
function keyOf({ map }: ChannelRules, { client, user }: ClientInfo): string | undefined {
  const key = map?.type === "users" ? user : client;
  return findKeyFault("key", key) === undefined ? key : undefined;
}
