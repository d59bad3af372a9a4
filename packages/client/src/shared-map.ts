/** The one subscription of a map over a connection, with what it has told so far; shared by all that listen to it. */
import type { MapSubscription, MapSubscriptionOptions, Subscription } from "centrifuge";
import type { Connection } from "./connection.js";
import { callGuarded } from "./listeners.js";
import { type MapChange, type MapEntry, toMapEntry } from "./map-entry.js";
import type { MapSubscribeOptions } from "./map-subscribe-options.js";
import { type ChannelStatus, toSubscribed } from "./status.js";
import { assertCompatible } from "./subscribe-options.js";
import { toSdkToken } from "./token-source.js";

export interface MapListeners<Data = unknown> {
  /** Told after each change; the map's `entries` have it then. */
  readonly onChange?: (change: MapChange<Data>) => void;
  /** Told at once how the subscription stands, and of each change. */
  readonly onStatus?: (status: ChannelStatus) => void;
}

export const mapListenerNames: readonly (keyof MapListeners)[] = ["onChange", "onStatus"];

export class SharedMap {
  readonly #channel: string;
  readonly #connection: Connection;
  readonly #options: MapSubscribeOptions;
  readonly #onEmpty: () => void;
  readonly #subscribers = new Set<{ readonly listeners: MapListeners }>();
  readonly #entries = new Map<string, MapEntry>();
  readonly #sdk: MapSubscription;
  #status: ChannelStatus = { state: "subscribing", code: 0, reason: "subscribe called" };

  constructor(channel: string, options: MapSubscribeOptions, connection: Connection, onEmpty: () => void) {
    this.#channel = channel;
    this.#options = options;
    this.#connection = connection;
    this.#onEmpty = onEmpty;
    this.#sdk = this.#open();
  }

  get status(): ChannelStatus {
    return this.#status;
  }

  /** What is known of it, in no order. */
  get entries(): ReadonlyMap<string, MapEntry> {
    return this.#entries;
  }

  /**
   * @returns a function that removes the listeners
   * @throws HF_OPTION_INVALID where the options do not fit the subscription there is
   */
  add(listeners: MapListeners, options: MapSubscribeOptions): () => void {
    assertCompatible(this.#channel, this.#options, options, ["token", "data", "tagsFilter", "type"]);
    this.#sdk.subscribe();
    const subscriber = { listeners };
    this.#subscribers.add(subscriber);
    const { onError } = this.#connection.options;
    callGuarded(() => listeners.onStatus?.(this.#status), "a status listener", onError);
    // What others have heard already.
    if (this.#status.state === "subscribed" || this.#entries.size > 0)
      callGuarded(() => listeners.onChange?.({ kind: "reset" }), "a change listener", onError);
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
    this.#entries.clear();
    this.#onEmpty();
  }

  #drop(): void {
    this.#sdk.removeAllListeners();
    // Nobody else would take it, and the SDK would throw it.
    this.#sdk.on("error", () => {});
    // Its types name only the other kind.
    this.#connection.sdk.removeSubscription(this.#sdk as unknown as Subscription);
  }

  #open(): MapSubscription {
    const { options } = this.#connection;
    const subscription = openSdkMap(this.#connection, this.#channel, this.#options);
    subscription.on("subscribing", ({ code, reason }) =>
      this.#become({ state: "subscribing", code, reason }),
    );
    subscription.on("unsubscribed", ({ code, reason }) =>
      this.#become({ state: "unsubscribed", code, reason }),
    );
    subscription.on("subscribed", (context) => this.#become(toSubscribed(context)));
    subscription.on("sync", ({ entries }) => {
      this.#entries.clear();
      for (const entry of entries) this.#entries.set(entry.key, toMapEntry(entry));
      this.#tell({ kind: "reset" });
    });
    subscription.on("update", (context) => {
      const { key } = context;
      if (context.removed) {
        this.#entries.delete(key);
        this.#tell({ kind: "remove", key });
        return;
      }
      const entry = toMapEntry(context);
      this.#entries.set(key, entry);
      this.#tell({ kind: "set", entry });
    });
    subscription.on("error", ({ error }) => options.onError(error, { stage: "subscribing" }));
    return subscription;
  }

  #become(status: ChannelStatus): void {
    this.#status = status;
    for (const { listeners } of this.#subscribers)
      callGuarded(() => listeners.onStatus?.(status), "a status listener", this.#connection.options.onError);
  }

  #tell(change: MapChange): void {
    for (const { listeners } of this.#subscribers)
      callGuarded(() => listeners.onChange?.(change), "a change listener", this.#connection.options.onError);
  }
}

function openSdkMap(
  { sdk }: Connection,
  channel: string,
  { type = "keys", token, data, tagsFilter }: MapSubscribeOptions,
): MapSubscription {
  const options: MapSubscriptionOptions = {
    ...toSdkToken(token),
    ...(data !== undefined && { data }),
    ...(tagsFilter && { tagsFilter }),
  };
  if (type === "clients") return sdk.newMapClientsSubscription(channel, options);
  if (type === "users") return sdk.newMapUsersSubscription(channel, options);
  return sdk.newMapSubscription(channel, options);
}
