/**
 * Clients of other nodes that are in channels which this node follows, as far as its readers know: so that a join is announced only of
 * a client that they do not know, and a leave only of one that they know, also when its node dies. By channel and node. Bounded:
 * clients beyond are not kept, and their announcements are passed on as they come.
 */
import { Round } from "../../channels/round.js";
import type { ClientInfo } from "../../wire/messages.js";

interface Known {
  readonly info: ClientInfo;
  /** Whether its node has a presence entry of it. */
  readonly isListed: boolean;
}

interface Followed {
  /** Whether everybody who was there before was asked for. */
  isComplete: boolean;
  /** By node id, then by connection id. */
  readonly nodes: Map<string, Map<string, Known>>;
}

export class RemoteClients {
  readonly #max: number;
  readonly #channels = new Map<string, Followed>();
  readonly #round = new Round(this.#channels);
  #size = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Clients of all channels. */
  get size(): number {
    return this.#size;
  }

  /** Channels that are followed. */
  get channels(): Iterable<string> {
    return this.#channels.keys();
  }

  get numChannels(): number {
    return this.#channels.size;
  }

  /** @returns whether the channel was not followed before */
  follow(channel: string): boolean {
    if (this.#channels.has(channel)) return false;
    this.#channels.set(channel, { isComplete: false, nodes: new Map() });
    return true;
  }

  /** All clients that were in the channel are known. */
  complete(channel: string): void {
    const followed = this.#channels.get(channel);
    if (followed && this.#size < this.#max) followed.isComplete = true;
  }

  /** @returns `untracked` if there is no room, or the channel is not followed */
  add(channel: string, node: string, info: ClientInfo, isListed: boolean): "new" | "known" | "untracked" {
    const followed = this.#channels.get(channel);
    if (followed === undefined) return "untracked";
    const clients = followed.nodes.get(node) ?? new Map<string, Known>();
    const isNew = !clients.has(info.client);
    if (isNew && this.#size >= this.#max) {
      followed.isComplete = false;
      return "untracked";
    }
    clients.set(info.client, { info, isListed });
    followed.nodes.set(node, clients);
    if (!isNew) return "known";
    this.#size++;
    return "new";
  }

  /** @returns `unknown` if the client may be one that is not kept, or that was not asked for yet; `absent` if it was not there */
  remove(channel: string, node: string, client: string): "removed" | "absent" | "unknown" {
    const followed = this.#channels.get(channel);
    const clients = followed?.nodes.get(node);
    if (!clients?.delete(client)) return followed?.isComplete ? "absent" : "unknown";
    this.#size--;
    if (clients.size === 0) followed?.nodes.delete(node);
    return "removed";
  }

  /** The clients of a node in a channel that have an entry there. */
  listed(channel: string, node: string): readonly ClientInfo[] {
    const clients = this.#channels.get(channel)?.nodes.get(node);
    return [...(clients?.values() ?? [])].filter(({ isListed }) => isListed).map(({ info }) => info);
  }

  /** Removes all clients of a node. */
  removeNode(node: string): readonly { readonly channel: string; readonly info: ClientInfo }[] {
    const removed: { channel: string; info: ClientInfo }[] = [];
    for (const [channel, { nodes }] of this.#channels) {
      for (const { info } of nodes.get(node)?.values() ?? []) removed.push({ channel, info });
      nodes.delete(node);
    }
    this.#size -= removed.length;
    return removed;
  }

  unfollow(channel: string): void {
    for (const clients of this.#channels.get(channel)?.nodes.values() ?? []) this.#size -= clients.size;
    this.#channels.delete(channel);
  }

  /** Unfollows what is no longer used, some channels at a time. */
  sweep(count: number, isUsed: (channel: string) => boolean): void {
    this.#round.visit(count, (channel) => {
      if (!isUsed(channel)) this.unfollow(channel);
    });
  }

  clear(): void {
    this.#channels.clear();
    this.#size = 0;
  }
}
