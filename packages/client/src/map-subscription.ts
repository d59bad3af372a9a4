/** The subscription of a map, with the entries that it has reported; shared by all who subscribe to it here. */
import type {
  MapSubscriptionOptions,
  MapEntry as SdkMapEntry,
  MapSubscription as SdkMapSubscription,
} from "centrifuge";
import { refuseUnknownOptions } from "../../holdfast/src/errors.js";
import type { Connection } from "./connection.js";
import { type ChannelStatus, type MapChange, type MapEntry, toMapEntry, toSubscribed } from "./from-sdk.js";
import { callGuarded } from "./listeners.js";
import { toSdkToken } from "./options.js";
import { discard, Subscribers, SubscriptionTable } from "./shared-subscription.js";
import { assertCompatible, type SubscribeOptions } from "./subscribe-options.js";

export interface MapListeners<Data = unknown> {
  /** Called after each change, when `entries` has it. */
  readonly onChange?: (change: MapChange<Data>) => void;
  /** Called at once with the current status, and with each change. */
  readonly onStatus?: (status: ChannelStatus) => void;
}

/** Subscribers of one map share a subscription, and so must agree on these. */
export interface MapSubscribeOptions extends Pick<SubscribeOptions, "token" | "data" | "tagsFilter"> {
  /** For lists of the subscribers of another channel: of its connections (`clients`) or its users. @default "keys" */
  readonly type?: "keys" | "clients" | "users";
}

const optionNames: readonly (keyof MapSubscribeOptions)[] = ["token", "data", "tagsFilter", "type"];

export type MapSubscriptions = ReturnType<typeof createMapSubscriptions>;

export function createMapSubscriptions(connection: Connection) {
  return new SubscriptionTable<MapListeners, MapSubscribeOptions, MapSubscription>(connection, {
    listenerNames: ["onChange", "onStatus"],
    resolve(options) {
      refuseUnknownOptions(options, optionNames);
      return options;
    },
    create: (...args) => new MapSubscription(...args),
  });
}

class MapSubscription {
  readonly #channel: string;
  readonly #connection: Connection;
  readonly #options: MapSubscribeOptions;
  readonly #onEmpty: () => void;
  readonly #subscribers: Subscribers<MapListeners>;
  readonly #entries = new Map<string, MapEntry>();
  readonly #sdk: SdkMapSubscription;

  constructor(channel: string, options: MapSubscribeOptions, connection: Connection, onEmpty: () => void) {
    this.#channel = channel;
    this.#options = options;
    this.#connection = connection;
    this.#onEmpty = onEmpty;
    this.#subscribers = new Subscribers(connection);
    this.#sdk = this.#open();
  }

  get status(): ChannelStatus {
    return this.#subscribers.status;
  }

  /** In no particular order. */
  get entries(): ReadonlyMap<string, MapEntry> {
    return this.#entries;
  }

  add(listeners: MapListeners, options: MapSubscribeOptions): () => void {
    assertCompatible(this.#channel, this.#options, options, optionNames);
    this.#sdk.subscribe();
    const remove = this.#subscribers.add(listeners, () => {
      discard(this.#sdk, this.#connection);
      this.#subscribers.end();
      this.#entries.clear();
      this.#onEmpty();
    });
    // Earlier subscribers have been told already.
    if (this.status.state === "subscribed" || this.#entries.size > 0)
      callGuarded(
        () => listeners.onChange?.({ kind: "reset" }),
        "a change listener",
        this.#connection.options.onError,
      );
    return remove;
  }

  close(): void {
    discard(this.#sdk, this.#connection);
    this.#subscribers.close();
  }

  #open(): SdkMapSubscription {
    const sdk = openSdkMap(this.#connection, this.#channel, this.#options);
    this.#subscribers.follow(sdk);
    sdk.on("subscribed", (context) => this.#subscribers.setStatus(toSubscribed(context)));
    sdk.on("sync", ({ entries }) => {
      this.#entries.clear();
      for (const entry of entries) this.#set(entry);
      this.#tell({ kind: "reset" });
    });
    sdk.on("update", (context) => {
      const { key } = context;
      if (context.removed) {
        this.#entries.delete(key);
        this.#tell({ kind: "remove", key });
        return;
      }
      const entry = this.#set(context);
      if (entry) this.#tell({ kind: "set", entry });
    });
    return sdk;
  }

  #set(context: SdkMapEntry): MapEntry | undefined {
    let entry: MapEntry | undefined;
    this.#connection.readPublication((payloads) => {
      entry = toMapEntry(context, payloads);
      this.#entries.set(entry.key, entry);
    });
    return entry;
  }

  #tell(change: MapChange): void {
    this.#subscribers.tell("a change listener", ({ onChange }) => onChange?.(change));
  }
}

function openSdkMap(
  { sdk }: Connection,
  channel: string,
  { type = "keys", token, data, tagsFilter }: MapSubscribeOptions,
): SdkMapSubscription {
  const options: MapSubscriptionOptions = {
    ...toSdkToken(token),
    ...(data !== undefined && { data }),
    ...(tagsFilter && { tagsFilter }),
  };
  if (type === "clients") return sdk.newMapClientsSubscription(channel, options);
  if (type === "users") return sdk.newMapUsersSubscription(channel, options);
  return sdk.newMapSubscription(channel, options);
}
