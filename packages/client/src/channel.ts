/** A channel as a client uses it: a light handle, of which any number may stand for the same channel. */
import type { Position } from "../../holdfast/src/wire/messages.js";
import type { Connection } from "./connection.js";
import type { Maps } from "./maps.js";
import {
  type ClientInfo,
  type HistoryPage,
  type PresenceStats,
  type Publication,
  toClientInfo,
  toPublication,
} from "./publication.js";
import { type IterationOptions, PublicationIterator } from "./publication-iterator.js";
import type { PublishChoices, PublishedPosition, PublishQueue } from "./publish-queue.js";
import type { ChannelListeners } from "./shared-subscription.js";
import type { ChannelStatus, ClientStatus } from "./status.js";
import type { SubscribeOptions } from "./subscribe-options.js";
import type { Subscriptions } from "./subscriptions.js";

export interface HistoryChoices {
  /** Most publications; 0 asks for the position alone. @default as many as the server gives at once */
  readonly limit?: number;
  /** Not included: publications after it, and before it in reverse. */
  readonly since?: Position;
  /** The newest first. @default false */
  readonly reverse?: boolean;
}

/** What channels of one client share. */
export interface ChannelContext {
  readonly connection: Connection;
  readonly subscriptions: Subscriptions;
  readonly maps: Maps;
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

  /** How the subscription stands that all subscribers of this channel share. */
  get status(): ChannelStatus {
    return this.#context.subscriptions.statusOf(this.name);
  }

  /**
   * Subscribers of one channel share a subscription; the last that leaves ends it.
   * @param listeners a function for publications, or one for each kind of news
   * @returns a function that unsubscribes
   * @throws HF_OPTION_INVALID where the options do not fit the subscription there is; HF_CLIENT_CLOSED
   */
  subscribe(
    listeners: ((publication: Publication<Data>) => void) | ChannelListeners<Data>,
    options: SubscribeOptions = {},
  ): () => void {
    const all = typeof listeners === "function" ? { onPublication: listeners } : listeners;
    return this.#context.subscriptions.add(this.name, all as ChannelListeners, options);
  }

  /**
   * Publications from now on, for a `for await` loop. Subscribed at once, and until the loop ends.
   * @throws in the loop: HF_CLIENT_SLOW where too many wait for it, HF_REQUEST_REFUSED where the subscription is ended
   */
  publications(options: SubscribeOptions & IterationOptions = {}): AsyncIterableIterator<Publication<Data>> {
    const { maxWaiting, ...others } = options;
    return new PublicationIterator(this.name, maxWaiting === undefined ? {} : { maxWaiting }, (listeners) =>
      this.#subscribeForLoop(listeners, others),
    );
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Publication<Data>> {
    return this.publications();
  }

  /**
   * Published once, in the order of the calls: while there is no connection it waits, and what a break leaves open is
   * sent again. Resolves with the position in the channel's log.
   * @throws HF_REQUEST_REFUSED with the server's code in `details`, HF_CLIENT_FULL, HF_CLIENT_TIMEOUT, HF_CLIENT_CLOSED
   */
  async publish(data: Input, choices: PublishChoices = {}): Promise<PublishedPosition> {
    return await this.#context.queue.publish(this.name, data, choices);
  }

  /** @throws HF_REQUEST_REFUSED, HF_CLIENT_CONNECTION, HF_CLIENT_TIMEOUT, HF_CLIENT_CLOSED */
  async history({ limit = -1, since, reverse = false }: HistoryChoices = {}): Promise<HistoryPage<Data>> {
    const { connection } = this.#context;
    const { publications, epoch, offset } = await connection.request(`the history of ${this.name}`, () =>
      connection.sdk.history(this.name, { limit, reverse, ...(since && { since: { ...since } }) }),
    );
    return {
      publications: publications.map((each) => toPublication<Data>(each)),
      position: { epoch, offset },
    };
  }

  /** Who is subscribed. @throws what `history` throws */
  async presence(): Promise<readonly ClientInfo[]> {
    const { connection } = this.#context;
    const { clients } = await connection.request(`the presence of ${this.name}`, () =>
      connection.sdk.presence(this.name),
    );
    return Object.values(clients).map(toClientInfo);
  }

  /** @throws what `history` throws */
  async presenceStats(): Promise<PresenceStats> {
    const { connection } = this.#context;
    const { numClients, numUsers } = await connection.request(`the presence of ${this.name}`, () =>
      connection.sdk.presenceStats(this.name),
    );
    return { numClients, numUsers };
  }

  /** A loop ends, too, when the server ends the connection for good, which leaves subscriptions waiting for `connect`. */
  #subscribeForLoop(listeners: ChannelListeners<Data>, options: SubscribeOptions): () => void {
    const { connection } = this.#context;
    const unsubscribe = this.subscribe(listeners, options);
    const passOn = (status: ClientStatus) => {
      if (status.state === "disconnected") listeners.onStatus?.({ ...status, state: "unsubscribed" });
    };
    const unwatch = connection.statusListeners.add(passOn);
    passOn(connection.status);
    return () => {
      unwatch();
      unsubscribe();
    };
  }
}
