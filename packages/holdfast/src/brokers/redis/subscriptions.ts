/**
 * Which channels of pub/sub this node follows, over any number of connections. Commands of one turn go out together, in the order of
 * the calls. After a connection was replaced, or a slot has moved, everything is subscribed again.
 */
import { HoldfastError, messageOf } from "../../errors.js";
import type { Connection } from "./connection.js";
import { allOf, type RedisStore } from "./redis-store.js";
import { toBrokerError, unavailable } from "./reply-errors.js";

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

  /** Subscribes everything that is not subscribed on the connection of its master. @throws HF_BROKER_UNAVAILABLE */
  async restore(): Promise<void> {
    const lost = [...this.#channels].filter(([channel, connection]) => {
      return connection === undefined || connection.isEnded || connection !== this.#connectionOf(channel);
    });
    const commands: Promise<void>[] = [];
    for (let at = 0; at < lost.length; at += this.#perCommand)
      commands.push(
        this.#send(
          lost.slice(at, at + this.#perCommand).map(([channel]) => channel),
          true,
        ),
      );
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
    const connection = this.#connectionOf(channels[0] as string);
    if (connection === undefined) throw unavailable("Redis cannot be reached at the moment");
    if (isSubscribe)
      for (const channel of channels)
        if (this.#channels.has(channel)) this.#channels.set(channel, connection);
    const command = `${this.#store.isCluster ? "s" : ""}${isSubscribe ? "" : "un"}subscribe`;
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

  #connectionOf(channel: string): Connection | undefined {
    return this.#store.shardOf(this.#store.slotOf(channel))?.subscriber;
  }
}
