/**
 * Clients of other nodes that are in channels which this node follows, so that their leaves can be announced when their node dies. By
 * channel and node. Bounded: clients beyond are not kept.
 */
import { Round } from "../../channels/round.js";
import type { ClientInfo } from "../../wire/messages.js";

/** By node id, then by connection id. */
type Clients = Map<string, Map<string, ClientInfo>>;

export class RemoteClients {
  readonly #max: number;
  readonly #channels = new Map<string, Clients>();
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
    this.#channels.set(channel, new Map());
    return true;
  }

  /** @returns whether the client was added: it was not known, the channel is followed, and there is room */
  add(channel: string, node: string, info: ClientInfo): boolean {
    const nodes = this.#channels.get(channel);
    if (nodes === undefined) return false;
    const clients = nodes.get(node) ?? new Map<string, ClientInfo>();
    const isNew = !clients.has(info.client);
    if (isNew && this.#size >= this.#max) return false;
    clients.set(info.client, info);
    nodes.set(node, clients);
    if (isNew) this.#size++;
    return isNew;
  }

  /** @returns whether the client was known */
  remove(channel: string, node: string, client: string): boolean {
    const clients = this.#channels.get(channel)?.get(node);
    if (!clients?.delete(client)) return false;
    this.#size--;
    if (clients.size === 0) this.#channels.get(channel)?.delete(node);
    return true;
  }

  /** Removes all clients of a node. */
  removeNode(node: string): readonly { readonly channel: string; readonly info: ClientInfo }[] {
    const removed: { channel: string; info: ClientInfo }[] = [];
    for (const [channel, nodes] of this.#channels) {
      for (const info of nodes.get(node)?.values() ?? []) removed.push({ channel, info });
      nodes.delete(node);
    }
    this.#size -= removed.length;
    return removed;
  }

  unfollow(channel: string): void {
    for (const clients of this.#channels.get(channel)?.values() ?? []) this.#size -= clients.size;
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
