/**
 * Which channels of pub/sub this node follows, over any number of connections. Commands of one turn go out together, in the order of
 * the calls. After a connection was replaced, or a slot has moved, everything is subscribed again.
 */
import { HoldfastError, messageOf } from "../../errors.js";
import type { Connection } from "./connection.js";
import type { RedisStore } from "./redis-store.js";
import { allOf, toBrokerError, unavailable } from "./reply-errors.js";
import type { Shard } from "./shard.js";

/** Of one command, where channels need not be of one slot. */
const channelsPerCommand = 500;

interface Change {
  readonly channel: string;
  readonly isSubscribe: boolean;
  resolve(): void;
  reject(error: HoldfastError): void;
}

export class Subscriptions {
  readonly #store: RedisStore;
  readonly #schedule: (run: () => void) => void;
  /** Every channel that is wanted, with the connection that it was last subscribed on. */
  readonly #channels = new Map<string, Connection | undefined>();
  #changes: Change[] = [];
  #restored = Promise.resolve();

  /** @param schedule runs the callback after the events of this turn */
  constructor(store: RedisStore, schedule: (run: () => void) => void) {
    this.#store = store;
    this.#schedule = schedule;
  }

  has(channel: string): boolean {
    return this.#channels.has(channel);
  }

  /** Resolves when messages of the channel arrive. @throws HF_BROKER_UNAVAILABLE; it is not subscribed then, unless it was before */
  async add(channel: string): Promise<void> {
    const wasWanted = this.#channels.has(channel);
    if (!wasWanted) this.#channels.set(channel, undefined);
    try {
      await this.#change(channel, true);
    } catch (error) {
      if (!wasWanted) this.#channels.delete(channel);
      throw error;
    }
  }

  /** Messages end at once. */
  async remove(channel: string): Promise<void> {
    if (!this.#channels.delete(channel)) return;
    // A connection that is lost has no subscriptions.
    await this.#change(channel, false).catch(() => {});
  }

  /**
   * Subscribes everything that is not subscribed on the connection of a master. Resolves when that is done, also where another call does it.
   * @throws HF_BROKER_UNAVAILABLE
   */
  restore(shard: Shard): Promise<void> {
    const restored = this.#restored.catch(() => {}).then(() => this.#restore(shard));
    this.#restored = restored;
    return restored;
  }

  async #restore({ subscriber }: Shard): Promise<void> {
    if (subscriber === undefined) throw unavailable("connection closed");
    const lost = [...this.#channels]
      .filter(([channel, known]) => known !== subscriber && this.#store.subscriberOf(channel) === subscriber)
      .map(([channel]) => channel);
    const commands: Promise<void>[] = [];
    for (let at = 0; at < lost.length; at += this.#perCommand)
      commands.push(this.#send(lost.slice(at, at + this.#perCommand), true));
    await allOf(commands);
  }

  #change(channel: string, isSubscribe: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#changes.length === 0) this.#schedule(() => this.#flush());
      this.#changes.push({ channel, isSubscribe, resolve, reject });
    });
  }

  #flush(): void {
    const changes = this.#changes;
    this.#changes = [];
    for (let from = 0; from < changes.length; ) {
      const { isSubscribe } = changes[from] as Change;
      let to = from;
      while (to - from < this.#perCommand && changes[to]?.isSubscribe === isSubscribe) to++;
      const some = changes.slice(from, to);
      this.#send(
        some.map(({ channel }) => channel),
        isSubscribe,
      ).then(
        () => {
          for (const { resolve } of some) resolve();
        },
        (error: unknown) => {
          for (const { reject } of some) reject(toBrokerError(error));
        },
      );
      from = to;
    }
  }

  get #perCommand(): number {
    return this.#store.isCluster ? 1 : channelsPerCommand;
  }

  /** @param channels of one master */
  async #send(channels: readonly string[], isSubscribe: boolean): Promise<void> {
    const [first] = channels as [string];
    const connection = this.#store.subscriberOf(first);
    if (connection === undefined) throw unavailable("Redis cannot be reached at the moment");
    if (isSubscribe)
      for (const channel of channels)
        if (this.#channels.has(channel)) this.#channels.set(channel, connection);
    // The client library counts both kinds as one: without a sharded channel it would take a connection for unsubscribed.
    const anchor = isSubscribe && !this.#store.isSharded(first) && this.#store.anchorOf(connection);
    if (anchor)
      await connection
        .call("ssubscribe", anchor)
        .catch((error: unknown) => this.#receiveError(error, connection));
    const command = `${this.#store.isSharded(first) ? "s" : ""}${isSubscribe ? "" : "un"}subscribe`;
    await connection
      .call(command, ...channels)
      .catch((error: unknown) => this.#receiveError(error, connection));
  }

  /** A slot has moved: a new connection finds out where it is. */
  #receiveError(error: unknown, connection: Connection): never {
    if (error instanceof HoldfastError) throw error;
    const fault = unavailable(`Redis refused a subscription: ${messageOf(error)}`, error);
    connection.fail(fault);
    throw fault;
  }
}
