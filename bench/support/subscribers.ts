/** Connects publishers and subscribers of any contender, and those that subscribe and then stay idle. */

import { inParallel } from "@holdfast/lab/load";
import type { Contender } from "./contenders.js";
import type { Protocol, Publisher } from "./protocols.js";
import { RawClient, sourceOf } from "./raw-client.js";

/** Resolves when it has signed on. */
export async function openPublisher(port: number, protocol: Protocol): Promise<Publisher> {
  if (protocol.openPublisher) return protocol.openPublisher(port);
  const publisher = await RawClient.open({ port, protocol });
  await protocol.signOn(publisher);
  return publisher;
}

/** @param index of the subscriber, which decides about its address; resolves when it is subscribed */
export async function openSubscriber(
  port: number,
  protocol: Protocol,
  channel: string,
  index: number,
): Promise<RawClient> {
  const path = protocol.pathOf?.(channel);
  const subscriber = await RawClient.open({
    port,
    protocol,
    ...(path !== undefined && { path }),
    ...sourceOf(index),
  });
  await protocol.subscribe(subscriber, channel);
  return subscriber;
}

/** A server gave up on a subscriber, and told it so. */
export class SubscriptionEnded extends Error {}

/**
 * To be called with what a subscriber gets that holds no publication.
 * @throws SubscriptionEnded unless it is a ping
 */
export function assertPing(protocol: Protocol, message: string): void {
  if (!protocol.isPing(message))
    throw new SubscriptionEnded(`in place of a publication a subscriber got ${message.slice(0, 300)}`);
}

export interface IdleClientsOptions {
  readonly contender: Contender;
  readonly port: number;
  readonly connections: number;
  /** Channels that the connections spread over, one each. */
  readonly channels: number;
}

export class IdleClients {
  readonly #clients: readonly RawClient[];
  readonly #lost: Error[] = [];

  private constructor(clients: readonly RawClient[]) {
    this.#clients = clients;
    for (const client of clients) client.onLost = (error) => this.#lost.push(error);
  }

  /** Connects all; resolves when each has its subscription. */
  static async open({ contender, port, connections, channels }: IdleClientsOptions): Promise<IdleClients> {
    const { protocol } = contender;
    const clients = await inParallel(connections, async (i) => {
      const client = await RawClient.open({ port, protocol, ...sourceOf(i) });
      await protocol.subscribe(client, `idle:${i % channels}`);
      return client;
    });
    return new IdleClients(clients);
  }

  /** @throws Error when a connection has ended */
  assertConnected(): void {
    const [first] = this.#lost;
    if (first)
      throw new Error(
        `${this.#lost.length} of ${this.#clients.length} connections were lost: ${first.message}`,
      );
  }

  /** Cuts all connections. */
  destroy(): void {
    for (const client of this.#clients) client.destroy();
  }

  /** Says goodbye on all connections; resolves when the server has ended them. */
  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}
