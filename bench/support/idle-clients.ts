/** Clients that subscribe and then say nothing but the answers to pings. */
import type { Contender } from "./contenders.js";
import { inParallel } from "./in-parallel.js";
import { RawClient } from "./raw-client.js";
import { sourceOf } from "./source-address.js";

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
