/**
 * The channels of one session: subscribes with recovery, presence, joins and leaves, and unsubscribes. Commands for the same channel
 * run one after the other, in order.
 */
import { publicationsFor, viewOf } from "../channels/batches.js";
import type { Channel, Subscription } from "../channels/channel.js";
import type { Recovered } from "../channels/recovery.js";
import type { ChannelRules } from "../channels/rules.js";
import { type Disconnect, disconnect, replyError, unsubscribeTable } from "../wire/codes.js";
import type { ClientInfo, MapParams, Position, SubscribeParams, SubscribeResult } from "../wire/messages.js";
import type { Policy } from "./application.js";
import { CallsInOrder } from "./calls-in-order.js";
import type { SessionContext } from "./context.js";
import { allRights, isRevoked } from "./data-access.js";
import {
  type ChannelSnapshot,
  type OpenedForReader,
  openForReader,
  restoreEntry,
  snapshotOfEntry,
} from "./handover.js";
import type { ServerGrant, SubscriptionGrant, TokenOrigin } from "./identity.js";
import { Expiry, secondsUntil } from "./keepalive.js";
import { type LiveStep, type MapPaging, MapPagings, nextStep } from "./maps.js";
import { hideSubscriber, moveSubscriber, renewSubscriber, showSubscriber } from "./presence.js";
import type { Session } from "./session.js";
import {
  type Applicant,
  authorizeSubscribe,
  type Failure,
  findFilterFault,
  findLaterFault,
  grantedGuarantees,
  isDenial,
  noGuarantees,
  recover,
  type SubscribeGrant,
  toSubscribeGrant,
  viewOptionsFor,
} from "./subscribing.js";
import { costOfFilter } from "./work.js";

/** A client in a channel. */
export interface Entry {
  rules: ChannelRules;
  /** Maps that list the client. */
  readonly listedIn: readonly string[];
  /** The client as others see it here. */
  info: ClientInfo;
  /** Undefined while the subscribe command is pending. */
  subscription: Subscription | undefined;
  readonly isServerSide: boolean;
  /** The token that grants it, if it is not the connection's. */
  origin: TokenOrigin | undefined;
  /** Who is charged; undefined for the server. */
  readonly owner: string | undefined;
  expiry: Expiry | undefined;
  /** Unix milliseconds; undefined for never. */
  expiresAt: number | undefined;
}

type UnsubscribeReason = { readonly code: number; readonly reason: string };
type Answer = (result: SubscribeResult) => void;

export class SessionChannels {
  /** Orders subscribing, unsubscribing and later commands, by channel. */
  readonly calls = new CallsInOrder();
  readonly #session: Session;
  readonly #context: SessionContext;
  readonly #entries = new Map<string, Entry>();
  /** Maps that are not live yet. */
  #maps: MapPagings | undefined;
  #isEnded = false;

  constructor(session: Session, context: SessionContext) {
    this.#session = session;
    this.#context = context;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** Includes maps that are not live yet. */
  get names(): Iterable<string> {
    return new Set([...this.#entries.keys(), ...(this.#maps?.names ?? [])]);
  }

  *subscriptions(): Iterable<Subscription> {
    for (const { subscription } of this.#entries.values()) if (subscription) yield subscription;
  }

  subscriptionOf(channel: string): Subscription | undefined {
    return this.#entries.get(channel)?.subscription;
  }

  /** Whether the client is subscribed. */
  has(channel: string): boolean {
    return this.#entries.get(channel)?.subscription !== undefined;
  }

  /** The client as others see it in a channel. */
  infoIn(channel: string): ClientInfo {
    return this.#entries.get(channel)?.info ?? this.#session.client.info;
  }

  /**
   * @param answer sends the reply; called once the subscription exists and before anything is delivered
   * @returns why it was refused, in which case `answer` was not called
   */
  subscribe(params: SubscribeParams, answer: Answer): Promise<Failure | undefined> {
    return this.grant(params, undefined, answer);
  }

  /** Subscribes the client from the server's side, whoever may subscribe by the channel's rules. */
  grant(
    params: SubscribeParams,
    grant: ServerGrant | undefined,
    answer: Answer,
  ): Promise<Failure | undefined> {
    const { trace } = this.#session;
    const { channel } = params;
    return this.calls.run(channel, () => trace.subscribing(channel, this.#subscribe(params, answer, grant)));
  }

  unsubscribe(channel: string): Promise<void> {
    return this.calls.run(channel, async () => {
      this.#maps?.end(channel);
      this.#remove(channel, byClient);
    });
  }

  /** Ends a subscription from the server's side: the client is told, and may not resume from an earlier position. */
  revoke(channel: string, why: UnsubscribeReason): Promise<void> {
    return this.calls.run(channel, async () => {
      this.#context.access.revoke(this.#session.client.actor, channel);
      this.#endAndNotify(channel, why);
    });
  }

  /** Its token has expired; the client may subscribe again with another. */
  expire(channel: string): Promise<void> {
    return this.calls.run(channel, async () => this.#endAndNotify(channel, unsubscribeTable.expired));
  }

  /** Ends subscriptions that revoked tokens have granted. */
  endRevoked(matches: (token: TokenOrigin) => boolean): void {
    const revoked = [...this.#entries].filter(([, { origin }]) => origin && matches(origin));
    const paged = this.#maps?.namesWhere(({ granted: { grant } }) => grant.origin && matches(grant.origin));
    for (const channel of [...revoked.map(([name]) => name), ...(paged ?? [])])
      void this.revoke(channel, unsubscribeTable.revoked);
  }

  #endAndNotify(channel: string, { code, reason }: UnsubscribeReason): void {
    const isPaging = this.#maps?.end(channel) === true;
    if (!isPaging && !this.has(channel)) return;
    this.#remove(channel, { code, reason });
    this.#session.sendPush({ kind: "unsubscribe", channel, code, reason });
  }

  /** Applies a newer token. @returns whether the client is subscribed */
  renew(channel: string, { expiresAt, info, origin }: SubscriptionGrant): boolean {
    const entry = this.#entries.get(channel);
    if (entry?.subscription === undefined) return false;
    entry.origin = origin;
    if (info !== undefined) entry.info = { ...entry.info, chanInfo: info };
    this.#expire(channel, entry, expiresAt);
    return true;
  }

  /** Publications that the subscription lacks are gone: the client is told, and may recover what is left. */
  onGap(subscription: Subscription, reason: string): void {
    const channel = subscription.channel.name;
    const entry = this.#entries.get(channel);
    if (entry?.subscription === subscription) this.#end(channel, entry, "insufficientState", reason);
  }

  renewPresence(): void {
    for (const [channel, entry] of this.#entries) {
      const { subscription } = entry;
      if (subscription) renewSubscriber(this.#context, channel, entry, () => !subscription.isEnded);
    }
  }

  /** Whether no command is pending, no map is being read, and no log. */
  get isIdle(): boolean {
    const hasMaps = (this.#maps?.count ?? 0) > 0;
    return this.calls.isIdle && !hasMaps && [...this.subscriptions()].every(({ isFollowing }) => isFollowing);
  }

  /** Whether it tracks keys of polled channels, or may: these are not passed on. */
  get hasPolls(): boolean {
    return [...this.#entries.values()].some(({ rules }) => rules.isPolled === true);
  }

  /** What another process needs to go on. */
  snapshots(): readonly ChannelSnapshot[] {
    const { floors } = this.#context.access;
    const { actor } = this.#session.client;
    return [...this.#entries].flatMap(
      ([channel, entry]) => snapshotOfEntry(entry, floors.find(actor, channel)) ?? [],
    );
  }

  /** Another process goes on: others are not told that the client is gone. */
  release(): void {
    for (const { subscription, expiry } of this.#entries.values()) {
      expiry?.stop();
      if (subscription) this.#context.channels.unsubscribe(subscription);
    }
    this.#entries.clear();
  }

  /**
   * Goes on with what another process began. @param node that it comes from
   * @returns why the client has to reconnect, if it has to
   * @throws what the broker throws
   */
  async restore(snapshots: readonly ChannelSnapshot[], node: string): Promise<Disconnect | undefined> {
    for (const snapshot of snapshots) {
      const opened = await openForReader(this.#context, snapshot);
      if ("code" in opened) return opened;
      const entry = this.#isEnded ? undefined : this.#restore(snapshot, opened);
      this.#context.channels.release(opened.channel);
      if (entry) moveSubscriber(this.#context, snapshot.channel, entry, node);
    }
    return undefined;
  }

  #restore(snapshot: ChannelSnapshot, opened: OpenedForReader): Entry {
    const { channel, position } = snapshot;
    const entry = restoreEntry(this.#context, this.#session, snapshot, opened);
    this.#entries.set(channel, entry);
    this.#expire(channel, entry, snapshot.expiresAt);
    const { filter } = opened;
    const isByServer = entry.isServerSide;
    const start = position.offset;
    this.#session.trace.subscribed(
      opened.channel,
      { recover: false, ...(filter && { filter }) },
      { start, recovery: undefined, isByServer },
    );
    return entry;
  }

  end(): void {
    this.#isEnded = true;
    this.#maps?.endAll();
    for (const channel of [...this.#entries.keys()]) this.#remove(channel, byConnection);
    // Another connection cannot be recognized as the same client.
    if (this.#session.client.actor.user === "") this.#context.access.revoke(this.#session.client.actor);
  }

  /** @param grant from the server's side; undefined if the client asks */
  async #subscribe(
    params: SubscribeParams,
    answer: Answer,
    grant?: ServerGrant,
  ): Promise<Failure | undefined> {
    const { channel: name } = params;
    const { limits, application, channels } = this.#context;
    if (this.#entries.has(name)) return { error: replyError("alreadySubscribed") };
    const pagings = this.#maps?.count ?? 0;
    if (this.#entries.size + pagings >= limits.maxConnectionChannels && !this.#maps?.has(name)) {
      this.#context.meters.limitHit("maxConnectionChannels");
      return {
        error: replyError(
          "limitExceeded",
          `a connection may be subscribed to ${limits.maxConnectionChannels} channels`,
        ),
      };
    }
    const policy = application.policyFor(name);
    if (policy === undefined) return { error: replyError("unknownChannel") };

    const { rules, listedIn = [] } = policy;
    const owner = grant && !grant.isKept ? undefined : this.#session.client.owner;
    const entry: Entry = {
      rules,
      info: this.#session.client.info,
      listedIn,
      subscription: undefined,
      isServerSide: grant !== undefined,
      origin: undefined,
      owner,
      expiry: undefined,
      expiresAt: undefined,
    };
    this.#entries.set(name, entry);
    let channel: Channel | undefined;
    try {
      if (params.map && !grant)
        return await this.#subscribeMap({ ...params, map: params.map }, entry, policy, answer);
      const { actor } = this.#session.client;
      const found = grant ? toSubscribeGrant(policy, actor, grant) : this.#authorizeSubscribe(policy, params);
      const granted = found instanceof Promise ? await found : found;
      if (!("grant" in granted)) return granted;
      channel = await channels.acquire(name, owner);
      const isRecovering = params.recover && granted.rules.recovery !== "off";
      const asked = grant?.isPositionOwn ? { ...granted, rights: allRights } : granted;
      const recovery = isRecovering ? await recover(this.#context, channel, params, asked, actor) : undefined;
      const end = channel.kind === "live" ? await channels.recovery.startOfLive(channel) : undefined;
      return this.#finish(channel, entry, params, granted, recovery, answer, { end });
    } finally {
      if (entry.subscription === undefined) this.#entries.delete(name);
      if (channel) channels.release(channel);
    }
  }

  #authorizeSubscribe(
    policy: Policy,
    params: SubscribeParams,
  ): SubscribeGrant | Failure | Promise<SubscribeGrant | Failure> {
    const applicant: Applicant = {
      actor: this.#session.client.actor,
      isSubscribed: (channel) => this.has(channel),
    };
    const found = authorizeSubscribe(this.#context, policy, params, applicant);
    if (found instanceof Promise) return found.then((granted) => this.#noteDenial(params.channel, granted));
    return this.#noteDenial(params.channel, found);
  }

  #noteDenial(channel: string, found: SubscribeGrant | Failure): SubscribeGrant | Failure {
    if (!("grant" in found) && isDenial(found))
      this.#context.access.revoke(this.#session.client.actor, channel);
    return found;
  }

  /** One step, after which the subscription is live or the client sends the next step. */
  async #subscribeMap(
    params: SubscribeParams & { readonly map: MapParams },
    entry: Entry,
    policy: Policy,
    answer: Answer,
  ): Promise<Failure | undefined> {
    const { channel: name, map } = params;
    this.#maps ??= new MapPagings(this.#context, () => this.#session.isBusy);
    const maps = this.#maps;
    const known = maps.find(name, map);
    if (known === undefined && map.cursor !== undefined)
      // It timed out, or the server has ended it. Clients start over after this error, but not after others.
      return {
        error: replyError("unrecoverablePosition", "read the state again from the start, without a cursor"),
      };
    const paging = known ?? (await this.#beginMap(maps, params, policy));
    if (!("channel" in paging)) return paging;
    maps.hold(paging);
    let isContinuing = false;
    try {
      const fault = findLaterFault(paging.granted, params, this.#context.clock.now());
      if (fault) return fault;
      const step = await nextStep(this.#context, paging, params, this.#session.client.actor);
      if (!("publications" in step || "state" in step)) return step;
      if ("state" in step)
        return this.#finish(paging.channel, entry, params, paging.granted, step.recovery, answer, {
          ...step,
          start: paging.start,
        });
      if (this.#isEnded) return { error: replyError("notAvailable", "the connection is closed") };
      isContinuing = true;
      maps.await(paging);
      const { page, position, publications } = step;
      if (paging.start) this.#allowFrom(name, paging.start, paging.granted);
      answer({ ...noGuarantees, position, publications, map: page });
      return undefined;
    } finally {
      if (!isContinuing) maps.end(name, paging);
    }
  }

  async #beginMap(maps: MapPagings, params: SubscribeParams, policy: Policy): Promise<MapPaging | Failure> {
    const granted = await this.#authorizeSubscribe(policy, params);
    return "grant" in granted
      ? await maps.begin(params.channel, granted, this.#session.client.owner)
      : granted;
  }

  /** Synchronous, so that nothing is published between the reply's position and the cursor. */
  #finish(
    channel: Channel,
    entry: Entry,
    params: SubscribeParams,
    granted: SubscribeGrant,
    recovery: Recovered | undefined,
    answer: Answer,
    from: Partial<Pick<LiveStep, "state" | "hasValues">> &
      Partial<Pick<MapPaging, "start">> & { readonly end?: number | undefined },
  ): Failure | undefined {
    if (this.#isEnded) return { error: replyError("notAvailable", "the connection is closed") };
    const { grant, rules } = granted;
    // It may have been revoked while the application was asked.
    if (isRevoked(this.#context.application, this.#session.client.identity, grant))
      return { error: replyError("permissionDenied", "the token is revoked") };
    const isRecovered = recovery?.isRecovered === true;
    if (recovery)
      this.#context.meters.recoveredBy(isRecovered, isRecovered ? recovery.publications.length : 0);
    if (recovery && !isRecovered && (params.flag & 2) !== 0)
      return { error: replyError("unrecoverablePosition") };
    const filterFault = findFilterFault(params, channel, this.#session.client.owner);
    if (filterFault) return filterFault;
    if (params.filter) this.#session.charge(costOfFilter(params.filter.weight));
    const { channels, delivery, clock } = this.#context;
    const { state, hasValues = true, end = channel.head } = from;
    const offset = isRecovered ? recovery.offset : end;
    const options = viewOptionsFor(params, granted);
    const view = viewOf(options);
    const missed = isRecovered ? publicationsFor(view, recovery.publications) : [];
    const hasPublication = missed.length > 0;
    if (isRecovered && view.delta !== "none") channel.addRecovered(recovery.publications, recovery.offset);
    const subscription = channels.subscribe(channel, this.#session, {
      offset,
      hasPublication,
      hasValues,
      ...options,
    });
    entry.rules = rules;
    entry.subscription = subscription;
    entry.origin = grant.origin;
    this.#allowFrom(channel.name, from.start ?? channel.position, granted);
    entry.info = grant.info === undefined ? entry.info : { ...entry.info, chanInfo: grant.info };
    this.#expire(channel.name, entry, grant.expiresAt);
    const isPoll = params.isPoll === true && rules.isPolled === true;
    const poll = isPoll && this.#context.polls.enter(channel.name, this.#context, this.#session, view);
    const ttl = secondsUntil(grant.expiresAt, clock.now());
    const promises = grantedGuarantees(rules, params);
    const isStream = rules.recoveryMode !== "cache" && !state;
    answer({
      ...promises,
      // After a recovery, clients count on from the offset that they asked for, as they take the publications; in maps they count on
      // from the last of these.
      position: promises.positioned
        ? {
            epoch: channel.epoch,
            offset: isRecovered && isStream ? params.offset : state ? offset : channel.head,
          }
        : poll || noPosition,
      publications: missed,
      recovered: isRecovered && params.recover,
      wasRecovering: params.recover,
      ...(state && { map: { phase: "live", state } }),
      ...(isPoll && { isPoll }),
      ...(ttl !== undefined && { ttl }),
      ...(grant.data !== undefined && { data: grant.data }),
      ...(view.delta !== "none" && { isDelta: true }),
      ...(rules.publishDebounceMs && { publishDebounceMs: rules.publishDebounceMs }),
    });
    showSubscriber(this.#context, channel.name, entry);
    const start = isStream && isRecovered ? params.offset : offset - missed.length;
    this.#session.trace.subscribed(channel, params, { start, recovery, isByServer: entry.isServerSide });
    if (subscription.isBehind) {
      this.#session.fellBehind();
      delivery.resume(this.#session);
    }
    return undefined;
  }

  #allowFrom(channel: string, position: Position, { grant, rights }: SubscribeGrant): void {
    const { actor, identity } = this.#session.client;
    this.#context.access.allowFrom(actor, channel, position, rights, identity, grant);
  }

  #expire(channel: string, entry: Entry, expiresAt: number | undefined): void {
    entry.expiresAt = expiresAt;
    if (expiresAt === undefined && entry.expiry === undefined) return;
    entry.expiry ??= new Expiry(this.#context, () => this.#end(channel, entry, "expired"));
    entry.expiry.set(expiresAt);
  }

  /** Ends a subscription, which SDKs make again; if it is server-side, ends the connection. */
  #end(channel: string, entry: Entry, why: "insufficientState" | "expired", detail?: string): void {
    const { code, reason } = unsubscribeTable[why];
    if (entry.isServerSide) {
      this.#session.close(disconnect(why === "expired" ? "subscriptionExpired" : why, channel));
      return;
    }
    this.#remove(channel, { code, reason: detail === undefined ? reason : `${reason}: ${detail}` });
    this.#session.sendPush({ kind: "unsubscribe", channel, code, reason });
  }

  #remove(channel: string, why: UnsubscribeReason): void {
    const entry = this.#entries.get(channel);
    if (entry?.subscription === undefined) return;
    const { offset, channel: of } = entry.subscription;
    this.#session.trace.record({ kind: "unsubscribed", channel, epoch: of.epoch, offset, ...why });
    this.#entries.delete(channel);
    entry.expiry?.stop();
    hideSubscriber(this.#context, channel, entry);
    if (entry.rules.isPolled) this.#context.polls.leave(channel, this.#session);
    this.#context.channels.unsubscribe(entry.subscription);
  }
}

/** Ends that no push tells of: codes of the recorder. */
const byClient: UnsubscribeReason = { code: 0, reason: "the client unsubscribed" };
const byConnection: UnsubscribeReason = { code: 1, reason: "its connection ended" };

/** Without history, a position would promise a recovery that cannot happen. */
const noPosition: Position = Object.freeze({ epoch: "", offset: 0 });
