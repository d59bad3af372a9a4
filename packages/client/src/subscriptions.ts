/** The subscriptions of one client: one for each channel that somebody listens to. */
import { refuseUnknownOptions } from "../../holdfast/src/errors.js";
import type { Connection } from "./connection.js";
import { type ChannelListeners, channelListenerNames, SharedSubscription } from "./shared-subscription.js";
import { type ChannelStatus, notSubscribed } from "./status.js";
import { checkSubscribeOptions, type SubscribeOptions } from "./subscribe-options.js";

export class Subscriptions {
  readonly #connection: Connection;
  readonly #byChannel = new Map<string, SharedSubscription>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  statusOf(channel: string): ChannelStatus {
    return this.#byChannel.get(channel)?.status ?? notSubscribed;
  }

  /**
   * @returns a function that unsubscribes
   * @throws HF_OPTION_INVALID, HF_CLIENT_CLOSED
   */
  add(channel: string, listeners: ChannelListeners, options: SubscribeOptions): () => void {
    checkSubscribeOptions(options);
    refuseUnknownOptions(listeners, channelListenerNames, "listeners");
    const { fault } = this.#connection;
    if (fault?.code === "HF_CLIENT_CLOSED") throw fault;
    this.#connection.start();
    const joinLeave = options.joinLeave ?? (listeners.onJoin ?? listeners.onLeave) !== undefined;
    const wished = { ...options, joinLeave };
    const present = this.#byChannel.get(channel);
    if (present) return present.add(listeners, wished);
    const subscription = new SharedSubscription(channel, wished, this.#connection, () =>
      this.#byChannel.delete(channel),
    );
    this.#byChannel.set(channel, subscription);
    return subscription.add(listeners, wished);
  }

  close(): void {
    for (const subscription of this.#byChannel.values()) subscription.close();
    this.#byChannel.clear();
  }
}
