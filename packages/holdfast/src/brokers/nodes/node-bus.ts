/**
 * What a store offers nodes to talk to each other: messages to one node, or to all others. The cluster and the presence store of
 * several nodes are built on it (node-cluster.ts, node-presence.ts), the same for every store.
 */

/** What a bus reports. Calls MUST NOT throw. */
export interface NodeBusEvents {
  onMessage(message: Uint8Array): void;
  /** Messages to and from this node are lost from now on, until `onConnect`. */
  onDisconnect(): void;
  onConnect(): void;
  /** The connection of another node has ended, and most likely its process: it is gone unless it is heard of again soon. */
  onNodeLost(node: string): void;
}

/**
 * Messages of one node MUST reach each other node in the order they were sent, at most once, unless they are lost: while a
 * connection is down, or as long as a node is not there. The sender does not get its own.
 */
export interface NodeBus {
  /**
   * Called once, before anything else. Resolves when messages for this node arrive.
   * @param node the id of this node
   */
  open(node: string, events: NodeBusEvents): Promise<void>;
  /** Sends what it was given before, and ends; also while it is being opened. */
  close(): Promise<void>;
  /** @param to a node's id; undefined for all other nodes. Never throws: a message that cannot be sent is lost. */
  send(message: Uint8Array, to?: string): void;
}
