/**
 * Buses of nodes in one process, with faults. Messages wait in a queue until time moves on, as over a network; a test loses, doubles,
 * delays and reorders them, cuts nodes off, and pauses them.
 */
import type { NodeBus, NodeBusEvents } from "../../../../src/brokers/nodes/node-bus.js";
import type { FakeClock } from "../../../support/fake-clock.js";

/** What happens to a message on its way to one node: when it comes, once, several times, or never. */
export type Fate = (message: Uint8Array, from: string, to: string) => readonly number[];

const arriveInOrder: Fate = () => [1];

interface Connected {
  readonly events: NodeBusEvents;
  isConnected: boolean;
  /** Messages that wait while the node is paused. */
  paused: Uint8Array[] | undefined;
}

export class MemoryNetwork {
  /** Delays in milliseconds, one for each time that a message arrives. Changes the order of messages if delays differ. */
  fate: Fate = arriveInOrder;
  /** Every message that was sent. */
  readonly sent: { readonly from: string; readonly to: string; readonly message: Uint8Array }[] = [];
  readonly #clock: FakeClock;
  readonly #nodes = new Map<string, Connected>();
  /** Pairs that cannot hear each other, as "from to". */
  readonly #cut = new Set<string>();

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  createBus(): NodeBus {
    let id = "";
    return {
      open: async (node, events) => {
        id = node;
        this.#nodes.set(node, { events, isConnected: true, paused: undefined });
      },
      close: async () => void this.#nodes.delete(id),
      send: (message, to) => this.#send(message, id, to),
    };
  }

  /** The node's process is killed: nothing comes from it or to it any more. */
  kill(node: string): void {
    this.#nodes.delete(node);
  }

  /** The store tells all others that the node's connection has ended. */
  lose(node: string): void {
    for (const [id, { events }] of this.#nodes) if (id !== node) events.onNodeLost(node);
  }

  /** The nodes cannot hear each other. */
  cut(a: string, b: string): void {
    this.#cut.add(`${a} ${b}`).add(`${b} ${a}`);
  }

  heal(a: string, b: string): void {
    this.#cut.delete(`${a} ${b}`);
    this.#cut.delete(`${b} ${a}`);
  }

  /** The node loses its connection to the store, and notices. */
  disconnect(node: string): void {
    const each = this.#get(node);
    each.isConnected = false;
    each.events.onDisconnect();
  }

  connect(node: string): void {
    const each = this.#get(node);
    each.isConnected = true;
    each.events.onConnect();
  }

  /** Messages to the node wait until it is resumed; its timers have to be stopped by the test. */
  pause(node: string): void {
    this.#get(node).paused = [];
  }

  resume(node: string): void {
    const each = this.#get(node);
    const waiting = each.paused ?? [];
    each.paused = undefined;
    for (const message of waiting) each.events.onMessage(message);
  }

  #get(node: string): Connected {
    const each = this.#nodes.get(node);
    if (each === undefined) throw new Error(`node ${node} is not open`);
    return each;
  }

  #send(message: Uint8Array, from: string, to: string | undefined): void {
    const sender = this.#nodes.get(from);
    if (!sender?.isConnected) return;
    const receivers = to === undefined ? [...this.#nodes.keys()].filter((node) => node !== from) : [to];
    for (const receiver of receivers) {
      this.sent.push({ from, to: receiver, message });
      if (this.#cut.has(`${from} ${receiver}`)) continue;
      for (const delayMs of this.fate(message, from, receiver))
        this.#clock.setTimer(() => this.#arrive(receiver, message), delayMs);
    }
  }

  #arrive(to: string, message: Uint8Array): void {
    const receiver = this.#nodes.get(to);
    if (!receiver?.isConnected) return;
    if (receiver.paused) receiver.paused.push(message);
    else receiver.events.onMessage(message);
  }
}
