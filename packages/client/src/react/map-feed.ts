/** A map as a component shows it: its entries, and how the subscription stands. A store: `subscribe` and `snapshot`. */

import { HoldfastError, messageOf } from "../../../holdfast/src/errors.js";
import type { ChannelStatus, LiveMap, MapEntry, MapSubscribeOptions } from "../index.js";

export interface MapSnapshot<Data> {
  /** By key. */
  readonly entries: readonly MapEntry<Data>[];
  readonly status: ChannelStatus;
  /** Why there is no subscription; gone once it works again. */
  readonly error: HoldfastError | undefined;
}

const notYet: ChannelStatus = { state: "subscribing", code: 0, reason: "subscribe called" };

export class MapFeed<Data> {
  readonly #map: LiveMap<never, Data>;
  readonly #options: MapSubscribeOptions;
  readonly #watchers = new Set<() => void>();
  #status = notYet;
  #error: HoldfastError | undefined;
  #snapshot: MapSnapshot<Data> | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(map: LiveMap<never, Data>, options: MapSubscribeOptions) {
    this.#map = map;
    this.#options = options;
  }

  /** The first watcher starts the subscription, the last ends it. */
  readonly subscribe = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    if (this.#watchers.size === 1) this.#start();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#stop();
    };
  };

  /** The same object until something changes. */
  readonly snapshot = (): MapSnapshot<Data> => {
    this.#snapshot ??= {
      entries: this.#unsubscribe ? this.#map.entries() : [],
      status: this.#status,
      error: this.#error,
    };
    return this.#snapshot;
  };

  #start(): void {
    this.#error = undefined;
    try {
      this.#unsubscribe = this.#map.subscribe(
        { onChange: () => this.#hasChanged(), onStatus: (status) => this.#become(status) },
        this.#options,
      );
      this.#hasChanged();
    } catch (error) {
      const text = messageOf(error);
      this.#error = error instanceof HoldfastError ? error : new HoldfastError("HF_REQUEST_REFUSED", text);
      this.#hasChanged();
    }
  }

  #stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#status = notYet;
    this.#snapshot = undefined;
  }

  #become(status: ChannelStatus): void {
    this.#status = status;
    if (status.state === "subscribed") this.#error = undefined;
    else if (status.state === "unsubscribed" && status.code !== 0) {
      const { code, reason } = status;
      this.#error = new HoldfastError(
        "HF_REQUEST_REFUSED",
        `the subscription to ${this.#map.name} was ended: ${reason} (code ${code})`,
        { details: { code } },
      );
    }
    this.#hasChanged();
  }

  #hasChanged(): void {
    this.#snapshot = undefined;
    for (const watcher of this.#watchers) watcher();
  }
}
