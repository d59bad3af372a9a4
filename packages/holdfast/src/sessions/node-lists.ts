/**
 * Lists of what this node has, page by page: channels with subscribers, and connections. They are walked in parts, between which
 * messages have their turn, and one list at a time: a list of 100,000 delays nobody, and holds one page in memory.
 */
import type { Channel, Subscription } from "../channels/channel.js";
import type { Channels } from "../channels/channels.js";
import type {
  ChannelCount,
  ConnectionsQuery,
  ConnectionUse,
  NodeQuery,
  SubscriptionUse,
} from "../channels/cluster.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import { matcherOf, Page } from "../wire/names.js";
import type { SessionRegistry } from "./registry.js";
import type { Session } from "./session.js";

export interface NodeListsOptions {
  readonly sessions: SessionRegistry;
  readonly channels: Channels;
  /** Resolves once everything else has had its turn. */
  readonly nextTurn: () => Promise<void>;
}

/** Of a node in one answer without pages. */
const maxListedChannels = 10_000;
/** Of one connection in a list. */
const maxListedSubscriptions = 100;
/** Looked at in one turn. */
const partSize = 1000;
/** Lists that wait for the one before. */
const maxWaiting = 32;

type ChannelCounts = Record<string, number | ChannelCount>;

export class NodeLists {
  readonly #options: NodeListsOptions;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: NodeListsOptions) {
    this.#options = options;
  }

  async channels(query: Extract<NodeQuery, { kind: "channels" }>): Promise<ChannelCounts | ReplyError> {
    const { pattern = "", limit, after, hasPositions } = query;
    const matches = matcherOf(pattern);
    const isListed = ({ name, subscriptions }: Channel) => subscriptions.size > 0 && matches(name);
    const { channels } = this.#options;
    const page = new Page<Channel>(({ name }) => name, { after, limit: limit ?? maxListedChannels });
    const failure = await this.#inTurn(() => {
      if (pattern !== "" && !/[*?]/.test(pattern))
        return this.#offer(one(channels.find(pattern)), isListed, page);
      return this.#offer(channels.all(), isListed, page);
    });
    return (
      failure ??
      Object.fromEntries(page.end().map((channel) => [channel.name, countOf(channel, hasPositions)]))
    );
  }

  /** Connections whose user is known, by connection id. */
  async connections(query: ConnectionsQuery): Promise<readonly ConnectionUse[] | ReplyError> {
    const { user, userPattern, client, channel, isBehind } = query;
    const { sessions } = this.#options;
    const matches = matcherOf(userPattern);
    const isListed = (session: Session) =>
      session.trace.note !== undefined &&
      (user === undefined || session.user === user) &&
      matches(session.user) &&
      (channel === undefined || session.channels.has(channel)) &&
      (isBehind === undefined || session.trace.behindSince !== undefined);
    const page = new Page<Session>(({ id }) => id, query);
    const failure = await this.#inTurn(() => {
      if (client !== undefined) return this.#offer(one(sessions.session(client)), isListed, page);
      return this.#offer(user === undefined ? sessions.all() : sessions.sessionsOf(user), isListed, page);
    });
    return failure ?? page.end().map((session) => useOf(session, query));
  }

  async #offer<T>(items: Iterable<T>, isListed: (item: T) => boolean, page: Page<T>): Promise<void> {
    let left = partSize;
    for (const item of items) {
      if (isListed(item)) page.offer(item);
      if (--left > 0) continue;
      left = partSize;
      await this.#options.nextTurn();
    }
  }

  /** After the lists that were asked for before. @returns why it was not made */
  async #inTurn(walk: () => Promise<void>): Promise<ReplyError | undefined> {
    if (this.#waiting >= maxWaiting)
      return replyError("tooManyRequests", `${maxWaiting} lists of this node wait already`);
    this.#waiting++;
    const walked = this.#last.then(walk);
    this.#last = walked.catch(() => {});
    try {
      await walked;
      return undefined;
    } finally {
      this.#waiting--;
    }
  }
}

function one<T>(item: T | undefined): readonly T[] {
  return item === undefined ? [] : [item];
}

function countOf({ subscriptions: { size: clients }, epoch, head: offset }: Channel, hasPositions?: true) {
  return hasPositions ? { clients, epoch, offset } : clients;
}

function useOf(session: Session, { channel, hasSubscriptions }: ConnectionsQuery): ConnectionUse {
  const { id, user, channels, transport, openedAt, unsentBytes, trace } = session;
  const { behindSince, origin } = trace;
  return {
    client: id,
    user,
    transport: transport.name,
    codec: transport.encoding.codec.name,
    ...origin,
    openedAt,
    unsentBytes,
    ...(behindSince !== undefined && { behindSince }),
    channels: [...channels.names].slice(0, maxListedSubscriptions),
    numChannels: channels.count,
    ...(hasSubscriptions && { subscriptions: subscriptionsOf(session, channel) }),
  };
}

function subscriptionsOf({ channels }: Session, name: string | undefined): SubscriptionUse[] {
  const asked = name === undefined ? channels.subscriptions() : one(channels.subscriptionOf(name));
  const uses: SubscriptionUse[] = [];
  for (const subscription of asked) if (uses.push(placeOf(subscription)) >= maxListedSubscriptions) break;
  return uses;
}

function placeOf({ channel, offset, state }: Subscription): SubscriptionUse {
  const { name, epoch, head } = channel;
  return { channel: name, epoch, offset, head, state };
}
