/** How nodes talk to each other over NATS: a subject for each node, and one for all. */
import type { Clock } from "../../time/clock.js";
import type { NodeBus, NodeBusEvents } from "../nodes/node-bus.js";
import type { NatsConnection } from "./nats-connection.js";
import type { NatsStore } from "./nats-store.js";
import type { Subjects } from "./subjects.js";

/** How long closing waits for a server that does not answer. */
const maxFlushMs = 1000;

export class NatsBus implements NodeBus {
  readonly #store: NatsStore;
  readonly #subjects: Subjects;
  readonly #clock: Clock;
  #connection: NatsConnection | undefined;
  #node = "";
  #unsubscribe: (() => void)[] = [];

  constructor(store: NatsStore, subjects: Subjects, clock: Clock) {
    this.#clock = clock;
    this.#store = store;
    this.#subjects = subjects;
  }

  async open(node: string, events: NodeBusEvents): Promise<void> {
    const { connection } = this.#store;
    this.#connection = connection;
    this.#node = node;
    // Both on one connection, so that messages of a node keep their order. What came from this node is left out.
    const prefix = `${node} `;
    const receive = ({ data }: { readonly data: Uint8Array }) => {
      const end = data.indexOf(space);
      if (end < 0 || Buffer.from(data.buffer, data.byteOffset, end + 1).toString("latin1") === prefix) return;
      // A copy: the message lies in what was read from the socket, a Buffer, whose `slice` copies nothing.
      events.onMessage(new Uint8Array(data.subarray(end + 1)));
    };
    this.#unsubscribe = [
      connection.subscribe(this.#subjects.node(node), receive),
      connection.subscribe(this.#subjects.allNodes(), receive),
    ];
    this.#store.listen({
      onDisconnect: () => events.onDisconnect(),
      onReconnect: () => events.onConnect(),
    });
    await connection.flush();
  }

  /** Sends what it was given before. */
  async close(): Promise<void> {
    if (this.#unsubscribe.length === 0) return;
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    let cancel = (): void => {};
    const timeout = new Promise<void>((resolve) => {
      cancel = this.#clock.setTimer(() => resolve(), maxFlushMs);
    });
    await Promise.race([this.#connection?.flush().catch(() => {}), timeout]);
    cancel();
  }

  send(message: Uint8Array, to?: string): void {
    const framed = Buffer.concat([Buffer.from(`${this.#node} `, "latin1"), message]);
    this.#connection?.publish(to === undefined ? this.#subjects.allNodes() : this.#subjects.node(to), framed);
  }
}

const space = 0x20;
