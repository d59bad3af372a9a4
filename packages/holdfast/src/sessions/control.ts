/**
 * The server API: what the HTTP interface, and programs that embed a server, do with channels and connections. Needs no permission.
 * Acts on all connections of a user, on all nodes, unless one is named: by commands of the cluster, which node-commands.ts
 * carries out.
 */

import type { PresenceStats } from "../channels/broker.js";
import type {
  ChannelCount,
  ClusterNode,
  CommandGrant,
  ConnectionsQuery,
  ConnectionUse,
  LoadSample,
  NodeStats,
  SessionCommand,
  SessionTarget,
} from "../channels/cluster.js";
import type { HistoryPage, PublishResult } from "../channels/log.js";
import type { ChannelRules } from "../channels/rules.js";
import { hasCode } from "../errors.js";
import { type Disconnect, disconnect, type ReplyError, replyError } from "../wire/codes.js";
import type { ClientInfo, HistoryParams, Position, PublishParams, RecoverParams } from "../wire/messages.js";
import { findChannelNameFault, firstBy } from "../wire/names.js";
import type { JsonText, Payload } from "../wire/payload.js";
import type { ChannelAction, Policy } from "./application.js";
import { expectedFailure } from "./commands.js";
import type { SessionContext } from "./context.js";
import { MapControl } from "./maps.js";
import { type ApiCaller, noAnswerFrom, publish, withPayload } from "./publishing.js";
import { readHistory } from "./reading.js";

export interface ChannelUse {
  readonly name: string;
  readonly numClients: number;
  /** If it was asked for: of the newest publication that a node has. */
  readonly position?: Position;
}

export interface PageChoice {
  /** The last name of the page before. */
  readonly after?: string;
  readonly limit: number;
  readonly hasPositions?: true;
}

/** The rules of a channel. */
export interface DescribedChannel {
  /** Undefined where every channel has the same rules. */
  readonly pattern: string | undefined;
  readonly rules: ChannelRules;
  readonly hooks: readonly string[];
}

export interface ChannelReport extends DescribedChannel {
  readonly position: Position;
  /** Offset of the oldest publication that is kept. */
  readonly oldest: number | undefined;
  /** Unix milliseconds. */
  readonly newestTime: number | undefined;
  readonly numClients: number;
}

export interface ExplainedChannel extends DescribedChannel {
  readonly actions: readonly {
    readonly action: ChannelAction;
    /** Who may, in words. */
    readonly allows: string;
    readonly isAllowed: boolean;
    readonly isAllowedOnceSubscribed: boolean;
  }[];
}

const channelActions: readonly ChannelAction[] = ["subscribe", "publish", "presence", "history"];
/** Channels whose names match one that contains wildcards. */
const maxSameNames = 1000;

export interface NodesReport {
  readonly nodes: readonly (ClusterNode & { readonly stats: NodeStats })[];
  readonly silent: readonly ClusterNode[];
}

function describePolicy({ described, rules }: Policy): DescribedChannel {
  return { pattern: described?.pattern, rules, hooks: described?.hooks ?? [] };
}

/** Nodes may differ in how far they have read the log. Those of older versions give the number alone. */
function addUse({ name, numClients, position }: ChannelUse, count: number | ChannelCount): ChannelUse {
  if (typeof count === "number")
    return { name, numClients: numClients + count, ...(position && { position }) };
  const { clients, epoch, offset } = count;
  const isFurther = position === undefined || offset > position.offset;
  return { name, numClients: numClients + clients, position: isFurther ? { epoch, offset } : position };
}

export class Control {
  readonly maps: MapControl;
  readonly #context: SessionContext;

  constructor(context: SessionContext) {
    this.#context = context;
    this.maps = new MapControl(context);
  }

  /**
   * @param caller who sent the idempotency key; undefined for the server itself
   * @throws what the application, and the broker's `publish`, throw
   */
  async publish(params: PublishParams, caller?: ApiCaller): Promise<PublishResult | ReplyError> {
    return await publish(this.#context, params, caller);
  }

  /** Publishes the same data in several channels, independently. @returns results in the order of the channels */
  async broadcast(
    channels: readonly string[],
    params: Omit<PublishParams, "channel">,
    caller?: ApiCaller,
  ): Promise<readonly (PublishResult | ReplyError)[]> {
    return await Promise.all(channels.map((channel) => this.#publishOne({ ...params, channel }, caller)));
  }

  /** A failure in one channel is the result for that channel alone, since publications in others stand. */
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

  /** Gives a value to those who track its key, sooner than the next question of any node. */
  async publishPolled(
    channel: string,
    { data, ...item }: { readonly key: string; readonly data: Payload; readonly version?: number },
  ): Promise<ReplyError | undefined> {
    const policy = this.#policyFor(channel);
    if ("code" in policy) return policy;
    if (policy.poll === undefined) return replyError("badRequest", "this channel is not polled: use publish");
    if (policy.poll.hasVersions && item.version === undefined)
      return replyError("badRequest", "version is missing: values of this channel have one");
    const carried = withPayload(policy.rules, { channel, data });
    if ("code" in carried) return carried;
    const sent = { ...item, data: carried.data };
    const { silent } = await this.#context.broker.cluster.send({ kind: "poll", channel, item: sent });
    return silent.length === 0 ? undefined : noAnswerFrom(silent);
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

  /** Removes a channel's history; its position stays, and so do its readers. */
  async removeHistory(channel: string): Promise<ReplyError | undefined> {
    const policy = this.#policyFor(channel);
    if ("code" in policy) return policy;
    const { log, cluster } = this.#context.broker;
    await log.removeHistory(channel);
    await cluster.announceHistoryRemoved(channel);
    return undefined;
  }

  /**
   * Subscribes connections, and tells them.
   * @returns an error if a connection could not be subscribed; others stay subscribed
   */
  async subscribe(
    channel: string,
    target: SessionTarget,
    grant: CommandGrant = {},
    recover?: RecoverParams,
  ): Promise<ReplyError | undefined> {
    const policy = this.#policyFor(channel);
    if ("code" in policy) return policy;
    return await this.#send({ kind: "subscribe", target, channel, grant, ...(recover && { recover }) });
  }

  /** @param channel without one, all channels of these connections */
  async unsubscribe(target: SessionTarget, channel?: string): Promise<ReplyError | undefined> {
    return await this.#send({ kind: "unsubscribe", target, ...(channel !== undefined && { channel }) });
  }

  /** @param except connections that stay */
  async disconnect(
    target: SessionTarget,
    reason: Disconnect = disconnect("forceDisconnect"),
    except: readonly string[] = [],
  ): Promise<ReplyError | undefined> {
    return await this.#send({ kind: "disconnect", target, reason, except });
  }

  /** Sets when connections expire, or ends them at once. @param expiresAt Unix milliseconds; undefined for never */
  async refresh(
    target: SessionTarget,
    {
      isExpired = false,
      expiresAt,
      info,
    }: { readonly isExpired?: boolean; readonly expiresAt?: number; readonly info?: JsonText },
  ): Promise<ReplyError | undefined> {
    return await this.#send({
      kind: "refresh",
      target,
      isExpired,
      ...(expiresAt !== undefined && { expiresAt }),
      ...(info !== undefined && { info }),
    });
  }

  /** Sends a message to connections, outside any channel. */
  async send(target: SessionTarget, data: Payload): Promise<ReplyError | undefined> {
    return await this.#send({ kind: "send", target, data });
  }

  /**
   * Channels with subscribers on any node.
   * @param pattern of names: `*` matches any characters, `?` exactly one
   * @param page by name; without it, in no order and at most 10,000 of each node
   * @returns an error if a node has not answered
   */
  async channels(pattern?: string, page?: PageChoice): Promise<readonly ChannelUse[] | ReplyError> {
    const query = { kind: "channels", ...(pattern !== undefined && { pattern }), ...page } as const;
    const { outcomes, silent } = await this.#context.broker.cluster.send(query);
    const uses = new Map<string, ChannelUse>();
    for (const { error, data } of outcomes.values()) {
      if (error !== undefined) return error;
      for (const [name, count] of Object.entries(data as Record<string, number | ChannelCount>))
        uses.set(name, addUse(uses.get(name) ?? { name, numClients: 0 }, count));
    }
    if (silent.length > 0) return noAnswerFrom(silent);
    const all = [...uses.values()];
    return page === undefined ? all : firstBy(all, ({ name }) => name, page);
  }

  /** A page of the connections of all nodes, by connection id. @returns an error if a node has not answered */
  async connections(
    query: ConnectionsQuery,
  ): Promise<readonly (ConnectionUse & { readonly node: string })[] | ReplyError> {
    const { cluster } = this.#context.broker;
    const [known, { outcomes, silent }] = await Promise.all([
      cluster.nodes(),
      cluster.send({ kind: "connections", ...query }),
    ]);
    if (silent.length > 0) return noAnswerFrom(silent);
    const all: (ConnectionUse & { readonly node: string })[] = [];
    for (const [id, { error, data }] of outcomes) {
      if (error !== undefined) return error;
      const node = known.find((each) => each.id === id)?.name ?? id;
      for (const use of data as readonly ConnectionUse[]) all.push({ ...use, node });
    }
    return firstBy(all, ({ client }) => client, query);
  }

  /** A channel's rules, log and readers. */
  async inspect(channel: string): Promise<ChannelReport | ReplyError> {
    const policy = this.#policyFor(channel);
    if ("code" in policy) return policy;
    const { log } = this.#context.broker;
    const one = { maxEntries: 1, maxBytes: 1 };
    const [oldest, newest, uses] = await Promise.all([
      log.history(channel, { ...one, isReverse: false }),
      log.history(channel, { ...one, isReverse: true }),
      this.channels(channel.replace(/[*?]/g, "?"), { limit: maxSameNames }),
    ]);
    if ("code" in uses) return uses;
    return {
      ...describePolicy(policy),
      position: newest.position,
      oldest: oldest.publications[0]?.offset,
      newestTime: newest.publications[0]?.time,
      numClients: uses.find(({ name }) => name === channel)?.numClients ?? 0,
    };
  }

  /**
   * What the rules of a channel say for a user: what it may do as long as it is not subscribed, and once it is.
   * @throws what the application throws
   */
  async explain(
    channel: string,
    { user, roles = [] }: { readonly user: string; readonly roles?: readonly string[] | undefined },
  ): Promise<ExplainedChannel | ReplyError> {
    const policy = this.#policyFor(channel);
    if ("code" in policy) return policy;
    const actor = { user, client: "explain", roles };
    const actions = await Promise.all(
      channelActions.map(async (action) => ({
        action,
        allows: policy.described?.allow[action] ?? "everybody",
        isAllowed: await policy.may(action, actor, false),
        isAllowedOnceSubscribed: await policy.may(action, actor, true),
      })),
    );
    return { ...describePolicy(policy), actions };
  }

  /** What each node counts, and the nodes that have not answered. */
  async nodes(): Promise<NodesReport> {
    const { cluster } = this.#context.broker;
    const [known, { outcomes, silent }] = await Promise.all([
      cluster.nodes(),
      cluster.send({ kind: "stats" }),
    ]);
    return {
      nodes: known.flatMap((node) => {
        const stats = outcomes.get(node.id)?.data as NodeStats | undefined;
        return stats ? [{ ...node, stats }] : [];
      }),
      silent: known.filter(({ id }) => silent.includes(id)),
    };
  }

  /** What each node did lately, and the nodes that have not answered. @param after Unix milliseconds, by each node's clock */
  async load(after: number): Promise<{
    readonly nodes: readonly (ClusterNode & { readonly samples: readonly LoadSample[] })[];
    readonly silent: readonly ClusterNode[];
  }> {
    const { cluster } = this.#context.broker;
    const [known, { outcomes, silent }] = await Promise.all([
      cluster.nodes(),
      cluster.send({ kind: "load", after }),
    ]);
    return {
      nodes: known.flatMap((node) => {
        const samples = outcomes.get(node.id)?.data as readonly LoadSample[] | undefined;
        return samples ? [{ ...node, samples }] : [];
      }),
      silent: known.filter(({ id }) => silent.includes(id)),
    };
  }

  /** Runs a command on all nodes; on this one at once. @returns the first failure, or which nodes have not answered */
  async #send(command: SessionCommand): Promise<ReplyError | undefined> {
    try {
      // Drops other members of the caller's object, which other nodes must not get.
      const { user, client, session } = command.target;
      const target = {
        user,
        ...(client !== undefined && { client }),
        ...(session !== undefined && { session }),
      };
      const { outcomes, silent } = await this.#context.broker.cluster.send({ ...command, target });
      for (const { error } of outcomes.values()) if (error !== undefined) return error;
      return silent.length === 0 ? undefined : noAnswerFrom(silent);
    } catch (error) {
      // A server that is not open has no sessions.
      if (hasCode(error, "HF_BROKER_CLOSED")) return undefined;
      throw error;
    }
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
