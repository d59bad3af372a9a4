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
  #node: ClusterNode = Object.freeze({ id: "local", name: "local", version: "", startedAt: 0 });
  #events: ClusterEvents | undefined;

  get id(): string {
    return this.#node.id;
  }

  async open(events: ClusterEvents, node = this.#node): Promise<void> {
    this.#node = node;
    this.#events = events;
  }

  async close(): Promise<void> {
    this.#events = undefined;
  }

  async nodes(): Promise<readonly ClusterNode[]> {
    this.#opened();
    return [this.#node];
  }

  async send(command: ClusterCommand, node = this.id): Promise<ClusterAnswer> {
    const events = this.#opened();
    if (node !== this.id) return { outcomes: new Map(), silent: [node] };
    const outcome = await events.onCommand(command);
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
