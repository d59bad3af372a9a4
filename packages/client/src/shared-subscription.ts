/** The one subscription of a channel over a connection, shared by all that listen to it: the last to leave ends it. */
import type { Subscription } from "centrifuge";
import type { Position } from "../../holdfast/src/wire/messages.js";
import type { Connection } from "./connection.js";
import { callGuarded } from "./listeners.js";
import { type ClientInfo, type Publication, toClientInfo, toPublication } from "./publication.js";
import { type ChannelStatus, toSubscribed } from "./status.js";
import {
  assertCompatible,
  type SubscribeOptions,
  toPosition,
  toSdkSubscriptionOptions,
} from "./subscribe-options.js";

export interface ChannelListeners<Data = unknown> {
  readonly onPublication?: (publication: Publication<Data>) => void;
  /** Somebody has subscribed; the channel has to say `joinLeave`. */
  readonly onJoin?: (client: ClientInfo) => void;
  readonly onLeave?: (client: ClientInfo) => void;
  /** Told at once how the subscription stands, and of each change. */
  readonly onStatus?: (status: ChannelStatus) => void;
}

export const channelListenerNames: readonly (keyof ChannelListeners)[] = [
  "onPublication",
  "onJoin",
  "onLeave",
  "onStatus",
];

export class SharedSubscription {
  readonly #channel: string;
  readonly #connection: Connection;
  readonly #onEmpty: () => void;
  readonly #subscribers = new Set<{ readonly listeners: ChannelListeners }>();
  #options: SubscribeOptions;
  #sdk: Subscription;
  #status: ChannelStatus = { state: "subscribing", code: 0, reason: "subscribe called" };
  #epoch: string | undefined;
  #offset: number;

  constructor(channel: string, options: SubscribeOptions, connection: Connection, onEmpty: () => void) {
    this.#channel = channel;
    this.#options = options;
    this.#connection = connection;
    this.#onEmpty = onEmpty;
    this.#offset = toPosition(options.since)?.offset ?? 0;
    this.#sdk = this.#open();
  }

  get status(): ChannelStatus {
    return this.#status;
  }

  /**
   * Starts the subscription where it is not there, or was ended for good before.
   * @returns a function that removes the listeners
   * @throws HF_OPTION_INVALID where the options do not fit the subscription there is
   */
  add(listeners: ChannelListeners, options: SubscribeOptions): () => void {
    assertCompatible(this.#channel, this.#options, options, ["token", "data", "tagsFilter"]);
    if (options.joinLeave && !this.#options.joinLeave) this.#askForJoinLeave();
    this.#sdk.subscribe();
    const subscriber = { listeners };
    this.#subscribers.add(subscriber);
    callGuarded(
      () => listeners.onStatus?.(this.#status),
      "a status listener",
      this.#connection.options.onError,
    );
    return () => {
      if (this.#subscribers.delete(subscriber) && this.#subscribers.size === 0) this.#end();
    };
  }

  /** Ends it for all, who are told so. */
  close(): void {
    this.#drop();
    this.#become({ state: "unsubscribed", code: 0, reason: "the client was closed" });
    this.#subscribers.clear();
  }

  #end(): void {
    this.#drop();
    this.#status = { state: "unsubscribed", code: 0, reason: "nobody listens any more" };
    this.#onEmpty();
  }

  #drop(): void {
    this.#sdk.removeAllListeners();
    // Nobody else would take it, and the SDK would throw it.
    this.#sdk.on("error", () => {});
    this.#connection.sdk.removeSubscription(this.#sdk);
  }

  /** A subscription says so when it begins; a new one therefore goes on where the one without stood. */
  #askForJoinLeave(): void {
    const since: Position | undefined =
      this.#epoch === undefined
        ? toPosition(this.#options.since)
        : { epoch: this.#epoch, offset: this.#offset };
    this.#options = { ...this.#options, joinLeave: true, ...(since && { since }) };
    this.#drop();
    this.#sdk = this.#open();
  }

  #open(): Subscription {
    const { sdk, options } = this.#connection;
    const subscription = sdk.newSubscription(this.#channel, toSdkSubscriptionOptions(this.#options));
    subscription.on("subscribing", ({ code, reason }) =>
      this.#become({ state: "subscribing", code, reason }),
    );
    subscription.on("unsubscribed", ({ code, reason }) =>
      this.#become({ state: "unsubscribed", code, reason }),
    );
    subscription.on("subscribed", (context) => {
      const { recovered, streamPosition } = context;
      this.#epoch = streamPosition?.epoch;
      if (!recovered && streamPosition) this.#offset = streamPosition.offset;
      this.#become(toSubscribed(context));
    });
    subscription.on("publication", (context) => {
      this.#offset = context.offset ?? this.#offset;
      const publication = toPublication(context);
      this.#tell("a publication listener", ({ onPublication }) => onPublication?.(publication));
    });
    subscription.on("join", ({ info }) => {
      const client = toClientInfo(info);
      this.#tell("a join listener", ({ onJoin }) => onJoin?.(client));
    });
    subscription.on("leave", ({ info }) => {
      const client = toClientInfo(info);
      this.#tell("a leave listener", ({ onLeave }) => onLeave?.(client));
    });
    subscription.on("error", ({ error }) => options.onError(error, { stage: "subscribing" }));
    return subscription;
  }

  #become(status: ChannelStatus): void {
    this.#status = status;
    this.#tell("a status listener", ({ onStatus }) => onStatus?.(status));
  }

  #tell(stage: string, call: (listeners: ChannelListeners) => void): void {
    for (const { listeners } of this.#subscribers)
      callGuarded(() => call(listeners), stage, this.#connection.options.onError);
  }
}
