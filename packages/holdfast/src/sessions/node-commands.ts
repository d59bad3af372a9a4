/**
 * Carries out commands of the cluster on the sessions and waiting requests of this node. control.ts sends them, on any node. Needs
 * no permission.
 */
import type {
  AnnounceCommand,
  ClusterCommand,
  CommandOutcome,
  EmulationResult,
  LoadSample,
  NodeStats,
  PollCommand,
  SessionCommand,
  SessionTarget,
  WhyQuery,
} from "../channels/cluster.js";
import { disconnect, type ReplyError, reconnectsAfter, replyError, unsubscribeTable } from "../wire/codes.js";
import type { Payload } from "../wire/payload.js";
import { expectedFailure } from "./commands.js";
import { paramsFor } from "./connecting.js";
import type { SessionContext } from "./context.js";
import { isRevoked } from "./data-access.js";
import type { Identity, SubscriptionGrant } from "./identity.js";
import { NodeLists } from "./node-lists.js";
import type { LiveFacts, Recollection } from "./recorder.js";
import type { SessionRegistry } from "./registry.js";
import type { Session } from "./session.js";

/** A request that waits for publications of a channel. */
export interface WaitingRequest {
  readonly identity: Identity;
  readonly grant: SubscriptionGrant;
  readonly channel: string;
}

/** The waiting requests of this node, which commands may end. */
export interface WaitingRequests {
  refuseWhere(matches: (waiting: WaitingRequest) => boolean, error: ReplyError): void;
}

/** Parts of this node that commands concern, besides its sessions. */
export interface NodeParts {
  /** Treated like connections. */
  readonly requests?: WaitingRequests;
  stats(): NodeStats;
  /** What this node counts, for others of the same group. Plain data. */
  metrics(group: string): unknown;
  /** What it did lately, after a time in Unix milliseconds. */
  load?(after: number): readonly LoadSample[];
  /** Resolves once everything else has had its turn. @default at once */
  nextTurn?(): Promise<void>;
  /** Hands over commands of an emulated session. */
  emulate(session: string, data: Payload): EmulationResult;
}

type CommandOf<K extends SessionCommand["kind"]> = Extract<SessionCommand, { kind: K }>;

const noOutcome: CommandOutcome = Object.freeze({});
const noGrant: SubscriptionGrant = Object.freeze({});

export class NodeCommands {
  readonly #sessions: SessionRegistry;
  readonly #context: SessionContext;
  readonly #node: NodeParts;
  readonly #lists: NodeLists;

  constructor(sessions: SessionRegistry, context: SessionContext, node: NodeParts) {
    this.#sessions = sessions;
    this.#context = context;
    this.#node = node;
    const nextTurn = async () => await node.nextTurn?.();
    this.#lists = new NodeLists({ sessions, channels: context.channels, nextTurn });
  }

  /** Begins at once. Never rejects: a failure is the outcome. */
  async run(command: ClusterCommand): Promise<CommandOutcome> {
    try {
      if (command.kind === "stats") return { data: this.#node.stats() };
      if (command.kind === "channels") return outcomeOf(await this.#lists.channels(command));
      if (command.kind === "connections") return outcomeOf(await this.#lists.connections(command));
      if (command.kind === "load") return { data: this.#node.load?.(command.after) ?? [] };
      if (command.kind === "why") return { data: this.#recall(command.query) };
      if (command.kind === "metrics") return { data: this.#node.metrics(command.group) };
      if (command.kind === "announce") return this.#announce(command);
      if (command.kind === "poll") return this.#poll(command);
      if (command.kind === "emulate") return { data: this.#node.emulate(command.session, command.data) };
      const error = await this.#run(command);
      return error === undefined ? noOutcome : { error };
    } catch (error) {
      const expected = expectedFailure(error);
      if (expected === undefined)
        this.#context.onError(error, { stage: `command ${command.kind} of the server` });
      return { error: expected ?? replyError("internal") };
    }
  }

  #poll({ channel, item }: PollCommand): CommandOutcome {
    this.#context.polls.publish(channel, item);
    return noOutcome;
  }

  #announce({ channel, data, tags }: AnnounceCommand): CommandOutcome {
    const { channels, clock } = this.#context;
    channels.announcePublication(channel, { data, offset: 0, time: clock.now(), ...(tags && { tags }) });
    return noOutcome;
  }

  /** Ends everything that came with revoked tokens: connections, subscriptions, and waiting requests. */
  endRevoked(): void {
    const { application, access } = this.#context;
    const { isRevoked: matches } = application;
    if (matches === undefined) return;
    access.floors.removeWhere(matches);
    for (const session of this.#sessions.identifiedSessions())
      if (isRevoked(application, session.client.identity, noGrant))
        session.close(disconnect("invalidToken", "revoked"));
      else session.channels.endRevoked(matches);
    this.#node.requests?.refuseWhere(
      ({ identity, grant }) => isRevoked(application, identity, grant),
      replyError("unauthorized", "the token is revoked"),
    );
  }

  #recall(query: WhyQuery): Recollection {
    const { user, client, channel, publication } = query;
    const open = this.#find({ user, client });
    const notes = open.flatMap(({ trace: { note } }) => (note ? [note] : []));
    const { connections, ...others } = this.#context.recorder.recall(query, notes);
    const tags = publication?.time === undefined ? undefined : (publication.tags ?? {});
    return {
      ...others,
      connections: connections.map((facts) => {
        const session = open.find(({ id }) => id === facts.client);
        return session === undefined ? facts : { ...facts, live: liveFactsOf(session, channel, tags) };
      }),
    };
  }

  #run(command: SessionCommand): Promise<ReplyError | undefined> | undefined {
    switch (command.kind) {
      case "subscribe":
        return this.#subscribe(command);
      case "unsubscribe":
        return this.#unsubscribe(command);
      case "disconnect":
        this.#disconnect(command);
        return undefined;
      case "refresh":
        this.#refresh(command);
        return undefined;
      case "send":
        for (const session of this.#findConnected(command.target))
          session.sendPush({ kind: "message", data: command.data });
        return undefined;
    }
  }

  async #subscribe(command: CommandOf<"subscribe">): Promise<ReplyError | undefined> {
    const { channel } = command;
    const failures = await Promise.all(
      this.#findConnected(command.target)
        .filter(({ transport: { onlyChannel = channel } }) => onlyChannel === channel)
        .map((session) => subscribeOne(session, command)),
    );
    return failures.find((failure) => failure !== undefined);
  }

  async #unsubscribe({ target, channel }: CommandOf<"unsubscribe">): Promise<undefined> {
    const error = replyError("permissionDenied", "the server has ended this subscription");
    this.#revokeReads(target, channel);
    this.#refuse(target, error, channel);
    await Promise.all(
      this.#find(target).flatMap(({ channels }) =>
        (channel === undefined ? [...channels.names] : [channel]).map((name) =>
          channels.revoke(name, unsubscribeTable.server),
        ),
      ),
    );
  }

  #disconnect({ target, reason, except }: CommandOf<"disconnect">): void {
    // After other reasons clients may reconnect, and keep their positions.
    if (!reconnectsAfter(reason.code)) this.#revokeReads(target);
    for (const session of this.#find(target)) if (!except.includes(session.id)) session.close(reason);
    this.#refuse(
      target,
      replyError("permissionDenied", `the server has ended this connection: ${reason.reason}`),
    );
  }

  #refresh({ target, isExpired, expiresAt, info }: CommandOf<"refresh">): void {
    for (const session of this.#findConnected(target))
      if (isExpired) session.close(disconnect("connectionExpired"));
      else session.renew(expiresAt, info);
  }

  /** Invalidates positions that were issued before. All connections of a user are one reader. */
  #revokeReads(target: SessionTarget, channel?: string): void {
    const { access } = this.#context;
    const { user } = target;
    if (user !== "") access.revoke({ user, client: "" }, channel);
    else for (const { client } of this.#find(target)) access.revoke(client.actor, channel);
  }

  #find({ user, client, session }: SessionTarget): readonly Session[] {
    return this.#sessions
      .sessionsOf(user)
      .filter(
        ({ id, transport }) =>
          (client === undefined || id === client) &&
          (session === undefined || transport.emulation?.session === session),
      );
  }

  #findConnected(target: SessionTarget): readonly Session[] {
    return this.#find(target).filter(({ isConnected }) => isConnected);
  }

  /** Requests have no connection that could be named. */
  #refuse({ user, client, session }: SessionTarget, error: ReplyError, channel?: string): void {
    if (client !== undefined || session !== undefined) return;
    this.#node.requests?.refuseWhere(
      (waiting) => waiting.identity.user === user && (channel ?? waiting.channel) === waiting.channel,
      error,
    );
  }
}

function outcomeOf(data: object): CommandOutcome {
  return "isTemporary" in data ? { error: data as ReplyError } : { data };
}

function liveFactsOf(
  { channels, trace, unsentBytes }: Session,
  channel: string,
  tags: Readonly<Record<string, string>> | undefined,
): LiveFacts {
  const { behindSince } = trace;
  const subscription = channels.subscriptionOf(channel);
  return {
    unsentBytes,
    ...(behindSince !== undefined && { behindSince }),
    ...(subscription && {
      subscription: {
        epoch: subscription.channel.epoch,
        offset: subscription.offset,
        head: subscription.channel.head,
        state: subscription.state,
        ...(tags && subscription.view.filter && { isFiltered: !subscription.view.filter.passes(tags) }),
      },
    }),
  };
}

/** If one connection cannot be subscribed, the others stay subscribed. */
async function subscribeOne(
  session: Session,
  { channel, grant, recover }: CommandOf<"subscribe">,
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
  // Already subscribed is what was asked for.
  if (failure === undefined || "disconnect" in failure || failure.error.code === 105) return undefined;
  return failure.error;
}
