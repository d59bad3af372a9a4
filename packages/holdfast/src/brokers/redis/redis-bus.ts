/** Messages between nodes over pub/sub. In a cluster they do not depend on one master (`RedisStore.publish`). */
import type { NodeBus, NodeBusEvents } from "../nodes/node-bus.js";
import type { RedisStore } from "./redis-store.js";
import type { Subscriptions } from "./subscriptions.js";

export class RedisBus implements NodeBus {
  readonly #store: RedisStore;
  readonly #subscriptions: Subscriptions;
  readonly #all: string;
  readonly #prefix: string;
  #own = "";
  /** The sender, before each message: its length, and its id. */
  #head = Buffer.alloc(0);
  #events: NodeBusEvents | undefined;
  #lastSent: Promise<unknown> | undefined;

  constructor(store: RedisStore, subscriptions: Subscriptions) {
    this.#store = store;
    this.#subscriptions = subscriptions;
    this.#all = `${store.settings.prefix}:nodes`;
    this.#prefix = `${store.settings.prefix}:node:`;
  }

  async open(node: string, events: NodeBusEvents): Promise<void> {
    this.#events = events;
    this.#own = this.#prefix + node;
    const id = Buffer.from(node);
    this.#head = Buffer.concat([Buffer.from([id.length]), id]);
    await Promise.all([this.#subscriptions.add(this.#all), this.#subscriptions.add(this.#own)]);
  }

  /** Resolves when the goodbye has been sent, or cannot be. */
  async close(): Promise<void> {
    this.#events = undefined;
    await this.#lastSent;
  }

  send(message: Uint8Array, to?: string): void {
    if (this.#events === undefined) return;
    const channel = to === undefined ? this.#all : this.#prefix + to;
    const body = Buffer.concat([this.#head, message]);
    // What cannot be sent is lost, as the contract says.
    this.#lastSent = this.#store.publish(channel, body).catch(() => {});
  }

  /** A message of pub/sub. @returns whether it is of the bus */
  receive(channel: Buffer, message: Buffer): boolean {
    const name = channel.toString();
    if (name !== this.#all && name !== this.#own) return false;
    const isOwn = message.subarray(0, this.#head.length).equals(this.#head);
    // A copy, since messages have data that is kept, and the buffer is a part of what the socket read.
    if (!isOwn) this.#events?.onMessage(Uint8Array.from(message.subarray(1 + (message[0] ?? 0))));
    return true;
  }

  receiveHome(isConnected: boolean): void {
    if (isConnected) this.#events?.onConnect();
    else this.#events?.onDisconnect();
  }
}
