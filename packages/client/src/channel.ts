/** A channel: a light handle; any number of them may refer to the same channel. */
import type { Position } from "../../holdfast/src/wire/messages.js";
import type { ChannelListeners, ChannelSubscriptions } from "./channel-subscription.js";
import type { Connection } from "./connection.js";
import {
  type ChannelStatus,
  type ClientInfo,
  type ClientStatus,
  type HistoryPage,
  type PresenceStats,
  type Publication,
  toClientInfo,
  toPublication,
} from "./from-sdk.js";
import type { MapSubscriptions } from "./map-subscription.js";
import { type IterationOptions, PublicationIterator } from "./publication-iterator.js";
import type { PublishedPosition, PublishOptions, PublishQueue } from "./publish-queue.js";
import type { SubscribeOptions } from "./subscribe-options.js";

export interface HistoryQuery {
  /** Maximum number of publications; 0 returns only the position. @default as many as the server returns at once */
  readonly limit?: number;
  /** Exclusive: publications after it, or before it in reverse. @default from the start, or from the end in reverse */
  readonly since?: Position;
  /** Whether the newest come first. @default false */
  readonly reverse?: boolean;
}

/** What the channels of a client share. */
export interface ChannelContext {
  readonly connection: Connection;
  readonly subscriptions: ChannelSubscriptions;
  readonly maps: MapSubscriptions;
  readonly queue: PublishQueue;
}

/** @typeParam Input what is published @typeParam Data what subscribers get */
export class Channel<Input = unknown, Data = Input> implements AsyncIterable<Publication<Data>> {
  readonly name: string;
  readonly #context: ChannelContext;

  constructor(name: string, context: ChannelContext) {
    this.name = name;
    this.#context = context;
  }

  /** The status of the subscription, which all subscribers of this channel share. */
  get status(): ChannelStatus {
    return this.#context.subscriptions.statusOf(this.name);
  }

  /**
   * Subscribes to the channel. Subscribers of one channel share a subscription; the last to leave ends it.
   * @param listeners a function for publications, or an object of listeners
   * @returns a function that unsubscribes
   * @throws HF_OPTION_INVALID if the options are invalid or differ from the existing subscription; HF_CLIENT_CLOSED
   */
  subscribe(
    listeners: ((publication: Publication<Data>) => void) | ChannelListeners<Data>,
    options: SubscribeOptions = {},
  ): () => void {
    const all = typeof listeners === "function" ? { onPublication: listeners } : listeners;
    return this.#context.subscriptions.add(this.name, all as ChannelListeners, options);
  }

  /**
   * Publications for a `for await` loop. Subscribes at once, and unsubscribes when the loop ends.
   * @throws in the loop: HF_CLIENT_SLOW if it falls behind, HF_REQUEST_REFUSED if the server ends the subscription
   */
  publications(options: SubscribeOptions & IterationOptions = {}): AsyncIterableIterator<Publication<Data>> {
    const { maxBuffered, ...others } = options;
    return new PublicationIterator(this.name, maxBuffered === undefined ? {} : { maxBuffered }, (listeners) =>
      this.#subscribeForLoop(listeners, others),
    );
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Publication<Data>> {
    return this.publications();
  }

  /**
   * Publishes, exactly once and in the order of calls: waits while disconnected, and is sent again if the connection broke before it was
   * acknowledged. Resolves with the position in the channel's log.
   * @throws HF_REQUEST_REFUSED with the server's code in `details`, HF_CLIENT_FULL, HF_CLIENT_TIMEOUT, HF_CLIENT_CLOSED
   */
  async publish(data: Input, options: PublishOptions = {}): Promise<PublishedPosition> {
    return await this.#context.queue.publish(this.name, data, options);
  }

  /** Reads the channel's log. @throws HF_REQUEST_REFUSED, HF_CLIENT_CONNECTION, HF_CLIENT_TIMEOUT, HF_CLIENT_CLOSED */
  async history({ limit = -1, since, reverse = false }: HistoryQuery = {}): Promise<HistoryPage<Data>> {
    const { connection } = this.#context;
    const { publications, epoch, offset } = await connection.request(`the history of ${this.name}`, () =>
      connection.sdk.history(this.name, { limit, reverse, ...(since && { since: { ...since } }) }),
    );
    return {
      publications: publications.map((each) => toPublication<Data>(each, connection.payloads)),
      position: { epoch, offset },
    };
  }

  /** The clients that are subscribed. @throws what `history` throws */
  async presence(): Promise<readonly ClientInfo[]> {
    const { connection } = this.#context;
    const { clients } = await connection.request(`the presence of ${this.name}`, () =>
      connection.sdk.presence(this.name),
    );
    return Object.values(clients).map(toClientInfo);
  }

  /** How many clients and users are subscribed. @throws what `history` throws */
  async presenceStats(): Promise<PresenceStats> {
    const { connection } = this.#context;
    const { numClients, numUsers } = await connection.request(`the presence of ${this.name}`, () =>
      connection.sdk.presenceStats(this.name),
    );
    return { numClients, numUsers };
  }

  /** Also ends the loop when the server ends the connection for good, which leaves subscriptions waiting for `connect`. */
  #subscribeForLoop(listeners: ChannelListeners<Data>, options: SubscribeOptions): () => void {
    const { connection } = this.#context;
    const unsubscribe = this.subscribe(listeners, options);
    const onClientStatus = (status: ClientStatus) => {
      if (status.state === "disconnected") listeners.onStatus?.({ ...status, state: "unsubscribed" });
    };
    const unwatch = connection.statusListeners.add(onClientStatus);
    onClientStatus(connection.status);
    return () => {
      unwatch();
      unsubscribe();
    };
  }
}
