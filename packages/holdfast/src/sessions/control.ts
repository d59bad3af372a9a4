/**
 * What the server itself does with channels and connections: for the HTTP interface, and for programs that embed a server. No
 * permission is asked for. What is done to a user is done to all connections of that user, unless one is named.
 */
import type { HistoryPage, PublishResult } from "../channels/log.js";
import type { PresenceStats } from "../channels/presence-store.js";
import {
  type Disconnect,
  disconnect,
  type ReplyError,
  reconnectsAfter,
  replyError,
  unsubscribeTable,
} from "../wire/codes.js";
import type { ClientInfo, HistoryParams, PublishParams, RecoverParams } from "../wire/messages.js";
import { findChannelNameFault } from "../wire/names.js";
import type { Payload } from "../wire/payload.js";
import type { Policy } from "./application.js";
import { expectedFailure } from "./commands.js";
import { paramsFor } from "./connecting.js";
import type { SessionContext } from "./context.js";
import { isRevoked } from "./data-access.js";
import type { Identity, SubscriptionGrant } from "./identity.js";
import { MapControl } from "./maps.js";
import { type ApiCaller, publish } from "./publishing.js";
import { readHistory } from "./reading.js";
import type { SessionRegistry } from "./registry.js";
import type { Session } from "./session.js";

/** Which connections: all of a user, or of those the ones that are named. */
export interface Target {
  readonly user: string;
  /** Connection id. */
  readonly client?: string | undefined;
}

/** A request that waits for what comes in a channel. */
export interface WaitingRequest {
  readonly identity: Identity;
  readonly grant: SubscriptionGrant;
  readonly channel: string;
}

/** Readers without a connection, of which the server's own side may end some, too. */
export interface WaitingRequests {
  refuseWhere(matches: (waiting: WaitingRequest) => boolean, error: ReplyError): void;
}

export interface ChannelUse {
  readonly name: string;
  readonly numClients: number;
}

export class Control {
  readonly maps: MapControl;
  readonly #handler: SessionRegistry;
  readonly #context: SessionContext;
  readonly #requests: WaitingRequests | undefined;

  /** @param requests to which the same is done as to connections */
  constructor(handler: SessionRegistry, context: SessionContext, requests?: WaitingRequests) {
    this.#requests = requests;
    this.#handler = handler;
    this.#context = context;
    this.maps = new MapControl(context);
  }

  /**
   * @param caller whose idempotency key it is; the server's own without one
   * @throws what the application, and the broker's `publish`, throw
   */
  async publish(params: PublishParams, caller?: ApiCaller): Promise<PublishResult | ReplyError> {
    return await publish(this.#context, params, caller);
  }

  /** Publishes the same in several channels, each for itself. In the order of the channels. */
  async broadcast(
    channels: readonly string[],
    params: Omit<PublishParams, "channel">,
    caller?: ApiCaller,
  ): Promise<readonly (PublishResult | ReplyError)[]> {
    return await Promise.all(channels.map((channel) => this.#publishOne({ ...params, channel }, caller)));
  }

  /** The failure of one channel is that one's answer, for in others the publication stands. */
  async #publishOne(
    params: PublishParams,
    caller: ApiCaller | undefined,
  ): Promise<PublishResult | ReplyError> {
    try {
      return await this.publish(params, caller);
    } catch (error) {
      const expected = expectedFailure(error);
      if (expected === undefined) this.#context.onError(error, { stage: "broadcasting" });
      return expected ?? replyError("internal");
    }
  }

  async presence(channel: string): Promise<readonly ClientInfo[] | ReplyError> {
    const policy = this.#presencePolicy(channel);
    return "code" in policy ? policy : await this.#context.broker.presence.list(channel);
  }

  async presenceStats(channel: string): Promise<PresenceStats | ReplyError> {
    const policy = this.#presencePolicy(channel);
    return "code" in policy ? policy : await this.#context.broker.presence.stats(channel);
  }

  async history(params: HistoryParams): Promise<HistoryPage | ReplyError> {
    const policy = this.#policyFor(params.channel);
    return "code" in policy ? policy : await readHistory(this.#context, params, policy.rules);
  }

  /** Forgets what the channel keeps; its position stays, and so do its readers. */
  async removeHistory(channel: string): Promise<ReplyError | undefined> {
    const policy = this.#policyFor(channel);
    if ("code" in policy) return policy;
    const { log, cluster } = this.#context.broker;
    await log.removeHistory(channel);
    await cluster.announceHistoryRemoved(channel);
    return undefined;
  }

  /**
   * Subscribes connections without their asking, and tells them.
   * @returns an error where a connection could not be subscribed; those that were stay so
   */
  async subscribe(
    channel: string,
    target: Target,
    grant: SubscriptionGrant = {},
    recover?: RecoverParams,
  ): Promise<ReplyError | undefined> {
    const policy = this.#policyFor(channel);
    if ("code" in policy) return policy;
    const failures = await Promise.all(
      this.#findConnected(target)
        .filter(({ transport: { onlyChannel = channel } }) => onlyChannel === channel)
        .map((session) => subscribeOne(session, channel, grant, recover)),
    );
    return failures.find((failure) => failure !== undefined);
  }

  /** @param channel without one, all channels of these connections */
  async unsubscribe(target: Target, channel?: string): Promise<void> {
    const error = replyError("permissionDenied", "the server has ended this subscription");
    this.#revoke(target, channel);
    this.#refuse(target, error, channel);
    await Promise.all(
      this.#find(target).flatMap(({ channels }) =>
        (channel === undefined ? [...channels.names] : [channel]).map((name) =>
          channels.revoke(name, unsubscribeTable.server),
        ),
      ),
    );
  }

  /** @param except connections that stay */
  disconnect(
    target: Target,
    reason: Disconnect = disconnect("forceDisconnect"),
    except: readonly string[] = [],
  ): void {
    // Clients may come back after other reasons, and keep their positions.
    if (!reconnectsAfter(reason.code)) this.#revoke(target);
    for (const session of this.#find(target)) if (!except.includes(session.id)) session.close(reason);
    this.#refuse(
      target,
      replyError("permissionDenied", `the server has ended this connection: ${reason.reason}`),
    );
  }

  /** Sets when connections expire, or ends them at once. @param expiresAt Unix milliseconds; undefined for never */
  refresh(
    target: Target,
    { isExpired, expiresAt, info }: { isExpired?: boolean; expiresAt?: number; info?: Payload },
  ): void {
    for (const session of this.#findConnected(target)) {
      if (isExpired) session.close(disconnect("connectionExpired"));
      else session.renew(expiresAt, info);
    }
  }

  /** Sends something to connections, in no channel. */
  send(target: Target, data: Payload): void {
    for (const session of this.#findConnected(target)) session.sendPush({ kind: "message", data });
  }

  /** Ends what came with tokens that are revoked: connections, subscriptions, and requests that wait. */
  endRevoked(): void {
    const { application, access } = this.#context;
    const { isRevoked: matches } = application;
    if (matches === undefined) return;
    access.floors.removeWhere(matches);
    for (const session of this.#handler.identifiedSessions())
      if (isRevoked(application, session.client.identity, noGrant))
        session.close(disconnect("invalidToken", "revoked"));
      else session.channels.endRevoked(matches);
    this.#requests?.refuseWhere(
      ({ identity, grant }) => isRevoked(application, identity, grant),
      replyError("unauthorized", "the token is revoked"),
    );
  }

  /** Channels that have subscribers on this node. */
  channels(matches: (name: string) => boolean = () => true): readonly ChannelUse[] {
    return this.#context.channels.list().filter(({ name, numClients }) => numClients > 0 && matches(name));
  }

  /** Positions that were issued before no longer count. All connections of a user are one reader. */
  #revoke(target: Target, channel?: string): void {
    const { access } = this.#context;
    const { user } = target;
    if (user !== "") access.revoke({ user, client: "" }, channel);
    else for (const { client } of this.#find(target)) access.revoke(client.actor, channel);
  }

  #find({ user, client }: Target): readonly Session[] {
    const sessions = this.#handler.sessionsOf(user);
    return client === undefined ? sessions : sessions.filter(({ id }) => id === client);
  }

  /** Requests have no connection that could be named. */
  #refuse({ user, client }: Target, error: ReplyError, channel?: string): void {
    if (client !== undefined) return;
    this.#requests?.refuseWhere(
      (waiting) => waiting.identity.user === user && (channel ?? waiting.channel) === waiting.channel,
      error,
    );
  }

  #findConnected(target: Target): readonly Session[] {
    return this.#find(target).filter(({ isConnected }) => isConnected);
  }

  #presencePolicy(channel: string): Policy | ReplyError {
    const policy = this.#policyFor(channel);
    if ("code" in policy || policy.rules.hasPresence) return policy;
    return replyError("notAvailable", "this channel has no presence");
  }

  #policyFor(channel: string): Policy | ReplyError {
    const fault = findChannelNameFault(channel);
    if (fault !== undefined) return replyError("badRequest", fault);
    return this.#context.application.policyFor(channel) ?? replyError("unknownChannel");
  }
}

const noGrant: SubscriptionGrant = Object.freeze({});

async function subscribeOne(
  session: Session,
  channel: string,
  grant: SubscriptionGrant,
  recover: RecoverParams | undefined,
): Promise<ReplyError | undefined> {
  const own = { ...grant, isPositionOwn: true };
  const failure = await session.channels.grant(paramsFor(channel, recover), own, (result) => {
    const { recoverable, positioned, position, data } = result;
    session.sendPush({
      kind: "subscribe",
      channel,
      recoverable,
      positioned,
      position,
      ...(data !== undefined && { data }),
    });
    for (const publication of result.publications)
      session.sendPush({ kind: "pub", channel, publication, epoch: position.epoch });
  });
  // A channel that the client has already is what was wanted.
  if (failure === undefined || "disconnect" in failure || failure.error.code === 105) return undefined;
  return failure.error;
}
