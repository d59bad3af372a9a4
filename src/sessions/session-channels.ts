/**
 * The channels of one session: subscribing with recovery, presence, joins and leaves, and undoing all that. Subscribing
 * and unsubscribing of one channel happen one after the other, in the order of the commands.
 */
import type { Channel } from "../channels/channel.js";
import type { Recovery } from "../channels/channels.js";
import type { ChannelRules } from "../channels/rules.js";
import type { Subscription } from "../channels/subscription.js";
import { publicationsFor, viewOf } from "../channels/view.js";
import { disconnect, replyError, unsubscribeTable } from "../wire/codes.js";
import type { ClientInfo, MapParams, Position, SubscribeParams, SubscribeResult } from "../wire/messages.js";
import type { Policy } from "./application.js";
import type { SessionContext } from "./context.js";
import { Expiry, secondsUntil } from "./expiry.js";
import type { SubscriptionGrant } from "./identity.js";
import { presenceLeaseMs } from "./limits.js";
import { type LiveStep, type MapPaging, MapPagings, nextStep } from "./map-paging.js";
import type { Session } from "./session.js";
import {
  type Failure,
  findLaterFault,
  findTerms,
  promisesOf,
  recover,
  rulesWith,
  type Terms,
  viewOptionsFor,
} from "./subscribing.js";

interface Entry {
  rules: ChannelRules;
  /** Maps in which the client is listed. */
  readonly listedIn: readonly string[];
  /** The client as others see it here. */
  info: ClientInfo;
  /** Undefined while the subscribe command is under way. */
  subscription: Subscription | undefined;
  readonly isServerSide: boolean;
  expiry: Expiry | undefined;
}

type Answer = (result: SubscribeResult) => void;

export class SessionChannels {
  readonly #session: Session;
  readonly #context: SessionContext;
  readonly #entries = new Map<string, Entry>();
  /** The last of the calls under way, per channel. */
  #underWay: Map<string, Promise<unknown>> | undefined;
  /** Maps on the way to a live subscription. */
  #maps: MapPagings | undefined;
  #isEnded = false;

  constructor(session: Session, context: SessionContext) {
    this.#session = session;
    this.#context = context;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** Also of maps that are on the way to a live subscription. */
  get names(): Iterable<string> {
    return new Set([...this.#entries.keys(), ...(this.#maps?.names ?? [])]);
  }

  *subscriptions(): Iterable<Subscription> {
    for (const { subscription } of this.#entries.values()) if (subscription) yield subscription;
  }

  /** Whether the client is subscribed. */
  has(channel: string): boolean {
    return this.#entries.get(channel)?.subscription !== undefined;
  }

  /** What a command for a channel waits for: a subscribe or unsubscribe before it that is still at work. */
  underWay(channel: string): Promise<unknown> | undefined {
    return this.#underWay?.get(channel)?.catch(() => {});
  }

  /** The client as others see it in a channel. */
  infoIn(channel: string): ClientInfo {
    return this.#entries.get(channel)?.info ?? this.#session.clientInfo;
  }

  /**
   * @param answer sends the reply; called when the subscription stands and before anything of it is delivered
   * @returns why it was refused, and `answer` was not called
   */
  subscribe(params: SubscribeParams, answer: Answer): Promise<Failure | undefined> {
    return this.#inOrder(params.channel, () => this.#subscribe(params, answer));
  }

  /** Subscribes the client without its asking, and whatever the channel's rules say of who may. */
  grant(params: SubscribeParams, grant: SubscriptionGrant, answer: Answer): Promise<Failure | undefined> {
    return this.#inOrder(params.channel, () => this.#subscribe(params, answer, grant));
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#inOrder(channel, async () => {
      this.#maps?.end(channel);
      this.#remove(channel);
    });
  }

  /** The server's side ends a subscription: the client is told. */
  revoke(
    channel: string,
    { code, reason }: { readonly code: number; readonly reason: string },
  ): Promise<void> {
    return this.#inOrder(channel, async () => {
      const isPaging = this.#maps?.end(channel) === true;
      if (!isPaging && !this.has(channel)) return;
      this.#remove(channel);
      this.#session.sendPush({ kind: "unsubscribe", channel, code, reason });
    });
  }

  /** The client has shown a newer token. @returns whether it is subscribed */
  renew(channel: string, { expiresAt, info }: SubscriptionGrant): boolean {
    const entry = this.#entries.get(channel);
    if (entry?.subscription === undefined) return false;
    if (info !== undefined) entry.info = { ...entry.info, chanInfo: info };
    this.#expire(channel, entry, expiresAt);
    return true;
  }

  /** The node lost what the subscription has yet to read: the client is told, and may recover what is left. */
  lose(subscription: Subscription): void {
    const channel = subscription.channel.name;
    const entry = this.#entries.get(channel);
    if (entry?.subscription === subscription) this.#end(channel, entry, "insufficientState");
  }

  renewPresence(): void {
    for (const [channel, { rules, subscription, info, listedIn }] of this.#entries) {
      if (subscription === undefined) continue;
      if (rules.hasPresence) this.#addPresence(channel, info);
      if (listedIn.length > 0) this.#context.lists.renew(listedIn, info, () => !subscription.isEnded);
    }
  }

  end(): void {
    this.#isEnded = true;
    this.#maps?.endAll();
    for (const channel of [...this.#entries.keys()]) this.#remove(channel);
  }

  /** @param grant of the server's side; without it, the client asks */
  async #subscribe(
    params: SubscribeParams,
    answer: Answer,
    grant?: SubscriptionGrant,
  ): Promise<Failure | undefined> {
    const { channel: name } = params;
    const { limits, application, channels } = this.#context;
    if (this.#entries.has(name)) return { error: replyError("alreadySubscribed") };
    const pagings = this.#maps?.count ?? 0;
    if (this.#entries.size + pagings >= limits.maxChannels && !this.#maps?.has(name))
      return {
        error: replyError(
          "limitExceeded",
          `a connection may be subscribed to ${limits.maxChannels} channels`,
        ),
      };
    const policy = application.policyFor(name);
    if (policy === undefined) return { error: replyError("unknownChannel") };

    const info = this.#session.clientInfo;
    const isServerSide = grant !== undefined;
    const { rules } = policy;
    const { listedIn = [] } = policy;
    const entry: Entry = { rules, info, listedIn, subscription: undefined, isServerSide, expiry: undefined };
    this.#entries.set(name, entry);
    let channel: Channel | undefined;
    try {
      if (params.map && !grant)
        return await this.#subscribeMap({ ...params, map: params.map }, entry, policy, answer);
      const found = grant
        ? { grant, rules: rulesWith(rules, grant) }
        : findTerms(this.#context, policy, params, this.#session.actor);
      const terms = found instanceof Promise ? await found : found;
      if (!("grant" in terms)) return terms;
      channel = await channels.acquire(name);
      const isRecovering = params.recover && terms.rules.recovery !== "off";
      const recovery = isRecovering ? await recover(this.#context, channel, params, terms.rules) : undefined;
      return this.#finish(channel, entry, params, terms, recovery, answer);
    } finally {
      if (entry.subscription === undefined) this.#entries.delete(name);
      if (channel) channels.release(channel);
    }
  }

  /** One step, after which the subscription is live or the client comes with the next one. */
  async #subscribeMap(
    params: SubscribeParams & { readonly map: MapParams },
    entry: Entry,
    policy: Policy,
    answer: Answer,
  ): Promise<Failure | undefined> {
    const { channel: name, map } = params;
    this.#maps ??= new MapPagings(this.#context);
    const maps = this.#maps;
    const known = maps.find(name, map);
    if (known === undefined && map.cursor !== undefined)
      return { error: replyError("permissionDenied", "the state is not being read: begin without a cursor") };
    const paging = known ?? (await this.#beginMap(maps, params, policy));
    if (!("channel" in paging)) return paging;
    maps.hold(paging);
    let isGoingOn = false;
    try {
      const fault = findLaterFault(paging.terms, params, this.#context.clock.now());
      if (fault) return fault;
      const step = await nextStep(this.#context, paging, params);
      if (!("publications" in step || "state" in step)) return step;
      if ("state" in step)
        return this.#finish(paging.channel, entry, params, paging.terms, step.recovery, answer, step);
      if (this.#isEnded) return { error: replyError("notAvailable", "the connection is closed") };
      isGoingOn = true;
      maps.await(paging);
      const { page, position, publications } = step;
      answer({ ...nothingPromised, position, publications, map: page });
      return undefined;
    } finally {
      if (!isGoingOn) maps.end(name, paging);
    }
  }

  async #beginMap(maps: MapPagings, params: SubscribeParams, policy: Policy): Promise<MapPaging | Failure> {
    const terms = await findTerms(this.#context, policy, params, this.#session.actor);
    return "grant" in terms ? await maps.begin(params.channel, terms) : terms;
  }

  /** Runs without a pause, so that nothing is published between the reply's position and the cursor's. */
  #finish(
    channel: Channel,
    entry: Entry,
    params: SubscribeParams,
    { grant, rules }: Terms,
    recovery: Recovery | undefined,
    answer: Answer,
    map?: Pick<LiveStep, "state" | "hasValues">,
  ): Failure | undefined {
    if (this.#isEnded) return { error: replyError("notAvailable", "the connection is closed") };
    const isRecovered = recovery?.isRecovered === true;
    if (recovery && !isRecovered && (params.flag & 2) !== 0)
      return { error: replyError("unrecoverablePosition") };
    const { channels, delivery, clock } = this.#context;
    const offset = isRecovered ? recovery.offset : channel.head;
    const options = viewOptionsFor(params, rules);
    const view = viewOf(options);
    const missed = isRecovered ? publicationsFor(view, recovery.publications) : [];
    const hasPublication = missed.length > 0;
    const { state, hasValues = true } = map ?? {};
    const subscription = channels.subscribe(channel, this.#session, {
      offset,
      hasPublication,
      hasValues,
      ...options,
    });
    entry.rules = rules;
    entry.subscription = subscription;
    entry.info = grant.info === undefined ? entry.info : { ...entry.info, chanInfo: grant.info };
    this.#expire(channel.name, entry, grant.expiresAt);
    const ttl = secondsUntil(grant.expiresAt, clock.now());
    const promises = promisesOf(rules, params);
    const isStream = rules.recoveryMode !== "cache" && !state;
    const wasRecovering = state ? params.recover : recovery !== undefined;
    answer({
      ...promises,
      // After a recovery clients count on from the offset they asked with, as they take the publications. Of maps they
      // count on from the end of these.
      position: promises.positioned
        ? {
            epoch: channel.epoch,
            offset: isRecovered && isStream ? params.offset : state ? offset : channel.head,
          }
        : nowhere,
      publications: missed,
      recovered: isRecovered && wasRecovering,
      wasRecovering,
      ...(state && { map: { phase: "live", state } }),
      ...(ttl !== undefined && { ttl }),
      ...(grant.data !== undefined && { data: grant.data }),
      ...(view.delta !== "none" && { isDelta: true }),
    });
    if (rules.hasPresence) this.#addPresence(channel.name, entry.info);
    if (entry.listedIn.length > 0) this.#context.lists.join(entry.listedIn, entry.info);
    if (rules.hasJoinLeave) this.#announce(channel.name, "join", entry.info);
    if (subscription.cursor !== channel.ring.next) delivery.resume(this.#session);
    return undefined;
  }

  #expire(channel: string, entry: Entry, expiresAt: number | undefined): void {
    if (expiresAt === undefined && entry.expiry === undefined) return;
    entry.expiry ??= new Expiry(this.#context, () => this.#end(channel, entry, "expired"));
    entry.expiry.set(expiresAt);
  }

  /** Ends a subscription that SDKs make anew, or the connection where the server has made it. */
  #end(channel: string, entry: Entry, why: "insufficientState" | "expired"): void {
    if (entry.isServerSide) {
      this.#session.close(disconnect(why === "expired" ? "subscriptionExpired" : why, channel));
      return;
    }
    this.#remove(channel);
    this.#session.sendPush({ kind: "unsubscribe", channel, ...unsubscribeTable[why] });
  }

  #remove(channel: string): void {
    const entry = this.#entries.get(channel);
    if (entry?.subscription === undefined) return;
    this.#entries.delete(channel);
    entry.expiry?.stop();
    const { rules, info, subscription, listedIn } = entry;
    if (listedIn.length > 0) this.#context.lists.leave(listedIn, info);
    if (rules.hasPresence)
      this.#watch(
        this.#context.broker.removePresence(channel, info.client),
        `removing presence from ${channel}`,
      );
    if (rules.hasJoinLeave) this.#announce(channel, "leave", info);
    this.#context.channels.unsubscribe(subscription);
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

const nothingPromised = Object.freeze({
  recoverable: false,
  positioned: false,
  recovered: false,
  wasRecovering: false,
});

/** Where nothing is kept, a position would promise what cannot be had. */
const nowhere: Position = Object.freeze({ epoch: "", offset: 0 });
