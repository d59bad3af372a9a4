/**
 * The cluster of several nodes, over what connects them (node-messages.ts): commands are ordered requests, and removals of history
 * are announced to all. An announcement may be lost, so each node numbers its own and tells the newest number with every beat; whoever has
 * missed some asks for the recent ones. If those are no longer known, everything that the node has a copy of counts as removed.
 * Only the removals of a node that dies before the next beat can stay unknown to others.
 */
import type {
  Cluster,
  ClusterAnswer,
  ClusterCommand,
  ClusterCounts,
  ClusterEvents,
  ClusterNode,
  CommandOutcome,
} from "../../channels/cluster.js";
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import { replyError } from "../../wire/codes.js";
import type { NodeMessages, Peer } from "./node-messages.js";
import type { Answers, NodeRequests } from "./node-requests.js";

export interface NodeClusterOptions {
  readonly clock: Pick<Clock, "elapsed" | "setTimer">;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
  /** Channels that this node has a copy of: what counts as removed if it is not known which were. */
  readonly subscribedChannels: () => Iterable<string>;
  /** How long answers are waited for, those of this node included. @default 3000 */
  readonly commandTimeoutMs?: number;
  /** Most commands that wait for answers. @default 10,000 */
  readonly maxCommands?: number;
  /** Counts that the store keeps for all nodes. */
  readonly counts?: ClusterCounts;
}

/** What a node knows of another's removals. */
interface Removals {
  /** The newest that is known, with all before. */
  known: number;
  isFetching: boolean;
}

/** Answered to a node that has missed removals. Without channels: they are no longer known. */
interface MissedRemovals {
  readonly count: number;
  readonly channels?: readonly string[];
}

const defaultTimeoutMs = 3000;
const defaultMaxCommands = 10_000;
const maxRemovals = 1000;

export class NodeCluster implements Cluster {
  readonly counts?: ClusterCounts;
  readonly #messages: NodeMessages;
  readonly #requests: NodeRequests;
  readonly #options: NodeClusterOptions;
  readonly #timeoutMs: number;
  readonly #removals = new WeakMap<Peer, Removals>();
  /** The newest that this node has announced, oldest first. */
  readonly #announced: string[] = [];
  #announcements = 0;
  #commands = 0;
  #node: ClusterNode | undefined;
  #events: ClusterEvents | undefined;

  /** @param messages opened and closed with the cluster */
  constructor(messages: NodeMessages, requests: NodeRequests, options: NodeClusterOptions) {
    this.#messages = messages;
    this.#requests = requests;
    this.#options = options;
    this.#timeoutMs = options.commandTimeoutMs ?? defaultTimeoutMs;
    if (options.counts) this.counts = options.counts;
    requests.serve("command", (command) => this.#run(command as ClusterCommand), { isOrdered: true });
    requests.serve("removals", (since) => this.#removalsSince(Number(since)));
    messages.setBeatFields(() => ({ removals: this.#announcements }));
    messages.on("beat", ({ removals }, peer) => this.#updateRemovals(peer, Number(removals ?? 0)));
    messages.on("removed", ({ number, channel }, peer) =>
      this.#updateRemovals(peer, Number(number), String(channel)),
    );
  }

  get id(): string {
    return this.#messages.id;
  }

  /** @throws what opening the bus throws */
  async open(events: ClusterEvents, node: ClusterNode): Promise<void> {
    this.#events = events;
    this.#node = node;
    await this.#messages.open(node);
  }

  async close(): Promise<void> {
    this.#events = undefined;
    const closed = this.#messages.close();
    this.#requests.close();
    await closed;
  }

  async nodes(): Promise<readonly ClusterNode[]> {
    this.#opened();
    await this.#messages.settled();
    this.#opened();
    return [this.#node as ClusterNode, ...this.#messages.peers().map(({ node }) => node)];
  }

  /** @throws HF_BROKER_FULL if too many commands wait for answers */
  async send(command: ClusterCommand, node?: string): Promise<ClusterAnswer> {
    this.#opened();
    const { maxCommands = defaultMaxCommands } = this.#options;
    if (this.#commands >= maxCommands)
      throw new HoldfastError(
        "HF_BROKER_FULL",
        `${maxCommands} commands wait for answers of nodes, the most there may be; retry later`,
      );
    this.#commands++;
    try {
      return await this.#send(command, node);
    } finally {
      this.#commands--;
    }
  }

  async announceHistoryRemoved(channel: string): Promise<void> {
    const events = this.#opened();
    this.#announced.push(channel);
    if (this.#announced.length > maxRemovals) this.#announced.shift();
    this.#messages.send({ kind: "removed", number: ++this.#announcements, channel });
    events.onHistoryRemoved(channel);
  }

  async #send(command: ClusterCommand, node: string | undefined): Promise<ClusterAnswer> {
    const isForThis = node === undefined || node === this.id;
    // This node's own sessions need not wait for others.
    const own = isForThis ? this.#withTimeout(this.#run(command)) : undefined;
    await this.#messages.settled();
    const { nodes, unreachable } = this.#targets(node);
    const { answers, faults, silent }: Answers = await this.#requests.ask("command", command, {
      nodes,
      timeoutMs: this.#timeoutMs,
    });
    const outcomes = new Map<string, CommandOutcome>();
    const ownOutcome = await own;
    this.#opened();
    if (ownOutcome) outcomes.set(this.id, ownOutcome);
    for (const [id, outcome] of answers) outcomes.set(id, outcome as CommandOutcome);
    for (const [id, fault] of faults) outcomes.set(id, { error: replyError("internal", fault) });
    const isSilent = own !== undefined && ownOutcome === undefined;
    return { outcomes, silent: [...silent, ...unreachable, ...(isSilent ? [this.id] : [])] };
  }

  /** Nodes to ask, and those that cannot be asked. */
  #targets(node: string | undefined): { nodes: readonly string[]; unreachable: readonly string[] } {
    const idsOf = (peers: readonly Peer[]) => peers.map(({ id }) => id);
    if (node === undefined)
      return {
        nodes: idsOf(this.#messages.peers()),
        unreachable: idsOf(this.#messages.peers("unreachable")),
      };
    if (node === this.id) return { nodes: [], unreachable: [] };
    return this.#messages.isLiving(node)
      ? { nodes: [node], unreachable: [] }
      : { nodes: [], unreachable: [node] };
  }

  async #run(command: ClusterCommand): Promise<CommandOutcome> {
    try {
      return await this.#opened().onCommand(command);
    } catch (error) {
      this.#options.onError(error, { stage: `command ${command.kind} of the cluster` });
      return { error: replyError("internal") };
    }
  }

  /** @returns undefined if it takes too long */
  async #withTimeout(outcome: Promise<CommandOutcome>): Promise<CommandOutcome | undefined> {
    let cancel = (): void => {};
    const timeout = new Promise<undefined>((resolve) => {
      cancel = this.#options.clock.setTimer(() => resolve(undefined), this.#timeoutMs);
    });
    try {
      return await Promise.race([outcome, timeout]);
    } finally {
      cancel();
    }
  }

  #removalsSince(since: number): MissedRemovals {
    const count = this.#announcements;
    const missed = count - since;
    if (missed > this.#announced.length) return { count };
    return { count, channels: missed > 0 ? this.#announced.slice(-missed) : [] };
  }

  /** @param count how many removals the node has announced; with a channel: this is the newest */
  #updateRemovals(peer: Peer, count: number, channel?: string): void {
    const removals = this.#removals.get(peer) ?? { known: 0, isFetching: false };
    this.#removals.set(peer, removals);
    if (channel !== undefined && count === removals.known + 1) {
      removals.known = count;
      this.#events?.onHistoryRemoved(channel);
    } else if (count > removals.known && !removals.isFetching) this.#fetchRemovals(peer, removals);
  }

  /** If no answer comes, the next beat asks again. */
  #fetchRemovals({ id }: Peer, removals: Removals): void {
    const onAnswer = (_node: string, answer: unknown) => {
      const { count, channels } = answer as MissedRemovals;
      removals.known = Math.max(removals.known, count);
      for (const channel of channels ?? [...this.#options.subscribedChannels()])
        this.#events?.onHistoryRemoved(channel);
    };
    removals.isFetching = true;
    const ask = { nodes: [id], timeoutMs: this.#timeoutMs, onAnswer };
    this.#requests
      .ask("removals", removals.known, ask)
      .catch((error: unknown) => this.#options.onError(error, { stage: "asking for removals of history" }))
      .finally(() => {
        removals.isFetching = false;
      });
  }

  #opened(): ClusterEvents {
    if (this.#events === undefined) throw new HoldfastError("HF_BROKER_CLOSED");
    return this.#events;
  }
}
