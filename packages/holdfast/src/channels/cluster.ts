/**
 * The contract of a cluster, which connects the nodes of a server: lists them, and sends commands to sessions on any of them.
 * Knows nothing about logs and presence. A single process is a cluster of one node.
 *
 * For every cluster:
 * - A command MUST reach the handler of every living node, this one included, once. Commands of one node MUST reach each
 *   handler in the order they were sent.
 * - `send` MUST resolve when all living nodes have answered, or after a timeout, naming those that have not. It MUST NOT reject
 *   because one node fails: that node's answer says so.
 * - A node that has died MUST be gone from `nodes` within a stated time, and MUST NOT be waited for after that.
 * - Commands and answers MUST be plain data: only what JSON can represent arrives.
 */
import type { Disconnect, ReplyError } from "../wire/codes.js";
import type { RecoverParams } from "../wire/messages.js";
import type { JsonText, Payload } from "../wire/payload.js";

export interface ClusterNode {
  /** Random, new with each start. */
  readonly id: string;
  /** For people: host name and process id. */
  readonly name: string;
  /** Of Holdfast; nodes of several versions may run side by side. */
  readonly version: string;
  /** Unix milliseconds, by the node's own clock. */
  readonly startedAt: number;
}

/** The sessions that a command is for: all of a user, or the one of them with the connection id, or the session id. */
export interface SessionTarget {
  readonly user: string;
  /** Connection id. */
  readonly client?: string | undefined;
  /** The `session` of its connect reply, which connections have that are emulated by requests. */
  readonly session?: string | undefined;
}

/** What the server grants with a subscription that it makes for a client. */
export interface CommandGrant {
  readonly info?: JsonText;
  readonly data?: Payload;
  /** Unix milliseconds. */
  readonly expiresAt?: number;
  /** Rules of the channel that differ for this subscription. */
  readonly overrides?: {
    readonly hasPresence?: boolean;
    readonly hasJoinLeave?: boolean;
    readonly isJoinLeaveForced?: boolean;
    readonly isRecoveryForced?: boolean;
  };
}

/** Acts on sessions, wherever they are. */
export type SessionCommand = { readonly target: SessionTarget } & (
  | {
      readonly kind: "subscribe";
      readonly channel: string;
      readonly grant: CommandGrant;
      readonly recover?: RecoverParams;
    }
  /** Without a channel: from all channels. */
  | { readonly kind: "unsubscribe"; readonly channel?: string }
  /** @param except connection ids that stay */
  | { readonly kind: "disconnect"; readonly reason: Disconnect; readonly except: readonly string[] }
  | {
      readonly kind: "refresh";
      readonly isExpired: boolean;
      /** Unix milliseconds; left out for never. */
      readonly expiresAt?: number;
      readonly info?: JsonText;
    }
  | { readonly kind: "send"; readonly data: Payload }
);

/** Asks nodes for what only they know. */
export type NodeQuery =
  /** Data: `NodeStats`. */
  | { readonly kind: "stats" }
  /**
   * Channels with subscribers, by name: up to `limit`, after a name. Data: an object with the number of clients by channel;
   * with positions, with `ChannelCount` by channel.
   */
  | {
      readonly kind: "channels";
      readonly pattern?: string;
      readonly after?: string;
      readonly limit?: number;
      readonly hasPositions?: true;
    }
  /** Connections, by id: up to `limit`, after an id. Data: a list of `ConnectionUse`. */
  | ({ readonly kind: "connections" } & ConnectionsQuery)
  /** What is known of a user's connections and a channel. Data: `Recollection` (sessions/recorder.ts). */
  | { readonly kind: "why"; readonly query: WhyQuery }
  /** Data: what nodes of the group count, `null` for others. */
  | { readonly kind: "metrics"; readonly group: string }
  /** What the node did lately, after a time in Unix milliseconds. Data: a list of `LoadSample`, oldest first. */
  | { readonly kind: "load"; readonly after: number };

/** A channel with subscribers on a node, and its log as the node knows it. */
export interface ChannelCount {
  readonly clients: number;
  readonly epoch: string;
  readonly offset: number;
}

export interface ConnectionsQuery {
  readonly user?: string;
  /** Of user ids: `*` matches any characters, `?` exactly one. */
  readonly userPattern?: string;
  /** Only this connection. */
  readonly client?: string;
  /** Only those subscribed to it. */
  readonly channel?: string;
  /** Only those that are behind. */
  readonly isBehind?: true;
  /** With the state of each subscription: of all, or of the channel that is asked for. */
  readonly hasSubscriptions?: true;
  readonly after?: string;
  readonly limit: number;
}

/** Where a reader stands in a channel. */
export interface SubscriptionUse {
  readonly channel: string;
  readonly epoch: string;
  /** Of the last publication that it was given. */
  readonly offset: number;
  /** Of the newest publication. */
  readonly head: number;
  readonly state: string;
}

/** A connection of a node. */
export interface ConnectionUse {
  readonly client: string;
  readonly user: string;
  readonly transport: string;
  readonly codec?: string;
  /** Where from, as a trusted proxy names it or the socket has it. */
  readonly address?: string;
  /** What the client says that it is. */
  readonly name?: string;
  readonly version?: string;
  /** Unix milliseconds; of one that lacks publications. */
  readonly behindSince?: number;
  /** Unix milliseconds. */
  readonly openedAt: number;
  readonly unsentBytes: number;
  /** At most 100. */
  readonly channels: readonly string[];
  readonly numChannels: number;
  /** If they were asked for; at most 100. */
  readonly subscriptions?: readonly SubscriptionUse[];
}

/** A question about one user and one channel. */
export interface WhyQuery {
  readonly channel: string;
  readonly user: string;
  /** One of the user's connections. */
  readonly client?: string;
  readonly idempotencyKey?: string;
  /** The publication in question; without a time, it is no longer kept. */
  readonly publication?: {
    readonly epoch: string;
    readonly offset: number;
    readonly time?: number;
    readonly tags?: Readonly<Record<string, string>>;
  };
}

/** A publication for the readers of this moment, which is not stored and has no offset. */
export interface AnnounceCommand {
  readonly kind: "announce";
  readonly channel: string;
  readonly data: Payload;
  readonly tags?: Readonly<Record<string, string>>;
}

/** A value for those who track its key in a polled channel. */
export interface PollCommand {
  readonly kind: "poll";
  readonly channel: string;
  readonly item: {
    readonly key: string;
    readonly data: Payload;
    readonly version?: number;
    readonly isRemoved?: true;
  };
}

/** Commands of a client whose connection is emulated by requests, which may reach any node. Data: `EmulationResult`. */
export interface EmulateCommand {
  readonly kind: "emulate";
  /** The secret id of the session. */
  readonly session: string;
  readonly data: Payload;
}

export type ClusterCommand = SessionCommand | NodeQuery | EmulateCommand | AnnounceCommand | PollCommand;

/** What a node did with emulated commands: the session took them, or too many wait for it. */
export type EmulationResult = "taken" | "full";

/** What a node counts. */
export interface NodeStats {
  readonly connections: number;
  readonly users: number;
  readonly subscriptions: number;
  readonly channels: number;
  /** Since the node started, in seconds. */
  readonly uptimeSeconds: number;
  /** Of its process, since it was last asked: in percent of one core. */
  readonly cpuPercent?: number;
  /** Of the node's process, broker and store; older versions leave it out. */
  readonly health?: NodeHealth;
}

export interface NodeHealth {
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Of the processor, since the start. */
  readonly cpuSeconds: number;
  /** Bytes that wait for slow connections, and bytes of the newest entries of channels. */
  readonly heldBytes: number;
  readonly ringBytes: number;
  /** Failures in the background, since the start. */
  readonly errors: number;
  /** Its name. */
  readonly broker: string;
  readonly isBrokerReachable: boolean;
  /** Since the start: how often it was lost, and how often missed events were read from the log. */
  readonly brokerDisconnects: number;
  readonly positionRepairs: number;
  readonly recovered: number;
  readonly notRecovered: number;
  /** Of the node that has the store of this machine open. */
  readonly store?: StoreUse;
}

export interface StoreUse {
  readonly indexBytes: number;
  readonly journalBytes: number;
  /** Of publications on their way to the index. */
  readonly pendingBytes: number;
  readonly channels: number;
  /** Publications written since the start, and the writes that took them. */
  readonly publications: number;
  readonly commits: number;
  readonly commitSeconds: number;
}

/** What a node counts at a moment. Counters are totals since its start, so that the difference of two samples is a rate. */
export interface LoadSample {
  /** Unix milliseconds, by the node's clock. */
  readonly at: number;
  readonly connections: number;
  readonly subscriptions: number;
  /** Counter: publications that were made on the node. */
  readonly published: number;
  /** Counter: publications handed to subscribers, each counted once a subscriber. */
  readonly delivered: number;
  /** Counters. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Slow connections. */
  readonly behind: number;
  /** The longest delay of the event loop since the sample before. */
  readonly loopLagMs: number;
}

/** A node's result of a command: the data of a query, or why some or all of a command failed. */
export interface CommandOutcome {
  readonly error?: ReplyError;
  readonly data?: unknown;
}

export interface ClusterAnswer {
  /** Outcomes of the nodes that have answered, by node id. */
  readonly outcomes: ReadonlyMap<string, CommandOutcome>;
  /** Ids of living nodes that have not answered in time. */
  readonly silent: readonly string[];
}

/** What a cluster reports to its node. */
export interface ClusterEvents {
  /** MUST NOT reject: a failure is an outcome. */
  onCommand(command: ClusterCommand): Promise<CommandOutcome>;
  /** The history of a channel was removed on some node: this node's copy of it is invalid. MUST NOT throw. */
  onHistoryRemoved(channel: string): void;
}

/**
 * Counts that all nodes share, for limits such as connections of a user. What a node has taken is released when it dies.
 */
export interface ClusterCounts {
  /**
   * Adds one to the count of a key unless it has reached the maximum. Increments of all nodes are ordered, so the count never
   * exceeds it.
   * @returns whether it was added
   */
  take(key: string, max: number): Promise<boolean>;
  /** Undoes one `take` of this node that has resolved with true. */
  release(key: string): void;
}

export interface Cluster {
  /** Undefined where limits hold for each node by itself. */
  readonly counts?: ClusterCounts;
  /** This node's id, once it is open. */
  readonly id: string;
  /** Called once, before anything else. */
  open(events: ClusterEvents, node: ClusterNode): Promise<void>;
  /** Ends everything; later calls reject with HF_BROKER_CLOSED. */
  close(): Promise<void>;

  /** The living nodes, this one included. */
  nodes(): Promise<readonly ClusterNode[]>;
  /** @param node sends it to this node only; one that is not alive is silent */
  send(command: ClusterCommand, node?: string): Promise<ClusterAnswer>;
  /** Tells every node that a channel's history was removed. Resolves when this node knows; others may hear of it later. */
  announceHistoryRemoved(channel: string): Promise<void>;
}
