/**
 * One SDK subscription per channel, shared by all who subscribe to it here: the first starts it, the last to leave ends it. Common
 * to channels (channel-subscription.ts) and maps (map-subscription.ts).
 */
import type { MapSubscription, Subscription } from "centrifuge";
import { refuseUnknownOptions } from "../../holdfast/src/errors.js";
import type { Connection } from "./connection.js";
import { type ChannelStatus, notSubscribed, subscribing } from "./from-sdk.js";
import { callGuarded } from "./listeners.js";

interface StatusListener {
  /** Called at once with the current status, and with each change. */
  readonly onStatus?: (status: ChannelStatus) => void;
}

interface SharedSubscription<Listeners, Options> {
  readonly status: ChannelStatus;
  /**
   * @returns a function that removes the listeners
   * @throws HF_OPTION_INVALID if the options differ from those of the existing subscription
   */
  add(listeners: Listeners, options: Options): () => void;
  close(): void;
}

interface SubscriptionKind<Listeners, Options, Shared> {
  readonly listenerNames: readonly (keyof Listeners & string)[];
  /** Checks and completes options. @throws HF_OPTION_INVALID */
  resolve(options: Options, listeners: Listeners): Options;
  /** @param onEmpty called when the last subscriber has left */
  create(channel: string, options: Options, connection: Connection, onEmpty: () => void): Shared;
}

/** The subscriptions of a client, by channel. */
export class SubscriptionTable<
  Listeners extends object,
  Options,
  Shared extends SharedSubscription<Listeners, Options>,
> {
  readonly #connection: Connection;
  readonly #kind: SubscriptionKind<Listeners, Options, Shared>;
  readonly #byChannel = new Map<string, Shared>();

  constructor(connection: Connection, kind: SubscriptionKind<Listeners, Options, Shared>) {
    this.#connection = connection;
    this.#kind = kind;
  }

  get(channel: string): Shared | undefined {
    return this.#byChannel.get(channel);
  }

  statusOf(channel: string): ChannelStatus {
    return this.#byChannel.get(channel)?.status ?? notSubscribed;
  }

  /**
   * @returns a function that unsubscribes
   * @throws HF_OPTION_INVALID, HF_CLIENT_CLOSED
   */
  add(channel: string, listeners: Listeners, options: Options): () => void {
    const resolved = this.#kind.resolve(options, listeners);
    refuseUnknownOptions(listeners, this.#kind.listenerNames, "listeners");
    const { fault } = this.#connection;
    if (fault?.code === "HF_CLIENT_CLOSED") throw fault;
    this.#connection.start();
    let shared = this.#byChannel.get(channel);
    if (shared === undefined) {
      shared = this.#kind.create(channel, resolved, this.#connection, () => this.#byChannel.delete(channel));
      this.#byChannel.set(channel, shared);
    }
    return shared.add(listeners, resolved);
  }

  close(): void {
    for (const shared of this.#byChannel.values()) shared.close();
    this.#byChannel.clear();
  }
}

/** Those who subscribe to one channel, and the status that they are told. */
export class Subscribers<Listeners extends StatusListener> {
  readonly #connection: Connection;
  readonly #all = new Set<{ readonly listeners: Listeners }>();
  #status: ChannelStatus = subscribing;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get status(): ChannelStatus {
    return this.#status;
  }

  /** @returns a function that removes the listeners, and calls `onEmpty` if they are the last */
  add(listeners: Listeners, onEmpty: () => void): () => void {
    const subscriber = { listeners };
    this.#all.add(subscriber);
    this.#call("a status listener", () => listeners.onStatus?.(this.#status));
    return () => {
      if (this.#all.delete(subscriber) && this.#all.size === 0) onEmpty();
    };
  }

  /** @param stage which listener is called, for `onError` */
  tell(stage: string, call: (listeners: Listeners) => void): void {
    for (const { listeners } of this.#all) this.#call(stage, () => call(listeners));
  }

  /** Follows the status of an SDK subscription until it is discarded. */
  follow(sdk: Subscription | MapSubscription): void {
    const { options } = this.#connection;
    const events = sdk as Subscription;
    events.on("subscribing", ({ code, reason }) => this.setStatus({ state: "subscribing", code, reason }));
    events.on("unsubscribed", ({ code, reason }) => this.setStatus({ state: "unsubscribed", code, reason }));
    events.on("error", ({ error }) => options.onError(error, { stage: "subscribing" }));
  }

  setStatus(status: ChannelStatus): void {
    this.#status = status;
    this.tell("a status listener", ({ onStatus }) => onStatus?.(status));
  }

  /** The last subscriber has left. */
  end(): void {
    this.#status = { state: "unsubscribed", code: 0, reason: "the last subscriber left" };
  }

  /** Tells all that the client was closed. */
  close(): void {
    this.setStatus({ state: "unsubscribed", code: 0, reason: "the client was closed" });
    this.#all.clear();
  }

  #call(stage: string, run: () => void): void {
    callGuarded(run, stage, this.#connection.options.onError);
  }
}

/** Ends an SDK subscription; nothing is reported of it from then on. */
export function discard(sdk: Subscription | MapSubscription, connection: Connection): void {
  const subscription = sdk as Subscription;
  subscription.removeAllListeners();
  // Without a listener, the SDK would throw its errors.
  subscription.on("error", () => {});
  connection.sdk.removeSubscription(subscription);
}
