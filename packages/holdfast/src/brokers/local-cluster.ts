/** The cluster of one process: one node, whose handler is called at once. */
import type {
  Cluster,
  ClusterAnswer,
  ClusterCommand,
  ClusterEvents,
  ClusterNode,
} from "../channels/cluster.js";
import { HoldfastError } from "../errors.js";

export class LocalCluster implements Cluster {
  readonly id = "local";
  #events: ClusterEvents | undefined;

  async open(events: ClusterEvents): Promise<void> {
    this.#events = events;
  }

  async close(): Promise<void> {
    this.#events = undefined;
  }

  async nodes(): Promise<readonly ClusterNode[]> {
    this.#opened();
    return [{ id: this.id }];
  }

  async send(command: ClusterCommand): Promise<ClusterAnswer> {
    const outcome = await this.#opened().onCommand(command);
    return { outcomes: new Map([[this.id, outcome]]), silent: [] };
  }

  async announceHistoryRemoved(channel: string): Promise<void> {
    this.#opened().onHistoryRemoved(channel);
  }

  #opened(): ClusterEvents {
    if (this.#events === undefined) throw new HoldfastError("HF_BROKER_CLOSED");
    return this.#events;
  }
}
