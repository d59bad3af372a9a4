/**
 * The channels of one session: subscribing with recovery, presence, joins and leaves, and undoing all that. Subscribing
 * and unsubscribing of one channel happen one after the other, in the order of the commands.
 */
import type { Channel } from "../channels/channel.js";
import type { Recovery } from "../channels/channels.js";
import type { ChannelRules } from "../channels/rules.js";
import type { Subscription } from "../channels/subscription.js";
import { type ReplyError, replyError, unsubscribeTable } from "../wire/codes.js";
import type { ClientInfo, Position, SubscribeParams, SubscribeResult } from "../wire/messages.js";
import type { SessionContext } from "./context.js";
import { presenceLeaseMs } from "./limits.js";
import type { Session } from "./session.js";

interface Entry {
  readonly rules: ChannelRules;
  /** Undefined while the subscribe command is under way. */
  subscription: Subscription | undefined;
}

export class SessionChannels {
  readonly #session: Session;
  readonly #context: SessionContext;
  readonly #entries = new Map<string, Entry>();
  /** The last of the calls under way, per channel. */
  #underWay: Map<string, Promise<unknown>> | undefined;
  #isEnded = false;

  constructor(session: Session, context: SessionContext) {
    this.#session = session;
    this.#context = context;
  }

  get count(): number {
    return this.#entries.size;
  }

  get names(): Iterable<string> {
    return this.#entries.keys();
  }

  *subscriptions(): Iterable<Subscription> {
    for (const { subscription } of this.#entries.values()) if (subscription) yield subscription;
  }

  /**
   * @param answer sends the reply; called when the subscription stands and before anything of it is delivered
   * @returns the error where it was refused, and `answer` was not called
   */
  subscribe(
    params: SubscribeParams,
    answer: (result: SubscribeResult) => void,
  ): Promise<ReplyError | undefined> {
    return this.#inOrder(params.channel, () => this.#subscribe(params, answer));
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#inOrder(channel, async () => this.#remove(channel));
  }

  /** The node lost what the subscription has yet to read: the client is told, and may recover what is left. */
  lose(subscription: Subscription): void {
    const channel = subscription.channel.name;
    if (this.#entries.get(channel)?.subscription !== subscription) return;
    this.#remove(channel);
    this.#session.sendPush({ kind: "unsubscribe", channel, ...unsubscribeTable.insufficientState });
  }

  renewPresence(): void {
    for (const [channel, { rules, subscription }] of this.#entries)
      if (rules.hasPresence && subscription) this.#addPresence(channel, this.#session.clientInfo);
  }

  end(): void {
    this.#isEnded = true;
    for (const channel of [...this.#entries.keys()]) this.#remove(channel);
  }

  async #subscribe(
    params: SubscribeParams,
    answer: (result: SubscribeResult) => void,
  ): Promise<ReplyError | undefined> {
    const { channel: name } = params;
    const { limits, rulesFor, channels } = this.#context;
    if (this.#entries.has(name)) return replyError("alreadySubscribed");
    if (this.#entries.size >= limits.maxChannels)
      return replyError("limitExceeded", `a connection may be subscribed to ${limits.maxChannels} channels`);
    const rules = rulesFor(name);
    if (rules === undefined) return replyError("unknownChannel");
    if (params.token)
      return replyError("permissionDenied", "this server has no key to check subscription tokens with");

    const entry: Entry = { rules, subscription: undefined };
    this.#entries.set(name, entry);
    let channel: Channel | undefined;
    try {
      channel = await channels.acquire(name);
      const recovery = params.recover ? await this.#recover(channel, params, rules) : undefined;
      return this.#finish(channel, entry, params, recovery, answer);
    } finally {
      if (entry.subscription === undefined) this.#entries.delete(name);
      if (channel) channels.release(channel);
    }
  }

  async #recover(
    channel: Channel,
    { epoch, offset }: SubscribeParams,
    { retention }: ChannelRules,
  ): Promise<Recovery> {
    const before = channel.epoch;
    const now = this.#context.clock.now();
    const recovery = await this.#context.channels.recover(
      channel,
      { epoch, offset },
      (publication) =>
        now - publication.time < retention.ttlMs && channel.head - publication.offset < retention.maxEntries,
    );
    if (channel.epoch === before) return recovery;
    return { isRecovered: false, reason: "the channel's log has started afresh" };
  }

  /** Runs without a pause, so that nothing is published between the reply's position and the cursor's. */
  #finish(
    channel: Channel,
    entry: Entry,
    params: SubscribeParams,
    recovery: Recovery | undefined,
    answer: (result: SubscribeResult) => void,
  ): ReplyError | undefined {
    if (this.#isEnded) return replyError("notAvailable", "the connection is closed");
    const isRecovered = recovery?.isRecovered === true;
    if (recovery && !isRecovered && (params.flag & 2) !== 0) return replyError("unrecoverablePosition");

    const { channels, delivery } = this.#context;
    const isLive = channel.kind === "live";
    const offset = isRecovered ? recovery.offset : channel.head;
    const hasJoinLeave = params.joinLeave && entry.rules.hasJoinLeave;
    const subscription = channels.subscribe(channel, this.#session, { offset, hasJoinLeave });
    entry.subscription = subscription;
    answer({
      recoverable: !isLive,
      positioned: !isLive,
      // After a recovery clients count on from the offset they asked with, as they take the publications.
      position: positionFor(channel, isRecovered ? params.offset : channel.head),
      publications: isRecovered ? recovery.publications : [],
      recovered: isRecovered,
      wasRecovering: params.recover,
    });
    const { clientInfo } = this.#session;
    if (entry.rules.hasPresence) this.#addPresence(channel.name, clientInfo);
    if (entry.rules.hasJoinLeave) this.#announce(channel.name, "join", clientInfo);
    if (subscription.cursor !== channel.ring.next) delivery.resume(this.#session);
    return undefined;
  }

  #remove(channel: string): void {
    const entry = this.#entries.get(channel);
    if (entry?.subscription === undefined) return;
    this.#entries.delete(channel);
    const { broker, channels } = this.#context;
    const { clientInfo } = this.#session;
    if (entry.rules.hasPresence)
      this.#watch(broker.removePresence(channel, clientInfo.client), `removing presence from ${channel}`);
    if (entry.rules.hasJoinLeave) this.#announce(channel, "leave", clientInfo);
    channels.unsubscribe(entry.subscription);
  }

  #addPresence(channel: string, info: ClientInfo): void {
    this.#watch(
      this.#context.broker.addPresence(channel, info, presenceLeaseMs(this.#context.times)),
      `adding presence to ${channel}`,
    );
  }

  #announce(channel: string, kind: "join" | "leave", info: ClientInfo): void {
    this.#watch(this.#context.broker.announce(channel, kind, info), `announcing a ${kind} in ${channel}`);
  }

  #watch(work: Promise<void>, stage: string): void {
    work.catch((error: unknown) => this.#context.onError(error, { stage }));
  }

  #inOrder<T>(channel: string, run: () => Promise<T>): Promise<T> {
    this.#underWay ??= new Map();
    const calls = this.#underWay;
    const last = calls.get(channel);
    const call = last === undefined ? run() : last.then(run, run);
    calls.set(channel, call);
    const settled = () => {
      if (calls.get(channel) === call) calls.delete(channel);
    };
    call.then(settled, settled);
    return call;
  }
}

/** Where nothing is kept, a position would promise what cannot be had. */
function positionFor({ kind, epoch }: Channel, offset: number): Position {
  return kind === "live" ? { epoch: "", offset: 0 } : { epoch, offset };
}
