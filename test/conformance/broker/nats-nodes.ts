/** Nodes of one cluster on servers of NATS, each with a record of its events, and the server's own view of it. */
import { connect, type NatsConnection } from "@nats-io/transport-node";
import {
  createNatsBroker,
  type NatsBroker,
} from "../../../packages/holdfast/src/brokers/nats/nats-broker.js";
import type { NatsBrokerOptions } from "../../../packages/holdfast/src/brokers/nats/nats-options.js";
import type { BrokerNeeds } from "../../../packages/holdfast/src/channels/broker.js";
import { systemClock } from "../../../packages/holdfast/src/sockets/system-clock.js";
import type { Clock } from "../../../packages/holdfast/src/time/clock.js";
import { EventRecord } from "./fixture.js";

let prefixes = 0;
let nodes = 0;

export interface NatsNode {
  readonly broker: NatsBroker;
  readonly events: EventRecord;
  readonly errors: unknown[];
}

export class NatsNodes {
  readonly prefix = `nodes-${++prefixes}`;
  readonly #addresses: string;
  readonly #open: NatsBroker[] = [];
  #client: NatsConnection | undefined;

  constructor(addresses: string) {
    this.#addresses = addresses;
  }

  async open(
    options: Partial<NatsBrokerOptions> = {},
    clock: Clock = systemClock,
    needs: BrokerNeeds = { hasMaps: false, durability: "process" },
  ): Promise<NatsNode> {
    const errors: unknown[] = [];
    const broker = createNatsBroker(
      { url: `nats://${this.#addresses}?streams=2&maxBytes=67108864`, prefix: this.prefix, ...options },
      { clock, helloWaitMs: 50, onError: (error) => errors.push(error) },
    );
    const events = new EventRecord();
    this.#open.push(broker);
    await broker.open(events, {
      node: { id: `nats-node-${++nodes}`, name: "test", version: "1.0.0", startedAt: 0 },
      needs,
    });
    // Servers that have just started are waited for, which is reported.
    errors.length = 0;
    return { broker, events, errors };
  }

  /** Asks the API of JetStream. */
  async api<T>(subject: string, request: object = {}): Promise<T> {
    this.#client ??= await connect({ servers: this.#addresses.split(","), maxReconnectAttempts: -1 });
    const message = await this.#client.request(`$JS.API.${subject}`, JSON.stringify(request), {
      timeout: 10_000,
    });
    return message.json<T>();
  }

  /** Information about both streams. */
  streams(): Promise<readonly StreamView[]> {
    return Promise.all([0, 1].map((i) => this.api<StreamView>(`STREAM.INFO.${this.prefix}_log_${i}`)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((broker) => broker.close().catch(() => {})));
    await this.#client?.close();
  }
}

export interface StreamView {
  readonly config: object;
  readonly state: { readonly messages: number; readonly last_seq: number };
  readonly cluster?: { readonly leader?: string };
}

/** Waits until something holds; it may throw until then. @throws Error after a minute, with the last error */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    let cause: unknown;
    try {
      if (await holds()) return;
    } catch (error) {
      cause = error;
    }
    if (Date.now() > deadline) throw new Error(`${what} did not come true in time`, { cause });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
