/** The subscription of a channel, shared by all who subscribe to it here. */
import type { Subscription } from "centrifuge";
import type { Position } from "../../holdfast/src/wire/messages.js";
import type { Connection } from "./connection.js";
import {
  type ChannelStatus,
  type ClientInfo,
  type Publication,
  toClientInfo,
  toPublication,
  toSubscribed,
} from "./from-sdk.js";
import { discard, Subscribers, SubscriptionTable } from "./shared-subscription.js";
import {
  assertCompatible,
  assertSubscribeOptions,
  type SubscribeOptions,
  toPosition,
  toSdkSubscriptionOptions,
} from "./subscribe-options.js";

export interface ChannelListeners<Data = unknown> {
  readonly onPublication?: (publication: Publication<Data>) => void;
  /** A client has subscribed; needs `joinLeave` in the channel's options. */
  readonly onJoin?: (client: ClientInfo) => void;
  /** A client has unsubscribed; needs `joinLeave` in the channel's options. */
  readonly onLeave?: (client: ClientInfo) => void;
  /** Called at once with the current status, and with each change. */
  readonly onStatus?: (status: ChannelStatus) => void;
}

export type ChannelSubscriptions = ReturnType<typeof createChannelSubscriptions>;

export function createChannelSubscriptions(connection: Connection) {
  return new SubscriptionTable<ChannelListeners, SubscribeOptions, ChannelSubscription>(connection, {
    listenerNames: ["onPublication", "onJoin", "onLeave", "onStatus"],
    resolve(options, { onJoin, onLeave }) {
      assertSubscribeOptions(options);
      return { ...options, joinLeave: options.joinLeave ?? (onJoin ?? onLeave) !== undefined };
    },
    create: (...args) => new ChannelSubscription(...args),
  });
}

class ChannelSubscription {
  readonly #channel: string;
  readonly #connection: Connection;
  readonly #onEmpty: () => void;
  readonly #subscribers: Subscribers<ChannelListeners>;
  #options: SubscribeOptions;
  #sdk: Subscription;
  #epoch: string | undefined;
  #offset: number;

  constructor(channel: string, options: SubscribeOptions, connection: Connection, onEmpty: () => void) {
    this.#channel = channel;
    this.#options = options;
    this.#connection = connection;
    this.#onEmpty = onEmpty;
    this.#subscribers = new Subscribers(connection);
    this.#offset = toPosition(options.since)?.offset ?? 0;
    this.#sdk = this.#open();
  }

  get status(): ChannelStatus {
    return this.#subscribers.status;
  }

  /** Starts the subscription, also if the server had ended it. */
  add(listeners: ChannelListeners, options: SubscribeOptions): () => void {
    assertCompatible(this.#channel, this.#options, options, ["token", "data", "tagsFilter"]);
    if (options.joinLeave && !this.#options.joinLeave) this.#reopenWithJoinLeave();
    this.#sdk.subscribe();
    return this.#subscribers.add(listeners, () => {
      discard(this.#sdk, this.#connection);
      this.#subscribers.end();
      this.#onEmpty();
    });
  }

  close(): void {
    discard(this.#sdk, this.#connection);
    this.#subscribers.close();
  }

  /** Joins and leaves have to be asked for when a subscription begins, so a new one continues where this one is. */
  #reopenWithJoinLeave(): void {
    const since: Position | undefined =
      this.#epoch === undefined
        ? toPosition(this.#options.since)
        : { epoch: this.#epoch, offset: this.#offset };
    this.#options = { ...this.#options, joinLeave: true, ...(since && { since }) };
    discard(this.#sdk, this.#connection);
    this.#sdk = this.#open();
  }

  #open(): Subscription {
    const subscribers = this.#subscribers;
    const sdk = this.#connection.sdk.newSubscription(this.#channel, toSdkSubscriptionOptions(this.#options));
    subscribers.follow(sdk);
    sdk.on("subscribed", (context) => {
      const { recovered, streamPosition } = context;
      this.#epoch = streamPosition?.epoch;
      if (!recovered && streamPosition) this.#offset = streamPosition.offset;
      subscribers.setStatus(toSubscribed(context));
    });
    sdk.on("publication", (context) => {
      this.#offset = context.offset ?? this.#offset;
      this.#connection.readPublication((payloads) => {
        const publication = toPublication(context, payloads);
        subscribers.tell("a publication listener", ({ onPublication }) => onPublication?.(publication));
      });
    });
    sdk.on("join", ({ info }) => {
      const client = toClientInfo(info);
      subscribers.tell("a join listener", ({ onJoin }) => onJoin?.(client));
    });
    sdk.on("leave", ({ info }) => {
      const client = toClientInfo(info);
      subscribers.tell("a leave listener", ({ onLeave }) => onLeave?.(client));
    });
    return sdk;
  }
}
