/**
 * Contract of what connects the nodes of a server: which there are, and commands to sessions on any of them. Knows nothing of
 * logs and presence. One process alone is a cluster of one node.
 *
 * For every cluster:
 * - A command MUST reach the handler of every living node, this one included, once. Commands of one node MUST reach each
 *   handler in the order they were sent.
 * - `send` MUST resolve when all living nodes have answered, or when those that have not had their time, and then name them.
 *   It MUST NOT reject because one node fails: that node's answer says so.
 * - A node that has died MUST be gone from `nodes` within a stated time, and MUST NOT be waited for from then on.
 * - Commands and answers MUST be plain data: what JSON keeps of them is all that arrives.
 */
import type { Disconnect, ReplyError } from "../wire/codes.js";
import type { RecoverParams } from "../wire/messages.js";
import type { Payload } from "../wire/payload.js";

export interface ClusterNode {
  /** Random, new with each start. */
  readonly id: string;
}

/** Sessions that a command is for: all of a user, or of those the one with the connection id. */
export interface SessionTarget {
  readonly user: string;
  /** Connection id. */
  readonly client?: string | undefined;
}

/** What a subscription is granted that is made for a client without its asking. */
export interface CommandGrant {
  readonly info?: Payload;
  readonly data?: Payload;
  /** Unix milliseconds. */
  readonly expiresAt?: number;
  /** Rules of the channel that differ for this subscription, by their names. */
  readonly overrides?: {
    readonly hasPresence?: boolean;
    readonly hasJoinLeave?: boolean;
    readonly isJoinLeaveForced?: boolean;
    readonly isRecoveryForced?: boolean;
  };
}

export type ClusterCommand = { readonly target: SessionTarget } & (
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
      readonly info?: Payload;
    }
  | { readonly kind: "send"; readonly data: Payload }
);

/** What a node says of a command: nothing, or why it could not do all of it. */
export interface CommandOutcome {
  readonly error?: ReplyError;
}

export interface ClusterAnswer {
  /** Outcomes of the nodes that have answered, by their ids. */
  readonly outcomes: ReadonlyMap<string, CommandOutcome>;
  /** Ids of living nodes that have not answered in time. */
  readonly silent: readonly string[];
}

/** What a node is told. */
export interface ClusterEvents {
  /** MUST NOT reject: a failure is an outcome. */
  onCommand(command: ClusterCommand): Promise<CommandOutcome>;
  /** The history of a channel was removed, on whichever node: what this one has of it no longer counts. MUST NOT throw. */
  onHistoryRemoved(channel: string): void;
}

export interface Cluster {
  /** This node's id. */
  readonly id: string;
  /** Called once, before anything else. */
  open(events: ClusterEvents): Promise<void>;
  /** Ends everything; later calls reject with HF_BROKER_CLOSED. */
  close(): Promise<void>;

  /** The living nodes, this one included. */
  nodes(): Promise<readonly ClusterNode[]>;
  send(command: ClusterCommand): Promise<ClusterAnswer>;
  /** Tells every node that a channel's history was removed. Resolves when this node knows; others may hear of it later. */
  announceHistoryRemoved(channel: string): Promise<void>;
}
