/** The maps of one client: one subscription for each that somebody listens to. */
import { refuseUnknownOptions } from "../../holdfast/src/errors.js";
import type { Connection } from "./connection.js";
import type { MapEntry } from "./map-entry.js";
import { checkMapOptions, type MapSubscribeOptions } from "./map-subscribe-options.js";
import { type MapListeners, mapListenerNames, SharedMap } from "./shared-map.js";
import { type ChannelStatus, notSubscribed } from "./status.js";

const none: ReadonlyMap<string, MapEntry> = new Map();

export class Maps {
  readonly #connection: Connection;
  readonly #byChannel = new Map<string, SharedMap>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  statusOf(channel: string): ChannelStatus {
    return this.#byChannel.get(channel)?.status ?? notSubscribed;
  }

  entriesOf(channel: string): ReadonlyMap<string, MapEntry> {
    return this.#byChannel.get(channel)?.entries ?? none;
  }

  /**
   * @returns a function that unsubscribes
   * @throws HF_OPTION_INVALID, HF_CLIENT_CLOSED
   */
  add(channel: string, listeners: MapListeners, options: MapSubscribeOptions): () => void {
    checkMapOptions(options);
    refuseUnknownOptions(listeners, mapListenerNames, "listeners");
    const { fault } = this.#connection;
    if (fault?.code === "HF_CLIENT_CLOSED") throw fault;
    this.#connection.start();
    let map = this.#byChannel.get(channel);
    if (map === undefined) {
      map = new SharedMap(channel, options, this.#connection, () => this.#byChannel.delete(channel));
      this.#byChannel.set(channel, map);
    }
    return map.add(listeners, options);
  }

  close(): void {
    for (const map of this.#byChannel.values()) map.close();
    this.#byChannel.clear();
  }
}
